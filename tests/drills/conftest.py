"""One small project, trained once, and its sandbox: what every drill of a test begins with."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.drills.command import command
from holdfast.drills.run import Drills
from holdfast.drills.sandbox import Sandbox
from holdfast.project.project import Project
from holdfast.project.start import start

ROWS = 700
QUICK = ("--set", "bootstrap=0", "--set", "folds=2", "--set", "params={ num_iterations = 20, num_leaves = 4 }")


@pytest.fixture(scope="session")
def drills(tmp_path_factory: pytest.TempPathFactory) -> Drills:
    home: Path = tmp_path_factory.mktemp("drills")
    start("shop", "fraud", home / "project", rows=ROWS)
    command(home / "project", "train", *QUICK)
    (home / "work").mkdir()
    return Drills(Sandbox(Project.open(home / "project"), home / "work"), "shop")

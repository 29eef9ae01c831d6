"""A small project with versions that the gate can look at on a real server, and servers that are not sound."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from holdfast.checks import load
from holdfast.checks.check import Answer, Check
from holdfast.checks.journey import subject_of
from holdfast.checks.limits import Limits
from holdfast.checks.subject import Subject
from holdfast.checks.verdict import examine
from holdfast.project.project import Project
from holdfast.project.start import start
from holdfast.project.train import train

QUICK = ("params={ num_iterations = 10 }", "folds=2", "bootstrap=0")


def project(folder: Path, *, versions: int = 1, rows: int = 2_000, template: str = "fraud") -> Project:
    """A project of a template with trained versions; none of them is live."""
    start("shop", template, folder, rows=rows)
    made = Project.open(folder)
    for seed in range(versions):
        train(made, changes=(*QUICK, f"seed={seed}"))
    return made


@contextmanager
def subject(made: Project, version: str = "1", **settings: Any) -> Iterator[Subject]:
    """A version before the gate, with settings of the project changed; what was started for it is ended."""
    found = subject_of(replace(made, settings=replace(made.settings, **settings)), version)
    try:
        yield found
    finally:
        found.close()


def asked(check: Check, what: Subject, **limits: Any) -> Answer:
    """The check's answer, as the gate would have it: a check that raises has crashed."""
    verdict = examine(what, [check], Limits(**limits), clock=lambda: 1_800_000_000.0)
    return verdict.asked[0].answer


def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Load for moments only."""
    for name, value in {"STEADY": 1.0, "WARM": 0.2, "PEAK": 0.3, "BATCHES": 2}.items():
        monkeypatch.setattr(load, name, value)


def spoilt_servers(monkeypatch: pytest.MonkeyPatch, folder: Path, code: str) -> None:
    """From now on every server of ours runs `code` before anything else."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(folder))


def copied(made: Project, folder: Path) -> Project:
    shutil.copytree(made.folder, folder)
    return Project.open(folder)

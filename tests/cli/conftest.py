"""A small project that has been through the journey once: trained, promoted, served, told of outcomes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.vouched import promote

from holdfast.cli import main
from holdfast.project.build import build
from holdfast.project.project import Project
from holdfast.project.server import Server
from holdfast.project.start import start
from holdfast.project.traffic import Traffic
from holdfast.project.train import train
from holdfast.simulate import cards
from holdfast.simulate.table import DAY, this_minute

QUICK = ("params={ num_iterations = 20, num_leaves = 7 }", "folds=1", "bootstrap=0", "threads=1")
"""Training settings that are done in a moment."""


@dataclass(frozen=True)
class Answer:
    """What a command did: its exit code and what it printed."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Answer]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command in this process, as `holdfast …` would."""

    def call(*words: str | Path) -> Answer:
        monkeypatch.setattr("sys.argv", ["holdfast", *map(str, words)])
        try:
            main.main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        told = capsys.readouterr()
        return Answer(code, told.out, told.err)

    return call


@pytest.fixture(scope="session")
def _shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop") / "shop"
    start("shop", "cards", folder, data=False)
    now = this_minute()
    table = cards.payments(customers=60, terminals=30, days=75, end=now)
    past = table.columns["occurred_at"] < now - DAY
    table.take(past).known("is_fraud", now - DAY).write(folder / "data" / "payments.parquet")
    project = Project.open(folder)
    build(project)
    train(project, changes=QUICK)
    promote(project, "1", why="the first", who="tests")
    with Server(folder) as server:
        live = list(table.take(~past).bodies(frozenset({"is_fraud", "is_fraud_received_at"})))
        sent = Traffic(server.port, live[:40]).start().finish()
    assert len(sent.answered) == 40
    assert not sent.failed
    return folder


@pytest.fixture
def shop(_shop: Path, tmp_path: Path) -> Path:
    """A copy of it for one test, to do with as it likes."""
    folder = tmp_path / "shop"
    shutil.copytree(_shop, folder)
    return folder

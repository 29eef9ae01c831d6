"""The whole journey holds every promise it makes, also at half its size."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.checks.stage import hurried

from holdfast.checks.journey import examined
from holdfast.errors import HoldfastError
from holdfast.project.demo import demo
from holdfast.project.server import Server
from holdfast.project.traffic import Client

pytestmark = pytest.mark.long


def test_every_promise_of_the_demo_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hurried(monkeypatch)  # what load measures is waived: this machine is shared
    said: list[str] = []
    report = demo(tmp_path / "demo", examine=examined, rows=80_000, say=said.append)
    assert [(proof.promise, proof.figure) for proof in report.proofs if not proof.held] == []
    assert len(report.proofs) == 16
    assert (tmp_path / "demo" / "contract.py").is_file()
    assert all(any(key in line for line in report.lines()) for key in report.keys.values())
    assert answered_with(report.keys["shop"], tmp_path / "demo") == 200
    assert answered_with(report.keys["risk"], tmp_path / "demo") == 403


def answered_with(key: str, folder: Path) -> int:
    """What the server says to the payment that the demo leaves for its reader."""
    with Server(folder) as server, Client(server.port, key=key) as client:
        return client.post("/predict", json.loads((folder / "payment.json").read_text()))[0]


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(HoldfastError, match="not empty"):
        demo(tmp_path, examine=examined, rows=1_000, say=lambda _: None)
    assert (tmp_path / "notes.txt").read_text() == "mine"

"""The whole journey holds every promise it makes, also at half its size."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.checks import load
from holdfast.checks.journey import examined
from holdfast.errors import HoldfastError
from holdfast.project.demo import demo


def test_every_promise_of_the_demo_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "STEADY", 2.0)  # what it measures is waived: this machine is shared
    said: list[str] = []
    report = demo(tmp_path / "demo", examine=examined, rows=80_000, say=said.append)
    assert [(proof.promise, proof.figure) for proof in report.proofs if not proof.held] == []
    assert len(report.proofs) == 16
    assert (tmp_path / "demo" / "contract.py").is_file()
    assert len(report.lines()) == 5


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(HoldfastError, match="not empty"):
        demo(tmp_path, examine=examined, rows=1_000, say=lambda _: None)
    assert (tmp_path / "notes.txt").read_text() == "mine"

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tests.ledger.payments import START, contract, event, opened
from tests.ledger.test_rebuild import PAST, history

from holdfast.contract.model import DAY
from holdfast.errors import HoldfastError
from holdfast.ledger.history import fingerprint, pin, pinned, pinned_inputs


def kept(folder: Path) -> dict[str, Path]:
    pq.write_table(history()["payments"], folder / "payments.parquet")
    return {"payments": folder / "payments.parquet"}


def test_pinned_inputs_are_found_again_wherever_the_project_lies(tmp_path: Path) -> None:
    before = tmp_path / "before"
    before.mkdir()
    (told,) = pin(before / ".holdfast" / "history.json", contract, kept(before))
    assert told.rows == PAST
    assert told.path == "../payments.parquet"
    assert told.known_until > told.ends > START
    before.rename(tmp_path / "after")
    file = tmp_path / "after" / ".holdfast" / "history.json"
    assert pinned(file) == [told]
    assert pinned_inputs(file)["payments"].resolve() == (tmp_path / "after" / "payments.parquet").resolve()


def test_a_changed_or_missing_input_is_named(tmp_path: Path) -> None:
    inputs = kept(tmp_path)
    file = tmp_path / "history.json"
    pin(file, contract, inputs)
    with inputs["payments"].open("r+b") as changed:
        changed.seek(100)
        changed.write(b"?")
    with pytest.raises(HoldfastError, match="not what it was") as refused:
        pinned_inputs(file)
    assert [problem.code for problem in refused.value.problems] == ["changed"]
    inputs["payments"].unlink()
    with pytest.raises(HoldfastError) as refused:
        pinned_inputs(file)
    assert [problem.code for problem in refused.value.problems] == ["missing"]


def test_nothing_pinned_is_no_history(tmp_path: Path) -> None:
    assert pinned(tmp_path / "history.json") == []
    (tmp_path / "history.json").write_text("{")
    with pytest.raises(HoldfastError, match="cannot be read"):
        pinned(tmp_path / "history.json")


def test_a_folder_is_known_by_names_and_contents(tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    (folder / "a").write_text("1")
    one = fingerprint(folder)
    (folder / "a").rename(folder / "b")
    assert fingerprint(folder) != one
    (folder / "b").rename(folder / "a")
    assert fingerprint(folder) == one


@pytest.mark.parametrize("days", [0, 30])
def test_a_gap_between_history_and_ledger_is_refused(tmp_path: Path, days: int) -> None:
    _, writer = opened(tmp_path)
    writer.commit([event(PAST + 500, time=START + PAST * 600 * 1_000_000 + days * DAY)])
    if days:
        with pytest.raises(HoldfastError, match="gap between history and ledger"):
            pin(tmp_path / "history.json", contract, kept(tmp_path), tmp_path / "ledger")
        assert not (tmp_path / "history.json").exists()
    else:
        assert pin(tmp_path / "history.json", contract, kept(tmp_path), tmp_path / "ledger")

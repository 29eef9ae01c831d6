"""Records in no hurry: behind the next batch, in one order with it, and told when they could not be written."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.ledger.payments import decision, event, opened
from tests.ledger.test_log import Failing

from holdfast.features.state.state import State
from holdfast.ledger.group import GroupCommitter
from holdfast.ledger.log import LedgerUnavailable, Log
from holdfast.ledger.read import LedgerReader
from holdfast.ledger.records import Tally, kind
from holdfast.ledger.writer import LedgerWriter


def tally(number: int) -> Tally:
    return Tally(process="p", experiment=number, counts=[])


def test_riders_wait_for_a_batch_and_are_written_behind_it(tmp_path: Path) -> None:
    state, writer = opened(tmp_path)
    committer = GroupCommitter(writer)
    first = committer.ride([tally(1), tally(2)])
    second = committer.ride([tally(3)])
    assert LedgerReader(tmp_path / "ledger").last_seq() == 0
    answered = committer.submit(decision(1)).result()
    assert (first.done(), second.done(), answered.seq) == (True, True, 1)
    third = committer.ride([tally(4)])
    assert not third.done()
    committer.submit_all(()).result()  # nobody came: it goes alone
    assert third.done()
    records = list(LedgerReader(tmp_path / "ledger").records())
    kinds = ["decision"] + ["tally"] * 4
    assert [(kind(item), item.seq) for item in records] == list(zip(kinds, range(1, 6), strict=True))
    assert [item.experiment for item in records if isinstance(item, Tally)] == [1, 2, 3, 4]
    assert state.applied_seq == 5
    committer.close()


def test_a_rider_hears_that_its_batch_could_not_be_written(tmp_path: Path) -> None:
    state = State.open(tmp_path / "state")
    files = Failing()
    committer = GroupCommitter(LedgerWriter(Log(tmp_path / "ledger", files=files), state))
    committer.submit(event(1)).result()
    rider = committer.ride([tally(1), tally(2)])
    files.fail_write = True
    with pytest.raises(LedgerUnavailable):
        committer.submit(event(2)).result()
    with pytest.raises(LedgerUnavailable):
        rider.result(0)
    files.fail_write = False
    committer.submit(event(3)).result()
    assert not any(isinstance(item, Tally) for item in LedgerReader(tmp_path / "ledger").records())
    committer.close()

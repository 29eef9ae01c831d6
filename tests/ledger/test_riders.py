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
from holdfast.ledger.writer import FEWEST, RIDERS, LedgerWriter


def tally(number: int) -> Tally:
    return Tally(process="p", experiment=number, counts=[])


def test_a_rider_waits_for_a_batch_and_is_written_behind_it(tmp_path: Path) -> None:
    state, writer = opened(tmp_path)
    committer = GroupCommitter(writer)
    first = committer.ride([tally(number) for number in range(FEWEST)])
    second = committer.ride([tally(FEWEST)])
    assert LedgerReader(tmp_path / "ledger").last_seq() == 0
    answered = committer.submit(decision(1)).result()
    assert (first.done(), second.done(), answered.seq) == (True, False, 1)
    committer.submit_all(()).result()  # nobody came: it goes alone
    assert second.done()
    records = list(LedgerReader(tmp_path / "ledger").records())
    kinds = ["decision"] + ["tally"] * (FEWEST + 1)
    assert [(kind(item), item.seq) for item in records] == list(zip(kinds, range(1, FEWEST + 3), strict=True))
    assert state.applied_seq == FEWEST + 2
    committer.close()


def test_few_ride_behind_a_small_batch_more_behind_a_larger_one_and_all_behind_none(tmp_path: Path) -> None:
    state, writer = opened(tmp_path)
    committer = GroupCommitter(writer)
    ride = committer.ride([tally(number) for number in range(10 * FEWEST)])

    def written() -> list[int]:
        return [item.experiment for item in LedgerReader(tmp_path / "ledger").records() if isinstance(item, Tally)]

    committer.submit(decision(1)).result()
    assert written() == list(range(FEWEST))
    committer.submit_all([decision(number) for number in range(2, 2 + FEWEST)]).result()
    assert written() == list(range((1 + RIDERS) * FEWEST))
    assert not ride.done()
    committer.submit_all(()).result()
    assert ride.done()
    assert written() == list(range(10 * FEWEST))
    assert state.applied_seq == 11 * FEWEST + 1
    committer.close()


def test_a_rider_hears_that_its_batch_could_not_be_written(tmp_path: Path) -> None:
    state = State.open(tmp_path / "state")
    files = Failing()
    committer = GroupCommitter(LedgerWriter(Log(tmp_path / "ledger", files=files), state))
    committer.submit(event(1)).result()
    rider = committer.ride([tally(number) for number in range(2 * FEWEST)])
    files.fail_write = True
    with pytest.raises(LedgerUnavailable):
        committer.submit(event(2)).result()
    with pytest.raises(LedgerUnavailable):
        rider.result(0)
    files.fail_write = False
    committer.submit(event(3)).result()
    assert not any(isinstance(item, Tally) for item in LedgerReader(tmp_path / "ledger").records())
    committer.close()

"""Records in no hurry: behind the next batch, in one order with it, and told when they could not be written."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.ledger.payments import decision, event, opened
from tests.ledger.test_log import Failing

from holdfast.features.state.state import State
from holdfast.ledger.group import PIECE, GroupCommitter
from holdfast.ledger.log import LedgerUnavailable, Log
from holdfast.ledger.read import LedgerReader
from holdfast.ledger.records import Tally, kind
from holdfast.ledger.writer import LedgerWriter


def tally(number: int) -> Tally:
    return Tally(process="p", experiment=number, counts=[])


def test_a_rider_waits_for_a_batch_and_is_written_behind_it(tmp_path: Path) -> None:
    state, writer = opened(tmp_path)
    committer = GroupCommitter(writer)
    (first,), (second,) = committer.ride([tally(1), tally(2)]), committer.ride([tally(3)])
    assert LedgerReader(tmp_path / "ledger").last_seq() == 0
    answered = committer.submit(decision(1)).result()
    assert (first.done(), second.done(), answered.seq) == (True, False, 1)
    committer.submit_all(()).result()  # nobody came: it goes alone
    assert second.done()
    records = list(LedgerReader(tmp_path / "ledger").records())
    assert [(kind(item), item.seq) for item in records] == [("decision", 1), ("tally", 2), ("tally", 3), ("tally", 4)]
    assert state.applied_seq == 4
    committer.close()


def test_many_riders_go_in_pieces_few_behind_a_small_batch_and_all_behind_none(tmp_path: Path) -> None:
    state, writer = opened(tmp_path)
    committer = GroupCommitter(writer)
    pieces = list(committer.ride([tally(number) for number in range(1, 5 * PIECE + 1)]))
    assert len(pieces) == 5
    committer.submit(decision(1)).result()
    assert [piece.done() for piece in pieces] == [True, False, False, False, False]
    committer.submit_all([decision(number) for number in range(2, 2 + PIECE)]).result()
    assert [piece.done() for piece in pieces] == [True, True, True, False, False]  # RIDERS for each of the batch
    committer.submit_all(()).result()
    assert all(piece.done() for piece in pieces)
    kept = [item.experiment for item in LedgerReader(tmp_path / "ledger").records() if isinstance(item, Tally)]
    assert kept == list(range(1, 5 * PIECE + 1))
    assert state.applied_seq == 5 * PIECE + 1 + PIECE
    committer.close()


def test_a_rider_hears_that_its_batch_could_not_be_written(tmp_path: Path) -> None:
    state = State.open(tmp_path / "state")
    files = Failing()
    committer = GroupCommitter(LedgerWriter(Log(tmp_path / "ledger", files=files), state))
    committer.submit(event(1)).result()
    (rider,) = committer.ride([tally(1)])
    files.fail_write = True
    with pytest.raises(LedgerUnavailable):
        committer.submit(event(2)).result()
    with pytest.raises(LedgerUnavailable):
        rider.result(0)
    committer.close()

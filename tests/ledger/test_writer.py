"""Acceptance: one order, duplicates and conflicts under the lock, several writers, and what was told can be read."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import wait
from pathlib import Path

import lmdb
import pytest
from tests.ledger.payments import contract, decision, event, opened, outcome
from tests.ledger.test_log import Failing

from holdfast.errors import HoldfastError
from holdfast.features.plan import plan
from holdfast.features.state.rows import digest, rows
from holdfast.features.state.state import State
from holdfast.ledger.duplicates import Conflict
from holdfast.ledger.group import GroupCommitter
from holdfast.ledger.ids import seq_of
from holdfast.ledger.log import LedgerUnavailable, Log
from holdfast.ledger.read import LedgerReader
from holdfast.ledger.records import Decision, Outcome, Refusal
from holdfast.ledger.writer import LedgerWriter


def test_records_get_one_order_and_later_times(tmp_path: Path) -> None:
    state = State.open(tmp_path / "state")
    clock = iter([50, 40, 100])
    writer = LedgerWriter(Log(tmp_path / "ledger"), state, clock=lambda: next(clock))
    told = [*writer.commit([event(1), event(2)]), *writer.commit([event(3)]), *writer.commit([outcome(1)])]
    assert [record.seq for record in told] == [1, 2, 3, 4]
    assert [record.received_at for record in told] == [50, 51, 52, 100]
    assert state.applied_seq == 4


def test_a_record_is_visible_to_every_snapshot_after_its_reply(tmp_path: Path) -> None:
    state, writer = opened(tmp_path)
    for number in range(30):
        (told,) = writer.commit([event(number)])
        with state.snapshot() as snapshot:
            assert snapshot.applied_seq == told.seq
            assert snapshot.event("payments", f"p{number}") is not None


def test_the_same_body_gets_the_stored_answer_and_another_conflicts(tmp_path: Path) -> None:
    _, writer = opened(tmp_path)
    (first,) = writer.commit([decision(1)])
    assert isinstance(first, Decision)
    assert seq_of(first.prediction_id) == first.seq
    again = decision(1)
    again.score = 0.75
    assert writer.commit([again]) == [first]
    other = decision(1)
    other.digest = b"another content."
    with pytest.raises(Conflict, match="another content"):
        writer.commit([other])
    assert LedgerReader(tmp_path / "ledger").last_seq() == 1


def test_duplicates_within_a_batch_and_after_a_restart_are_the_same(tmp_path: Path) -> None:
    state, writer = opened(tmp_path)
    one, two = writer.commit([decision(1), decision(1)])
    assert one is two
    writer.close()
    state.close()
    _, writer = opened(tmp_path)
    assert writer.commit([decision(1)]) == [one]


def test_two_contents_of_one_id_in_one_batch_conflict(tmp_path: Path) -> None:
    _, writer = opened(tmp_path)
    other = decision(1)
    other.digest = b"another content."
    first, second = writer.settle([decision(1), other])
    assert isinstance(first, Decision)
    assert isinstance(second, Conflict)


def test_an_event_gets_its_decision_once_and_its_points_once(tmp_path: Path) -> None:
    state, writer = opened(tmp_path)
    writer.commit([event(1)])
    before = [row for row in rows(state) if row[0] == "point"]
    (told,) = writer.commit([decision(1)])
    assert isinstance(told, Decision)
    assert [row for row in rows(state) if row[0] == "point"] == before
    assert writer.commit([decision(1)]) == [told]
    with state.snapshot() as snapshot:
        assert LedgerReader(tmp_path / "ledger").decision_of(snapshot, "payments", "p1") == told


def test_one_conflict_refuses_a_commit_whole_and_settling_only_itself(tmp_path: Path) -> None:
    _, writer = opened(tmp_path)
    writer.commit([event(1)])
    wrong = event(1)
    wrong.digest = b"another content."
    with pytest.raises(Conflict):
        writer.commit([event(2), wrong])
    assert LedgerReader(tmp_path / "ledger").last_seq() == 1
    kept, refused, last = writer.settle([event(2), wrong, event(3)])
    assert isinstance(refused, Conflict)
    assert not isinstance(kept, Conflict)
    assert not isinstance(last, Conflict)
    assert (kept.seq, last.seq) == (2, 3)


def test_outcomes_are_versioned(tmp_path: Path) -> None:
    state, writer = opened(tmp_path)
    writer.commit([event(1)])
    (first,) = writer.commit([outcome(1, 1, 1)])
    assert writer.commit([outcome(1, 1, 1)]) == [first]
    with pytest.raises(Conflict, match="send the correction as version 2"):
        writer.commit([outcome(1, 0, 1)])
    writer.commit([outcome(1, 0, 3)])
    writer.commit([outcome(1, 1, 2)])
    with state.snapshot() as snapshot:
        label = snapshot.label("payments", "p1", "fraud")
    assert label is not None
    assert (label.version, label.value) == (3, 0)


def test_an_outcome_before_its_event_waits_for_it(tmp_path: Path) -> None:
    state, writer = opened(tmp_path / "early")
    writer.commit([outcome(1, 1, 1), outcome(1, 0, 2)])
    assert writer.commit([outcome(1, 0, 2)])[0].seq == 2
    writer.commit([event(1)])
    later, writer = opened(tmp_path / "late")
    writer.commit([event(1)])
    writer.commit([outcome(1, 0, 2)])
    points = [[row for row in rows(each) if row[0] == "point"] for each in (state, later)]
    assert points[0] == points[1]
    assert not any(row[0] == "pending" for row in rows(state))


def test_a_refusal_changes_nothing_but_the_order(tmp_path: Path) -> None:
    state, writer = opened(tmp_path)
    before = digest(state)
    writer.commit([Refusal(source="payments", body=b"{}", status=422)])
    assert digest(state) == before
    assert state.applied_seq == 1


def test_an_unavailable_ledger_tells_every_waiting_client_and_comes_back(tmp_path: Path) -> None:
    state = State.open(tmp_path / "state")
    files = Failing()
    writer = LedgerWriter(Log(tmp_path / "ledger", files=files), state)
    committer = GroupCommitter(writer)
    committer.submit(event(1)).result()
    files.fail_sync = True
    futures = [committer.submit(event(number)) for number in range(2, 12)]
    wait(futures)
    assert all(isinstance(future.exception(), LedgerUnavailable) for future in futures)
    assert state.applied_seq == 1
    files.fail_sync = False
    assert committer.submit(event(2)).result().seq == 2
    committer.close()


def test_what_is_recorded_but_not_in_state_is_answered_from_the_record_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, writer = opened(tmp_path)
    writer.commit([decision(1)])
    with monkeypatch.context() as patch:
        patch.setattr(State, "begin_write", lambda _: (_ for _ in ()).throw(lmdb.DiskError("no space")))
        with pytest.raises(LedgerUnavailable, match="recorded, but state cannot be written"):
            writer.commit([decision(2)])
    (told,) = writer.commit([decision(2)])
    assert told.seq == 2
    assert state.applied_seq == 2
    assert LedgerReader(tmp_path / "ledger").last_seq() == 2


def test_group_commits_answer_each_its_own(tmp_path: Path) -> None:
    _, writer = opened(tmp_path)
    committer = GroupCommitter(writer)
    futures = {number: committer.submit(decision(number)) for number in range(200)}
    wrong = decision(5)
    wrong.digest = b"another content."
    refused = committer.submit(wrong)
    many = committer.submit_all([event(500), wrong, event(501)])
    for number, future in futures.items():
        told = future.result()
        assert isinstance(told, Decision)
        assert told.event_id == f"p{number}"
        assert told.seq > 0
    assert isinstance(refused.exception(), Conflict)
    assert [isinstance(item, Conflict) for item in many.result()] == [False, True, False]
    committer.close()
    assert LedgerReader(tmp_path / "ledger").last_seq() == 202
    with pytest.raises(RuntimeError):
        committer.submit(event(9))


def test_a_ledger_shorter_than_the_state_it_fed_is_refused(tmp_path: Path) -> None:
    state, writer = opened(tmp_path)
    writer.commit([event(1)])
    writer.commit([event(2)])
    writer.close()
    (path,) = (tmp_path / "ledger").glob("*.log")
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(HoldfastError, match="up to where records were applied"):
        LedgerWriter(Log(tmp_path / "ledger"), state)


def test_what_another_writer_appended_and_did_not_apply_is_applied_first(tmp_path: Path) -> None:
    state, writer = opened(tmp_path)
    writer.commit([event(1)])
    behind = State.open(tmp_path / "behind")
    behind.register(plan(contract).series)
    late = LedgerWriter(Log(tmp_path / "ledger"), behind)
    writer.commit([event(2), outcome(1)])
    (told,) = late.commit([event(3)])
    assert told.seq == 4
    writer.commit([event(4)])
    late.commit([event(5)])
    writer.commit([event(6)])
    assert late.commit([event(6)])[0].seq == 7
    assert digest(state) == digest(behind)


def work(folder: Path, numbers: range, done: multiprocessing.Queue[tuple[int, int]]) -> None:
    _, writer = opened(folder)
    committer = GroupCommitter(writer)
    for start in range(numbers.start, numbers.stop, 8):
        futures = [committer.submit(decision(n)) for n in range(start, min(start + 8, numbers.stop))]
        futures += [committer.submit(outcome(n)) for n in range(start, min(start + 8, numbers.stop), 3)]
        for future in futures:
            told = future.result()
            if isinstance(told, Decision):
                done.put((int(told.event_id[1:]), told.seq))
    committer.close()
    done.put((-1, -1))


def test_two_processes_share_one_order_one_ledger_and_one_state(tmp_path: Path) -> None:
    state, _ = opened(tmp_path)
    context = multiprocessing.get_context("spawn")
    done: multiprocessing.Queue[tuple[int, int]] = context.Queue()
    # The ranges overlap: what both send is recorded once, and both are told so.
    workers = [
        context.Process(target=work, args=(tmp_path, numbers, done)) for numbers in (range(300), range(200, 500))
    ]
    for worker in workers:
        worker.start()
    told: dict[int, set[int]] = {}
    running = len(workers)
    while running:
        number, seq = done.get(timeout=60)
        running -= number < 0
        if number >= 0:
            told.setdefault(number, set()).add(seq)
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    assert set(told) == set(range(500))
    assert all(len(seqs) == 1 for seqs in told.values())
    records = list(LedgerReader(tmp_path / "ledger").records())
    assert [record.seq for record in records] == list(range(1, len(records) + 1))
    assert sum(isinstance(record, Decision) for record in records) == 500
    assert any(isinstance(record, Outcome) for record in records)
    fresh, _ = State.open(tmp_path / "fresh"), None
    fresh.register(plan(contract).series)
    LedgerWriter(Log(tmp_path / "ledger"), fresh)
    assert list(rows(fresh)) == list(rows(state))

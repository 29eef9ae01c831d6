"""The state file: series, growth, other processes, and what crashes and power cuts leave of it."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from pathlib import Path

import lmdb
import pytest
from tests.ledger.payments import contract, event, opened, outcome, wider

from holdfast.errors import HoldfastError
from holdfast.features.plan import plan
from holdfast.features.state import durability, tables
from holdfast.features.state.durability import Found
from holdfast.features.state.rows import digest, rows
from holdfast.features.state.state import State
from holdfast.ledger.log import Log
from holdfast.ledger.writer import LedgerWriter

SERIES = plan(contract).series


def apply(state: State, numbers: range) -> None:
    with state.begin_write() as writer:
        for number in numbers:
            record = event(number)
            writer.apply_event(number + 1, "payments", record.event_id, record.time, record.body, record.digest)


def test_series_of_an_empty_state_are_ready_and_later_ones_are_not(tmp_path: Path) -> None:
    state, writer = opened(tmp_path)
    assert all(state.ready(item) for item in SERIES)
    writer.commit([event(1)])
    missing = state.register(plan(wider).series)
    assert missing
    assert {item.key for item in missing} == {item.key for item in plan(wider).series} - {item.key for item in SERIES}
    assert not any(state.ready(item) for item in missing)
    assert state.register(SERIES) == []


def test_a_transaction_is_seen_whole_or_not_at_all(tmp_path: Path) -> None:
    state = State.open(tmp_path)
    state.register(SERIES)
    record = event(1)

    def half() -> None:
        with state.begin_write() as writer:
            writer.apply_event(1, "payments", "p1", record.time, record.body, record.digest)
            with state.snapshot() as snapshot:
                assert snapshot.event("payments", "p1") is None
            assert writer.snapshot().event("payments", "p1") is not None
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    assert list(rows(state)) == []


def test_a_full_map_grows_and_the_transaction_is_begun_again(tmp_path: Path) -> None:
    state = State.open(tmp_path / "state", map_bytes=1 << 17)
    state.register(SERIES)
    writer = LedgerWriter(Log(tmp_path / "ledger"), state)
    for start in range(0, 4_000, 500):
        writer.commit([event(number) for number in range(start, start + 500)])
    assert sum(row[0] == "event" for row in rows(state)) == 4_000


def test_the_map_does_not_grow_under_a_snapshot_that_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holdfast.features.state.state._GROWTH_WAIT", 0.05)
    state = State.open(tmp_path)
    with state.snapshot(), pytest.raises(HoldfastError, match="held too long"):
        state.grow()
    state.grow()


def test_no_snapshot_begins_while_the_map_grows(tmp_path: Path) -> None:
    state = State.open(tmp_path)
    grown, entered = threading.Event(), threading.Event()

    def grow() -> None:
        state.grow()
        grown.set()

    def enter() -> None:
        with state.snapshot():
            entered.set()

    with state.snapshot():
        threads = [threading.Thread(target=grow), threading.Thread(target=enter)]
        threads[0].start()
        while not state._growing:
            time.sleep(0.001)
        threads[1].start()
        assert not entered.wait(0.2)
        assert not grown.is_set()
    for thread in threads:
        thread.join(10)
    assert grown.is_set()
    assert entered.is_set()


def grow_elsewhere(path: Path) -> None:
    state = State.open(path, map_bytes=1 << 17)
    for start in range(100, 3_000, 100):
        try:
            apply(state, range(start, start + 100))
        except lmdb.MapFullError:
            state.grow()
            apply(state, range(start, start + 100))


def test_a_map_grown_by_another_process_is_followed(tmp_path: Path) -> None:
    state = State.open(tmp_path, map_bytes=1 << 17)
    state.register(SERIES)
    apply(state, range(100))
    worker = multiprocessing.get_context("spawn").Process(target=grow_elsewhere, args=(tmp_path,))
    worker.start()
    worker.join(60)
    assert worker.exitcode == 0
    with state.snapshot() as snapshot:
        assert snapshot.event("payments", "p2999") is not None
    apply(state, range(3_000, 3_100))
    assert sum(row[0] == "event" for row in rows(state)) == 3_100


def test_a_state_opened_before_a_fork_is_refused_after_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = State.open(tmp_path)
    parent = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: parent + 1)
    with pytest.raises(RuntimeError, match="before a fork"), state.snapshot():
        pass


def test_a_readonly_state_reads_and_does_not_write(tmp_path: Path) -> None:
    with pytest.raises(HoldfastError, match="cannot be opened"):
        State.open(tmp_path / "absent", readonly=True)
    state = State.open(tmp_path)
    state.register(SERIES)
    apply(state, range(5))
    state.close()
    reading = State.open(tmp_path, readonly=True)
    with reading.snapshot() as snapshot:
        assert snapshot.event("payments", "p3") is not None
    with pytest.raises(HoldfastError, match="reading only"), reading.begin_write():
        pass


def test_a_state_of_another_format_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    State.open(tmp_path).close()
    kept = tables.FORMAT
    monkeypatch.setattr(tables, "FORMAT", kept + 1)
    with pytest.raises(HoldfastError, match=f"format {kept}"):
        State.open(tmp_path)


def die(path: Path, boot: str, orderly: bool) -> None:
    """Write under a boot, then end without closing, as a killed process does."""
    state = State.open(path, boot=boot)
    if state.found is Found.NEW:
        state.register(SERIES)
    apply(state, range(10))
    if orderly:
        state.close()
    os._exit(0)


def died(path: Path, boot: str, *, orderly: bool = False) -> None:
    worker = multiprocessing.get_context("spawn").Process(target=die, args=(path, boot, orderly))
    worker.start()
    worker.join(60)
    assert worker.exitcode == 0


def test_a_killed_process_leaves_a_state_to_trust(tmp_path: Path) -> None:
    died(tmp_path, "one")
    state = State.open(tmp_path, boot="one")
    assert state.found is Found.TRUSTED
    assert sum(row[0] == "event" for row in rows(state)) == 10


def test_after_a_power_cut_an_unsynced_state_is_discarded(tmp_path: Path) -> None:
    died(tmp_path, "one")
    state = State.open(tmp_path, boot="two")
    assert state.found is Found.DISCARDED
    assert list(rows(state)) == []
    assert state.registered() == []


def test_an_orderly_close_is_trusted_after_a_power_cut_until_the_next_write(tmp_path: Path) -> None:
    died(tmp_path, "one", orderly=True)
    died(tmp_path, "two", orderly=True)
    state = State.open(tmp_path, boot="three")
    assert state.found is Found.TRUSTED
    assert sum(row[0] == "event" for row in rows(state)) == 10
    assert not (tmp_path / durability.CLEAN).exists()
    state.close()
    died(tmp_path, "three")
    assert State.open(tmp_path, boot="four").found is Found.DISCARDED


def keep_and_die(path: Path) -> None:
    state, writer = opened(path)
    writer.commit([event(number) for number in range(20)])
    state.checkpoint()
    writer.commit([event(number) for number in range(20, 40)] + [outcome(3)])
    os._exit(0)


def test_after_a_power_cut_the_checkpoint_is_taken_and_the_ledger_replayed_onto_it(tmp_path: Path) -> None:
    worker = multiprocessing.get_context("spawn").Process(target=keep_and_die, args=(tmp_path,))
    worker.start()
    worker.join(60)
    data = tmp_path / "state" / durability.DATA
    # What the cut made of the file does not matter: it is not read.
    data.write_bytes(b"\0" * 4_096 + data.read_bytes()[4_096:])
    state = State.open(tmp_path / "state", boot="after the cut")
    assert state.found is Found.CHECKPOINT
    assert state.applied_seq == 20
    LedgerWriter(Log(tmp_path / "ledger"), state)
    assert state.applied_seq == 41
    fresh, writer = opened(tmp_path / "fresh")
    writer.commit([event(number) for number in range(20)])
    writer.commit([event(number) for number in range(20, 40)] + [outcome(3)])
    assert digest(fresh) == digest(state)


def test_a_boot_without_a_name_is_never_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    assert durability.boot_id() == durability.boot_id()

    def absent(path: Path) -> str:
        raise FileNotFoundError(path)

    monkeypatch.setattr(Path, "read_text", absent)
    assert durability.boot_id() != durability.boot_id()


def test_dead_readers_are_freed(tmp_path: Path) -> None:
    State.open(tmp_path).close()
    worker = multiprocessing.get_context("spawn").Process(target=hold_and_die, args=(tmp_path,))
    worker.start()
    worker.join(60)
    state = State.open(tmp_path)
    assert state.check_readers() == 0  # opening freed it already


def hold_and_die(path: Path) -> None:
    state = State.open(path)
    state.enter()
    os._exit(0)

"""Order, append, sync, apply, reply: how a record is accepted, the same for one process or many.

One batch is written at a time, under one lock across processes: state first catches up with what other processes
appended; each record gets the next `seq`; the batch is appended and synced; it is applied to state; only then is
anyone told. What was acknowledged is therefore on the disk, and visible to every snapshot taken afterwards.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path

import lmdb

from holdfast.errors import HoldfastError
from holdfast.features.state.snapshot import Snapshot
from holdfast.features.state.state import Reading, State
from holdfast.features.state.tables import Applied
from holdfast.features.state.writing import Writer
from holdfast.ledger.duplicates import Conflict, Seen
from holdfast.ledger.ids import prediction_id
from holdfast.ledger.log import LedgerUnavailable, Log, Position
from holdfast.ledger.read import LedgerReader
from holdfast.ledger.records import Decision, Event, Outcome, Record, decode, encode

Settled = Record | Conflict

Bodies = dict[bytes, dict[str, object]]
"""Bodies and what strict reading made of them, for whoever needs them next."""


def now_micros() -> int:
    return time.time_ns() // 1_000


def utc_day(micros: int) -> str:
    """``20261122``: the UTC day of an instant."""
    return datetime.fromtimestamp(micros // 1_000_000, UTC).strftime("%Y%m%d")


class LedgerWriter:
    """Accepts records into `log` and `state`. Open it after forking; its threads may share it.

    Catches up on opening, so that state holds every record of the ledger. Raises HoldfastError on a damaged ledger.
    """

    def __init__(self, log: Log, state: State, *, clock: Callable[[], int] = now_micros) -> None:
        self._log = log
        self._state = state
        self._clock = clock
        self._reader = LedgerReader(log.directory)
        self._threads = threading.Lock()
        self._lock = _open_lock(log.directory / "lock")
        self.rides: deque[tuple[Sequence[Record], Future[None]]] = deque()
        """Records in no hurry, a few at a time: written behind the next batch, they cost no sync of their own."""
        with self._alone():
            self._catch_up()

    def commit(self, records: Sequence[Record], *, still: Callable[[], None] | None = None) -> list[Record]:
        """Accept all of these records, or refuse them all when one conflicts with what is recorded.

        `still` is called when nobody else can write any more, with everything they wrote in the ledger: what it raises
        refuses the records.

        Returns them in order with `seq` and `received_at` (and `prediction_id`); in the place of one that was
        recorded before (same source, id and body), the stored one. Raises Conflict, or LedgerUnavailable when
        nothing could be written.
        """
        with self._alone():
            if still is not None:
                still()
            settled = self._settle(records, {}, together=True)
        answers = []
        for item in settled:
            if isinstance(item, Conflict):
                raise item
            answers.append(item)
        return answers

    @property
    def sync_seconds(self) -> float:
        """How long the last sync took."""
        return self._log.sync_seconds

    def snapshot(self) -> Reading:
        """State as it is now, to decide on what is then settled."""
        return self._state.snapshot()

    def settle(self, records: Sequence[Record], read: Bodies | None = None) -> list[Settled]:
        """Like `commit`, but each record on its own: a Conflict stands in the place of one that is refused.

        `read`: bodies that were read already.
        """
        with self._alone():
            return self._settle(records, read or {}, together=False)

    def _settle(self, records: Sequence[Record], read: Bodies, *, together: bool) -> list[Settled]:
        self._catch_up()
        with self._state.snapshot() as snapshot:
            applied = snapshot.applied
            settled, fresh = self._resolve(snapshot, records)
        if together and any(isinstance(item, Conflict) for item in settled):
            return settled
        if self.rides and (fresh or not records):
            self._with_riders(fresh, applied, read)
        elif fresh:
            self._accept(fresh, applied, read)
        return settled

    def _with_riders(self, records: list[Record], applied: Applied, read: Bodies) -> None:
        riding = [self.rides.popleft() for _ in range(len(self.rides))]
        try:
            self._accept([*records, *(record for riders, _ in riding for record in riders)], applied, read)
        except Exception as error:
            for _, written in riding:
                written.set_exception(error)
            raise
        for _, written in riding:
            written.set_result(None)

    def _resolve(self, snapshot: Snapshot, records: Sequence[Record]) -> tuple[list[Settled], list[Record]]:
        """What each record will be answered with, and those that are new."""
        seen = Seen(snapshot, self._reader)
        settled: list[Settled] = []
        fresh: list[Record] = []
        for record in records:
            earlier = seen.earlier(record)
            settled.append(record if earlier is None else earlier)
            if earlier is None:
                fresh.append(record)
        return settled, fresh

    def _accept(self, records: list[Record], applied: Applied, read: Bodies) -> None:
        received, seq = applied.received_at, applied.seq
        now = self._clock()
        for record in records:
            seq += 1
            received = max(received + 1, now)
            record.seq, record.received_at = seq, received
            if isinstance(record, Decision):
                record.prediction_id = prediction_id(seq)
        position = self._log.append(encode(records), len(records), utc_day(received))
        try:
            self._apply([(position, records)], read)
        except (lmdb.Error, OSError) as error:
            raise LedgerUnavailable(
                f"recorded, but state cannot be written: {error}",
                where=str(self._state.path),
                mend="send it again: it will be answered from the record once state can be written",
            ) from error

    def _catch_up(self) -> None:
        """Apply what is in the ledger and not in state: another process appended it and died, or state is older."""
        applied = self._state.applied
        batches = self._log.follow(Position(applied.first_seq, applied.offset, applied.seq))
        waiting: list[tuple[Position, list[Record]]] = []
        held = 0
        for position, payload in batches:
            if not waiting and not held:
                # Whoever wrote it may have died before the sync; nothing enters state that is not on the disk.
                self._log.sync()
            waiting.append((position, decode(payload)))
            held += len(waiting[-1][1])
            if held >= 4_096:
                self._apply(waiting)
                waiting, held = [], 1
        if waiting:
            self._apply(waiting)
        if self._log.position.seq < applied.seq:
            raise HoldfastError(
                f"the ledger ends at record {self._log.position.seq}, but state holds record {applied.seq}",
                where=str(self._log.directory),
                mend="restore the ledger from a backup, or rebuild state from what is left of it",
            )

    def _apply(self, batches: list[tuple[Position, list[Record]]], read: Bodies | None = None) -> None:
        while True:
            try:
                with self._state.begin_write() as writer:
                    for _, records in batches:
                        apply(writer, records, read or {})
                    position, last = batches[-1][0], batches[-1][1][-1]
                    writer.advance(Applied(last.seq, last.received_at, position.first_seq, position.offset))
                return
            except lmdb.MapFullError:
                self._state.grow()

    def _alone(self) -> _Alone:
        return _Alone(self._threads, self._lock)

    def close(self) -> None:
        with self._threads:
            os.close(self._lock)
            self._log.close()


class _Alone:
    """This thread of this process, and no other."""

    __slots__ = ("_lock", "_threads")

    def __init__(self, threads: threading.Lock, lock: int) -> None:
        self._threads = threads
        self._lock = lock

    def __enter__(self) -> None:
        self._threads.acquire()
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        except BaseException:
            self._threads.release()
            raise

    def __exit__(self, *_: object) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_UN)
        finally:
            self._threads.release()


def _open_lock(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    except OSError as error:
        raise LedgerUnavailable(f"the ledger's lock cannot be opened: {error.strerror}", where=str(path)) from error


def apply(writer: Writer, records: Sequence[Record], read: Mapping[bytes, dict[str, object]]) -> None:
    """Project records onto state, in order. Refusals, promotions and pinned history leave it as it is."""
    for record in records:
        if isinstance(record, Event | Decision):
            writer.apply_event(
                record.seq,
                record.source,
                record.event_id,
                record.time,
                record.body,
                record.digest,
                decision=isinstance(record, Decision),
                raw=read.get(record.body),
            )
        elif isinstance(record, Outcome):
            writer.apply_outcome(record.seq, record.source, record.label, record.event_id, record.version, record.value)

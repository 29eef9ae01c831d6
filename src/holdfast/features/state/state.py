"""The state file: opened after fork, read by many processes at once, written by one at a time.

One LMDB environment in a folder on a local disk, a sparse map that grows, writes without sync (`durability` says what
that means), every read one short transaction.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import lmdb

from holdfast.errors import HoldfastError
from holdfast.features.plan import Series
from holdfast.features.state import durability, tables
from holdfast.features.state.durability import Found
from holdfast.features.state.nodes import series_of
from holdfast.features.state.snapshot import Snapshot
from holdfast.features.state.tables import SKIPPED, Applied, Registered, Tables
from holdfast.features.state.writing import Appliers, Writer

MAP_BYTES = 64 << 30
"""Address space, not disk: the file is sparse and grows as it is filled."""

READERS = 1_024
_GROWTH_WAIT = 10.0
_CLEARED = 20_000
"""Keys looked at in one transaction while a series is cleared away."""


class State:
    """The state in a folder. Open one per process, after forking; threads may share it."""

    def __init__(self, path: Path, environment: lmdb.Environment, found: Found, *, readonly: bool) -> None:
        self.path = path
        self.found = found
        """What opening it found; after `CHECKPOINT` or `DISCARDED` the ledger must be replayed."""
        self._clean = str(path / durability.CLEAN)
        self._environment = environment
        self._readonly = readonly
        self._process = os.getpid()
        self._use = -1 if readonly else durability.use(path)
        self._lock = threading.Condition()
        self._reading = 0
        self._growing = False
        self.tables = tables.open_tables(environment, create=not readonly)
        self._appliers = Appliers(-1, ())
        if readonly:
            return
        environment.reader_check()
        with environment.begin(write=True) as transaction:
            kept = tables.file_format(transaction, self.tables)
            if kept not in (0, tables.FORMAT):
                raise HoldfastError(
                    f"this state is of format {kept}, this Holdfast keeps format {tables.FORMAT}",
                    where=str(path),
                    mend="run `holdfast state rebuild`",
                )
            if not kept:
                tables.set_format(transaction, self.tables)

    @classmethod
    def open(
        cls, path: Path | str, *, readonly: bool = False, boot: str | None = None, map_bytes: int = MAP_BYTES
    ) -> State:
        """Open the state in `path`, made when there is none (not when readonly).

        State from before a power cut is discarded first, see `found`. Raises HoldfastError when it cannot be opened.
        """
        path = Path(path)
        found = Found.TRUSTED
        try:
            if not readonly:
                found = durability.prepare(path, durability.boot_id() if boot is None else boot)
                durability.unclean(path)
            return cls(path, _environment(path, map_bytes, readonly=readonly), found, readonly=readonly)
        except (lmdb.Error, OSError) as error:
            mend = "run `holdfast state rebuild`" if not readonly else "start `holdfast serve` or rebuild it first"
            raise HoldfastError(f"the state cannot be opened: {error}", where=str(path), mend=mend) from error

    # Reading

    def snapshot(self) -> Reading:
        """``with state.snapshot() as snapshot:`` for one request's reads."""
        return Reading(self)

    @property
    def applied(self) -> Applied:
        with self.snapshot() as snapshot:
            return snapshot.applied

    @property
    def applied_seq(self) -> int:
        return self.applied.seq

    # Writing

    @contextmanager
    def begin_write(self) -> Iterator[Writer]:
        """One write transaction, committed at the end, undone when an exception leaves it.

        Other writers wait. A full map raises lmdb.MapFullError: call `grow` and begin again.
        """
        with self.transaction() as transaction:
            version = tables.version(transaction, self.tables)
            if version != self._appliers.version:
                self._appliers = Appliers(version, tables.registered(transaction, self.tables).values())
            yield Writer(self.tables, transaction, self._appliers)

    @contextmanager
    def transaction(self) -> Iterator[lmdb.Transaction[bytes]]:
        """A bare write transaction, for building; records go through `begin_write`."""
        self._check_process()
        if self._readonly:
            raise HoldfastError("this state was opened for reading only", where=str(self.path))
        info = self._environment.info()
        if info["last_pgno"] * 4_096 > info["map_size"] * 3 // 4:
            self.grow()
        try:
            transaction = self._environment.begin(self.tables.nodes, write=True)
        except lmdb.MapResizedError:
            self._resize(0)
            transaction = self._environment.begin(self.tables.nodes, write=True)
        except lmdb.PanicError:
            self._reopen()
            transaction = self._environment.begin(self.tables.nodes, write=True)
        with transaction:
            if os.path.exists(self._clean):  # once a batch, so not through a Path
                durability.unclean(self.path)
            yield transaction

    def grow(self) -> None:
        """Double the map; waits for this process's readers."""
        self._resize(self._environment.info()["map_size"] * 2)

    def _resize(self, size: int) -> None:
        with self._unread():
            self._environment.set_mapsize(size)

    def _reopen(self) -> None:
        """After a failed write of its first pages LMDB answers nothing more until it is opened anew; the file is as
        the last whole transaction left it.
        """
        broken = self._environment
        with self._unread():
            if self._environment is not broken:
                return
            size = broken.info()["map_size"]
            broken.close()
            self._environment = _environment(self.path, size, readonly=self._readonly)
            self.tables = tables.open_tables(self._environment, create=False)

    @contextmanager
    def _unread(self) -> Iterator[None]:
        """No thread of this process has a snapshot open, or opens one."""
        with self._lock:
            while self._growing:
                self._lock.wait()
            self._growing = True
            try:
                if not self._lock.wait_for(lambda: self._reading == 0, _GROWTH_WAIT):
                    raise HoldfastError("a snapshot is held too long: the state's map cannot change under it")
                yield
            finally:
                self._growing = False
                self._lock.notify_all()

    # Series

    def register(self, series: Iterable[Series], *, complete: bool = True) -> list[Series]:
        """Keep these series from now on; returns those that are not ready and must be built (`ledger.rebuild`).

        In a state nothing was applied to yet, they are ready at once, unless history is still to come (`complete`
        False). Otherwise live writers add the points of records after this moment, a builder adds the earlier ones.
        """
        missing = []
        with self.transaction() as transaction:
            since = tables.applied(transaction, self.tables).seq
            fresh = since == 0 and transaction.stat(self.tables.events)["entries"] == 0 and complete
            for item in series:
                known = tables.registration(transaction, self.tables, item)
                if known is None:
                    tables.register(transaction, self.tables, item, since=since, ready=fresh)
                if not (fresh if known is None else known.ready):
                    missing.append(item)
        return missing

    def ready(self, series: Series) -> bool:
        """Whether reads of this series are complete."""
        known = self.registration(series)
        return known is not None and known.ready

    def registration(self, series: Series) -> Registered | None:
        with self.snapshot() as snapshot:
            return tables.registration(snapshot.transaction, self.tables, series)

    def registered(self) -> list[Registered]:
        with self.snapshot() as snapshot:
            return list(tables.registered(snapshot.transaction, self.tables).values())

    def restart(self, series: Series) -> int:
        """Clear what an interrupted build left of a series; returns the seq up to which it must be built again."""
        with self.transaction() as transaction:
            tables.register(transaction, self.tables, series, since=SKIPPED, ready=False)
        at: bytes | None = b""
        while at is not None:
            at = self._clear(series, at)
        with self.transaction() as transaction:
            since = tables.applied(transaction, self.tables).seq
            tables.register(transaction, self.tables, series, since=since, ready=False)
        return since

    def _clear(self, series: Series, at: bytes) -> bytes | None:
        """Delete a series' points among the keys from `at`, in one short transaction; returns where to go on."""
        ordered = series.structure == "ordered"
        with self.transaction() as transaction:
            cursor = transaction.cursor(self.tables.ordered if ordered else self.tables.nodes)
            found = cursor.set_range(max(at, series.key) if ordered else at)
            for _ in range(_CLEARED):
                key = cursor.key()
                if not found or (ordered and not key.startswith(series.key)):
                    return None
                found = cursor.delete() if ordered or series_of(key) == series.key else cursor.next()
            return cursor.key() if found else None

    def publish(self, series: Iterable[Series]) -> None:
        """Say that these series are complete."""
        with self.transaction() as transaction:
            for item in series:
                known = tables.registration(transaction, self.tables, item)
                if known is not None:
                    tables.register(transaction, self.tables, item, since=known.since, ready=True)

    @property
    def history(self) -> list[str]:
        """The inputs of history whose events are loaded."""
        with self.snapshot() as snapshot:
            return tables.history(snapshot.transaction, self.tables)

    @history.setter
    def history(self, inputs: list[str]) -> None:
        with self.transaction() as transaction:
            tables.set_history(transaction, self.tables, inputs)

    # Keeping

    def check_readers(self) -> int:
        """Free the read slots of dead processes, so that their pages can be used again; call each minute."""
        return self._environment.reader_check()

    def checkpoint(self) -> None:
        """Keep a synced copy of the whole file: after a power cut it is where replay begins."""
        with durability.gate(self.path):
            part = self.path / "checkpoint.part"
            self._copy(part)
            part.rename(self.path / durability.CHECKPOINT)
            durability.sync_directory(self.path)

    def copy(self, to: Path) -> int:
        """Write the whole file as it is at one moment to `to`; returns the seq it surely holds."""
        applied = self.applied_seq
        to.parent.mkdir(parents=True, exist_ok=True)
        self._copy(to)
        return applied

    def _copy(self, to: Path) -> None:
        with to.open("wb") as file:
            self._environment.copyfd(file.fileno())
            os.fsync(file.fileno())

    def close(self) -> None:
        """Sync the file and say that it is clean, so that the next start trusts it whatever the boot."""
        if self._readonly:
            self._environment.close()
            return
        with self._environment.begin(write=True):
            # Under the write lock: nobody else's transaction falls between the sync and the mark.
            self._environment.sync(True)
            durability.clean(self.path)
        self._environment.close()
        os.close(self._use)

    def _check_process(self) -> None:
        if os.getpid() != self._process:
            raise RuntimeError("this State was opened before a fork; open one in each process")

    def enter(self) -> lmdb.Transaction[bytes]:
        self._check_process()
        with self._lock:
            while self._growing:
                self._lock.wait()
            self._reading += 1
        try:
            return self._environment.begin(self.tables.nodes)
        except lmdb.MapResizedError:
            self.leave()
            self._resize(0)
            return self.enter()
        except lmdb.PanicError:
            self.leave()
            self._reopen()
            return self.enter()
        except BaseException:
            self.leave()
            raise

    def leave(self) -> None:
        with self._lock:
            self._reading -= 1
            if self._growing:
                self._lock.notify_all()


class Reading:
    """The context of one snapshot; a class because a generator would cost as much as the reads."""

    __slots__ = ("_state", "_transaction")

    def __init__(self, state: State) -> None:
        self._state = state

    def __enter__(self) -> Snapshot:
        self._transaction = self._state.enter()
        return Snapshot(self._state.tables, self._transaction)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._transaction.abort()
        self._state.leave()


def _environment(path: Path, map_bytes: int, *, readonly: bool) -> lmdb.Environment:
    return lmdb.open(
        str(path),
        map_size=max(map_bytes, _size(path) * 2),
        max_dbs=len(Tables._fields),
        max_readers=READERS,
        readonly=readonly,
        create=not readonly,
        sync=False,
        metasync=False,
        readahead=False,
        max_spare_txns=16,
    )


def _size(path: Path) -> int:
    try:
        return (path / durability.DATA).stat().st_size
    except OSError:
        return 0

"""Where counts are kept: one LMDB file in `.holdfast/profiles/`, together with how far the ledger was counted.

Counts and cursor change in one transaction, so whatever was not written is counted again from the ledger, and nothing
twice. Minutes of event time are rolled up into hours, and those into days, once they are older than the newest minute
by what `Keep` says; nothing here reads a clock. Any process may read at any time.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import lmdb
import msgspec

from holdfast.contract.model import DAY
from holdfast.errors import HoldfastError
from holdfast.monitoring.counts import Counts, total

MINUTE = 60_000_000
HOUR = 60 * MINUTE
Level = Literal["m", "h", "d"]
LENGTH: dict[Level, int] = {"m": MINUTE, "h": HOUR, "d": DAY}
NEXT: dict[Level, Level] = {"m": "h", "h": "d"}
SERVICE = ""
"""In the place of a version: what the server as a whole did."""
FORMAT = 2
"""2: what counts as below or above all of training is told by `bundle.bins.outer_of`."""
_MAP = 1 << 30
_CURSOR = b"!cursor"


@dataclass(frozen=True, slots=True)
class Keep:
    """For how long, in days of event time before the newest minute, minutes, hours and days are kept."""

    minutes: int = 3
    hours: int = 100
    days: int = 1_100


class Cursor(msgspec.Struct, array_like=True):
    """How far the ledger was counted, and what has to be known to go on from there. Later versions may append."""

    format: int = FORMAT
    seq: int = 0
    """The last record that was counted."""
    newest: int = 0
    """The newest event time of a decision, µs UTC; 0 before there was one."""
    oldest: int = 0
    """The oldest."""
    lag: int = 0
    """How long after its event time the newest decision was received, in µs: what has no event time is put so long
    before it was received."""
    champion: tuple[str, str] = ("", "")
    """(version, bundle) of the champion after `seq`."""
    bundles: dict[str, str] = {}
    """The bundle of each version and contract seen so far, by ``version:contract``."""
    hours_before: int = 0
    """What lies before this instant is kept by hours, or days."""
    days_before: int = 0
    """What lies before this one is kept by days."""
    gone_before: int = 0
    """What lay before this one is gone."""
    received_at: int = 0
    """When the record `seq` was received: by this a ledger is told from another."""

    def level(self, time: int) -> Level | None:
        """How an instant is kept; None where it is not any more."""
        if time >= self.hours_before:
            return "m"
        if time >= self.days_before:
            return "h"
        return "d" if time >= self.gone_before else None


_open: dict[tuple[int, str], tuple[lmdb.Environment, int]] = {}
"""Open environments and by how many stores, by process and place: LMDB wants one for each file and process."""
_opening = threading.Lock()


class Store:
    """The counts in a folder; made when there is none, unless `readonly`: then empty counts are read.

    Any thread may use it, none a store that was opened before a fork. Raises HoldfastError for counts it cannot read.
    """

    def __init__(self, path: Path, *, readonly: bool = False) -> None:
        self.path = path
        self._readonly = readonly
        self._at = (os.getpid(), str(path.resolve()))
        self._environment: lmdb.Environment | None = None
        self._enter()
        cursor = self.cursor()
        if cursor.format > FORMAT:
            self.close()
            what = f"these counts are of format {cursor.format}, this Holdfast keeps format {FORMAT}"
            raise HoldfastError(what, where=str(path), mend=_MEND)

    def _enter(self) -> None:
        with _opening:
            found, many = _open.get(self._at, (None, 0))
            if found is None:
                if self._readonly and not (self.path / "data.mdb").exists():
                    return
                try:
                    self.path.mkdir(parents=True, exist_ok=True)
                    found = lmdb.open(str(self.path), map_size=_MAP, mode=0o640, metasync=False)
                    found.reader_check()
                except (lmdb.Error, OSError) as error:
                    what = f"the counts cannot be opened: {error}"
                    raise HoldfastError(what, where=str(self.path), mend=_MEND) from error
            _open[self._at] = (found, many + 1)
            self._environment = found

    def close(self) -> None:
        with _opening:
            if self._environment is None:
                return
            environment, many = _open.pop(self._at)
            if many > 1:
                _open[self._at] = (environment, many - 1)
            else:
                environment.close()
            self._environment = None

    def cursor(self) -> Cursor:
        with self._reading() as view:
            return view.cursor()

    def versions(self) -> tuple[tuple[str, str], ...]:
        """(version, bundle) of each that anything was counted of."""
        with self._reading() as view:
            return tuple(view.versions())

    def counts(self, version: str, start: int, end: int, bundle: str = "") -> Counts:
        """Everything of a version in [start, end), µs UTC of event time; the bundle's, where a version had several.

        Minutes that are kept as such are told apart; an hour or a day that was rolled up counts where it begins.
        """
        with self._reading() as view:
            return total(view.stretches(version, start, end, bundle), version, start, end)

    def hours(self, version: str, start: int, end: int, bundle: str = "") -> list[Counts]:
        """The same by hours of the clock, without the empty ones; what was rolled up into days is left out."""
        with self._reading() as view:
            found: dict[int, list[Counts]] = {}
            for item in view.stretches(version, start, end, bundle, ("m", "h")):
                found.setdefault(item.start // HOUR * HOUR, []).append(item)
        return [
            total(parts, version, max(at, start), min(at + HOUR, end), parts[0].contract)
            for at, parts in sorted(found.items())
        ]

    @contextmanager
    def writing(self) -> Iterator[View]:
        """One transaction: all that is added in it, or nothing. On the disk when the block has ended."""
        environment = self._environment
        if environment is None:
            raise HoldfastError("there are no counts to write to", where=str(self.path))
        transaction = _begun(environment, write=True)
        try:
            yield View(transaction)
        except BaseException:
            transaction.abort()
            raise
        transaction.commit()

    def grow(self) -> None:
        """After `lmdb.MapFullError`: twice the room. Nobody in this process may be reading."""
        environment = self._environment
        assert environment is not None
        environment.set_mapsize(2 * environment.info()["map_size"])

    @contextmanager
    def _reading(self) -> Iterator[View]:
        if self._environment is None:
            self._enter()  # somebody may have made them meanwhile
        if self._environment is None:
            yield View(None)
            return
        transaction = _begun(self._environment)
        try:
            yield View(transaction)
        finally:
            transaction.abort()


class View:
    """The store within one transaction."""

    def __init__(self, transaction: lmdb.Transaction | None) -> None:
        self._transaction = transaction

    def cursor(self) -> Cursor:
        found = None if self._transaction is None else self._transaction.get(_CURSOR)
        return Cursor() if found is None else msgspec.msgpack.decode(found, type=Cursor)

    def put_cursor(self, cursor: Cursor) -> None:
        self._writes.put(_CURSOR, msgspec.msgpack.encode(cursor))

    def clear(self) -> None:
        """As if nothing had been counted."""
        with self._writes.cursor() as at:
            there = at.first()
            while there:
                there = at.delete()

    def versions(self) -> Iterator[tuple[str, str]]:
        seen = dict[tuple[str, str], None]()
        for level in LENGTH:
            at = level.encode()
            while (key := self._at_or_after(at)) is not None and key.startswith(level.encode()):
                name = _name_of(key)
                if name[0] != SERVICE:
                    seen[name] = None
                at = key[:-8] + b"\xff" * 9
        yield from seen

    def stretches(
        self, version: str, start: int, end: int, bundle: str = "", levels: Sequence[Level] = ("d", "h", "m")
    ) -> Iterator[Counts]:
        """The stored parts of [start, end), from the oldest kind to the minutes."""
        names = [(SERVICE, "")] if version == SERVICE else [
            name for name in self.versions() if name[0] == version and bundle in ("", name[1])
        ]  # fmt: skip
        for name in names:
            for level in levels:
                for _, data in self._range(level, name, start, end):
                    yield Counts.unpacked(data)

    def add(self, counts: Iterable[Counts], cursor: Cursor) -> None:
        """Put these minutes to what there is, where `cursor` says each is kept now. What is too old is dropped."""
        together: dict[tuple[Level, int, str, str], Counts] = {}
        for item in counts:
            level = cursor.level(item.start)
            if level is None:
                continue
            start = item.start // LENGTH[level] * LENGTH[level]
            key = (level, start, item.version, item.bundle)
            together[key] = together[key] + item if key in together else item
        for (level, start, version, bundle), item in together.items():
            self._put(level, start, (version, bundle), item)

    def roll_up(self, cursor: Cursor, keep: Keep) -> None:
        """Move what has become old for its kind to the next one, and drop what is too old for the last; the cursor
        tells it. Cheap where no hour has ended since the last time.
        """
        hours = (cursor.newest - keep.minutes * DAY) // HOUR * HOUR
        days = (cursor.newest - keep.hours * DAY) // DAY * DAY
        gone = (cursor.newest - keep.days * DAY) // DAY * DAY
        if hours > cursor.hours_before:
            cursor.hours_before = hours
            self._move("m", hours)
        if days > cursor.days_before:
            cursor.days_before = days
            self._move("h", days)
        if gone > cursor.gone_before:
            cursor.gone_before = gone
            self._drop("d", gone)

    def _move(self, level: Level, before: int) -> None:
        up = NEXT[level]
        length = LENGTH[up]
        for name in self._names(level):
            found: dict[int, Counts] = {}
            keys = []
            for key, data in self._range(level, name, 0, before):
                item = Counts.unpacked(data)
                start = item.start // length * length
                found[start] = found[start] + item if start in found else item
                keys.append(key)
            for key in keys:
                self._writes.delete(key)
            for start, item in found.items():
                self._put(up, start, name, item)

    def _drop(self, level: Level, before: int) -> None:
        for name in self._names(level):
            for key in [key for key, _ in self._range(level, name, 0, before)]:
                self._writes.delete(key)

    def _names(self, level: Level) -> list[tuple[str, str]]:
        return [name for name in [(SERVICE, ""), *self.versions()] if next(self._range(level, name, 0, 1 << 62), None)]

    def _put(self, level: Level, start: int, name: tuple[str, str], item: Counts) -> None:
        key = _key(level, name, start)
        before = self._writes.get(key)
        if before is not None:
            item = Counts.unpacked(before) + item
        self._writes.put(key, total([item], item.version, start, start + LENGTH[level], item.contract).packed())

    def _range(self, level: Level, name: tuple[str, str], start: int, end: int) -> Iterator[tuple[bytes, bytes]]:
        if self._transaction is None:
            return
        with self._transaction.cursor() as at:
            stop = _key(level, name, end)
            there = at.set_range(_key(level, name, max(0, start)))
            while there and bytes(at.key()) < stop:
                yield bytes(at.key()), bytes(at.value())
                there = at.next()

    def _at_or_after(self, key: bytes) -> bytes | None:
        if self._transaction is None:
            return None
        with self._transaction.cursor() as at:
            return bytes(at.key()) if at.set_range(key) else None

    @property
    def _writes(self) -> lmdb.Transaction:
        assert self._transaction is not None
        return self._transaction


_MEND = "move the folder away: all but latencies and replies is counted again from the ledger"


def _begun(environment: lmdb.Environment, *, write: bool = False) -> lmdb.Transaction:
    try:
        return environment.begin(write=write)
    except lmdb.MapResizedError:  # another process gave it more room
        environment.set_mapsize(0)
        return environment.begin(write=write)


def _key(level: Level, name: tuple[str, str], start: int) -> bytes:
    """Kind, version, bundle, time: in this order, so that a stretch lies together."""
    return level.encode() + msgspec.msgpack.encode(name) + start.to_bytes(8, "big")


def _name_of(key: bytes) -> tuple[str, str]:
    return msgspec.msgpack.decode(key[1:-8], type=tuple[str, str])


def folder(home: Path) -> Path:
    return home / "profiles"

"""The tables of a state file and the few values that describe it."""

from __future__ import annotations

from typing import Any, NamedTuple

import lmdb
import msgspec

from holdfast.contract.model import plain
from holdfast.features.plan import Series, series_from

FORMAT = 2
_APPLIED, _VERSION, _FORMAT, _HISTORY = b"applied", b"version", b"format", b"history"
SKIPPED = 1 << 62
"""`since` of a series whose points are being cleared away: nothing is applied to it."""


class Tables(NamedTuple):
    """LMDB's named databases in one file."""

    nodes: Any
    """Nodes of `tree` and `ranges`, by series, entity and number."""
    ordered: Any
    events: Any
    pending: Any
    """Outcomes of events not seen yet, by event."""
    series: Any
    meta: Any


def open_tables(environment: lmdb.Environment, *, create: bool) -> Tables:
    return Tables(*(environment.open_db(name.encode(), create=create) for name in Tables._fields))


class Applied(msgspec.Struct, array_like=True, frozen=True):
    """How far the ledger is applied: the last record's seq and time of receipt (µs), and the place after its batch."""

    seq: int = 0
    received_at: int = 0
    first_seq: int = 1
    offset: int = 0


class Registered(msgspec.Struct, array_like=True):
    """A series in state: live writers add the points of records after `since`, a builder those up to it."""

    shape: dict[str, Any]
    since: int
    ready: bool

    @property
    def series(self) -> Series:
        return series_from(self.shape)


_encode = msgspec.msgpack.Encoder().encode
_decode_applied = msgspec.msgpack.Decoder(Applied).decode
_decode_registered = msgspec.msgpack.Decoder(Registered).decode


def applied(transaction: lmdb.Transaction[bytes], tables: Tables) -> Applied:
    found = transaction.get(_APPLIED, db=tables.meta)
    return Applied() if found is None else _decode_applied(found)


def set_applied(transaction: lmdb.Transaction[bytes], tables: Tables, value: Applied) -> None:
    transaction.put(_APPLIED, _encode(value), db=tables.meta)


def version(transaction: lmdb.Transaction[bytes], tables: Tables) -> int:
    """Grows whenever a series is registered or changes, so that other processes notice."""
    return int.from_bytes(transaction.get(_VERSION, b"", db=tables.meta), "big")


def registered(transaction: lmdb.Transaction[bytes], tables: Tables) -> dict[bytes, Registered]:
    return {key: _decode_registered(value) for key, value in transaction.cursor(tables.series)}


def registration(transaction: lmdb.Transaction[bytes], tables: Tables, series: Series) -> Registered | None:
    found = transaction.get(series.key, db=tables.series)
    return None if found is None else _decode_registered(found)


def register(transaction: lmdb.Transaction[bytes], tables: Tables, series: Series, *, since: int, ready: bool) -> None:
    transaction.put(series.key, _encode(Registered(plain(series), since, ready)), db=tables.series)
    following = version(transaction, tables) + 1
    transaction.put(_VERSION, following.to_bytes(8, "big"), db=tables.meta)


def history(transaction: lmdb.Transaction[bytes], tables: Tables) -> list[str]:
    found = transaction.get(_HISTORY, db=tables.meta)
    return [] if found is None else msgspec.msgpack.decode(found, type=list[str])


def set_history(transaction: lmdb.Transaction[bytes], tables: Tables, inputs: list[str]) -> None:
    transaction.put(_HISTORY, _encode(inputs), db=tables.meta)


def file_format(transaction: lmdb.Transaction[bytes], tables: Tables) -> int:
    return int.from_bytes(transaction.get(_FORMAT, b"", db=tables.meta), "big")


def set_format(transaction: lmdb.Transaction[bytes], tables: Tables) -> None:
    transaction.put(_FORMAT, FORMAT.to_bytes(1, "big"), db=tables.meta)

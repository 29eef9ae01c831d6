"""Points one by one in order of (time, id): first, last and as-of.

A key is series, entity, time (8 bytes that sort) and the id's UTF-8, so equal times are ordered by their ids' bytes;
the value is the cell in msgpack (nil is a null, and a value).
"""

from __future__ import annotations

from collections.abc import Iterator

import lmdb
import msgspec

from holdfast.contract.model import Cell
from holdfast.features.state.keys import sortable, time_of

_WIDTH = 8 + 16
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Cell).decode


def pair(key: bytes, time: int, event_id: bytes, cell: Cell) -> tuple[bytes, bytes]:
    """What one point is in the file."""
    return key + sortable(time) + event_id, _encode(cell)


def last(cursor: lmdb.Cursor[bytes], key: bytes, start: int, end: int) -> tuple[int, Cell] | None:
    """(time, value) of the last point with ``start <= time < end``."""
    if not (cursor.prev() if cursor.set_range(key + sortable(end)) else cursor.last()):
        return None
    found = cursor.key()
    if found[:_WIDTH] != key or (time := time_of(found[_WIDTH : _WIDTH + 8])) < start:
        return None
    return time, _decode(cursor.value())


def first(cursor: lmdb.Cursor[bytes], key: bytes, start: int, end: int) -> tuple[int, Cell] | None:
    """(time, value) of the first point with ``start <= time < end``."""
    if not cursor.set_range(key + sortable(start)):
        return None
    found = cursor.key()
    if found[:_WIDTH] != key or (time := time_of(found[_WIDTH : _WIDTH + 8])) >= end:
        return None
    return time, _decode(cursor.value())


def at_least(cursor: lmdb.Cursor[bytes], key: bytes, start: int, end: int, wanted: int) -> bool:
    """Whether the window holds so many points; counts no further."""
    if not cursor.set_range(key + sortable(start)):
        return wanted <= 0
    limit = key + sortable(end)
    while wanted > 0:
        if cursor.key() >= limit:
            return False
        wanted -= 1
        if wanted and not cursor.next():
            return False
    return True


def points(cursor: lmdb.Cursor[bytes], key: bytes) -> Iterator[tuple[int, bytes, Cell]]:
    """(time, id, value) of all points of an entity in order."""
    found = cursor.set_range(key)
    while found and cursor.key()[:_WIDTH] == key:
        name = cursor.key()
        yield time_of(name[_WIDTH : _WIDTH + 8]), name[_WIDTH + 8 :], _decode(cursor.value())
        found = cursor.next()

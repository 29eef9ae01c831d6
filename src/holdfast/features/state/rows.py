"""State as rows in one canonical order: two states that hold the same, however it got there, give equal rows."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from itertools import groupby

import msgspec

from holdfast.features.plan import Series
from holdfast.features.state import events, ordered, tree
from holdfast.features.state.keys import ENTITY, SERIES
from holdfast.features.state.nodes import series_of
from holdfast.features.state.snapshot import Snapshot
from holdfast.features.state.state import State
from holdfast.features.state.tables import Tables
from holdfast.features.state.writing import ranges_shape, sums_shape

Row = tuple[object, ...]


def rows(state: State) -> Iterator[Row]:
    """Every point of every series, every event and every outcome that waits for its event.

    Sums at one instant are added up: a correction is the same as having had the right value at once.
    """
    with state.snapshot() as snapshot:
        tables = state.tables
        for item in sorted(state.registered(), key=lambda item: item.series.key):
            series = item.series
            for entity in _entities(series, snapshot, tables):
                for point in _points(series, snapshot, series.key + entity):
                    yield "point", series.key.hex(), entity.hex(), *point
        for key, value in snapshot.transaction.cursor(tables.events):
            stored = events.decode(value)
            labels = tuple(sorted((name, *label) for name, label in stored.labels.items()))
            yield "event", key, stored.seq, stored.time, stored.body, stored.digest, stored.decision, labels
        for key, value in snapshot.transaction.cursor(tables.pending):
            yield "pending", key, tuple(sorted((name, *label) for name, label in events.decode_pending(value).items()))


def _entities(series: Series, snapshot: Snapshot, tables: Tables) -> Iterator[bytes]:
    """The hash of each entity that has points in a series, in order."""
    if series.structure != "ordered":
        for root in snapshot.transaction.cursor(tables.nodes).iternext(values=False):
            if len(root) == ENTITY + SERIES and series_of(root) == series.key:
                yield root[:ENTITY]
        return
    cursor = snapshot.ordered()
    found = cursor.set_range(series.key)
    while found and cursor.key().startswith(series.key):
        entity = cursor.key()[SERIES : SERIES + ENTITY]
        yield entity
        # The first key past this entity's: its own bytes followed by more than any time and id have.
        found = cursor.set_range(series.key + entity + b"\xff" * 300)


def digest(state: State) -> str:
    """32 hex digits that equal states share."""
    total = blake2b(digest_size=16)
    encode = msgspec.msgpack.Encoder().encode
    for row in rows(state):
        total.update(encode(row))
    return total.hexdigest()


def _points(series: Series, snapshot: Snapshot, key: bytes) -> Iterator[Row]:
    if series.structure == "ordered":
        yield from ordered.points(snapshot.ordered(), key)
    elif series.structure in ("sums", "labels"):
        found = tree.points(sums_shape(series), snapshot.get, key)
        for time, points in groupby(found, key=lambda point: point.time):
            n = s = q = 0
            for point in points:
                n, s, q = n + point.n, s + point.s, q + point.q
            yield time, n, s, str(q)
    else:
        yield from sorted(ranges_shape(series).points(snapshot.get, key))

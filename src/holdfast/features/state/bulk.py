"""Many points at once: grouped by entity, in order of time, straight into fresh trees.

Reads the same as adding them record by record (points are additive); an entity that has points already gets them
merged, within one short transaction, so that live writers may go on meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import lmdb
import numpy as np
from numpy.typing import NDArray

from holdfast.contract.model import Cell
from holdfast.features.columns import Column, given
from holdfast.features.entities import entity_codes
from holdfast.features.history import Events, Outcomes
from holdfast.features.kernel.columns import predicate
from holdfast.features.plan import Series
from holdfast.features.sources import Input
from holdfast.features.state import ordered, tree
from holdfast.features.state.bodies import Bodies
from holdfast.features.state.events import StoredEvent, Version, decode, decode_pending, encode
from holdfast.features.state.keys import entity_hash, event_key, id_bytes
from holdfast.features.state.nodes import Ints
from holdfast.features.state.state import State
from holdfast.features.state.tables import Tables, applied
from holdfast.features.state.writing import ranges_shape, sums_shape

BATCH = 50_000
"""Points in one transaction: live writers wait for no more than that."""


@dataclass(frozen=True)
class Points:
    """Points of one series in any order: an entity's hash is ``hashes[entity[i]]``."""

    series: Series
    hashes: Sequence[bytes]
    entity: Ints
    times: Ints
    values: Sequence[Cell] | NDArray[np.generic] | None = None
    """Cells; None for a series without values."""
    ids: Sequence[str] | NDArray[np.object_] | None = None
    """Of `ordered` series only."""
    counts: Ints | None = None
    """Of `labels` series only: 1, or 0 for a correction."""


def points_of(series: Series, events: Events, outcomes: Outcomes | None = None) -> Points:
    """A series' points in imported history. `outcomes` for a `labels` series: the highest version of each counts."""
    fields = {item.name for item in series.fields}
    cells = {name: column for name, column in events.cells.items() if name in fields}
    passed = np.ones(len(events), dtype=np.bool_)
    if series.where is not None:
        passed = predicate(series.where, cells, series.zones, series.fields)
    if series.structure == "labels":
        none = np.zeros(0, dtype=np.int64)
        at, _, values = (none, none, none) if outcomes is None else best_outcomes(outcomes)
        values, at = values[passed[at]], at[passed[at]]
        hashes, codes = _entities(series, cells)
        return Points(series, hashes, codes[at], events.times[at], values, counts=np.ones(len(at), dtype=np.int64))
    column = None if series.value is None else cells[series.value]
    if column is not None and not series.nulls:
        passed &= given(column)
    at = np.flatnonzero(passed)
    hashes, codes = _entities(series, cells)
    plain: Sequence[Cell] | NDArray[np.generic] | None = None
    if column is not None:
        plain = column.values[at] if series.structure == "sums" else _cells(column, at)
    ids = events.ids[at] if series.structure == "ordered" else None
    return Points(series, hashes, codes[at], events.times[at], plain, ids)


def best_outcomes(outcomes: Outcomes) -> tuple[Ints, Ints, Ints]:
    """(event, version, value) of the highest version for each event."""
    order = np.lexsort((outcomes.version, outcomes.event))
    event = outcomes.event[order]
    last = np.append(event[1:] != event[:-1], True) if len(event) else np.zeros(0, dtype=np.bool_)
    return event[last], outcomes.version[order][last], outcomes.value[order][last]


def _entities(series: Series, cells: dict[str, Column]) -> tuple[list[bytes], Ints]:
    """The hash of each entity, and for each event which one it is of."""
    keys = [cells[name] for name in series.keys]
    codes, _, _ = entity_codes(keys, keys)
    _, first, entity = np.unique(codes, return_index=True, return_inverse=True)
    columns = [_cells(column, first) for column in keys]
    return [entity_hash(key) for key in zip(*columns, strict=True)], entity.astype(np.int64)


def _cells(column: Column, at: Ints) -> list[Cell]:
    values: list[Cell] = column.values[at].tolist()
    if column.values.dtype == np.int32 or column.values.dtype == object:
        return values
    return [value if there else None for value, there in zip(values, given(column)[at].tolist(), strict=True)]


def load_events(
    state: State,
    events: Events,
    given_input: Input,
    outcomes: Mapping[str, Outcomes],
    progress: Callable[[int], None] | None = None,
) -> None:
    """Put imported events into the table of events, with their labels (by name) as they stand.

    `given_input` is what the events were read from; their bodies are made of it.
    """
    source = events.source
    order = np.array(sorted(range(len(events)), key=[event_key(source.name, i) for i in events.ids].__getitem__))
    labels = [(name, *_by_event(found, len(events))) for name, found in outcomes.items()]
    with state.snapshot() as snapshot:
        fresh = snapshot.transaction.stat(state.tables.events)["entries"] == 0
    # By name, so that contracts that declare them in another order make the same bodies.
    make = Bodies(events, sorted(source.fields, key=lambda item: item.name), given_input)
    for start in range(0, len(order), BATCH):
        at = order[start : start + BATCH]
        known = [(name, version[at].tolist(), value[at].tolist()) for name, version, value in labels]
        pairs = []
        rows = zip(events.ids[at].tolist(), events.times[at].tolist(), make(at), strict=True)
        for row, (name, time, body) in enumerate(rows):
            label = {
                item: Version(version[row], value[row], 0) for item, version, value in known if version[row] != _NONE
            }
            pairs.append((event_key(source.name, name), encode(StoredEvent(0, time, body, b"", 0, label))))
        _growing(state, partial(_put_events, tables=state.tables, pairs=pairs, fresh=fresh))
        if progress is not None:
            progress(len(at))


_NONE = -(1 << 62)


def _by_event(outcomes: Outcomes, events: int) -> tuple[Ints, Ints]:
    """Version (none: `_NONE`) and value of each event's label."""
    at, version, value = best_outcomes(outcomes)
    versions, values = np.full(events, _NONE, dtype=np.int64), np.zeros(events, dtype=np.int64)
    versions[at], values[at] = version, value
    return versions, values


def _put_events(
    transaction: lmdb.Transaction[bytes], tables: Tables, pairs: list[tuple[bytes, bytes]], fresh: bool
) -> None:
    if not fresh or applied(transaction, tables).seq:
        pairs = [(key, _merged(transaction, tables, key, new)) for key, new in pairs]
    transaction.cursor(tables.events).putmulti(pairs)


def _merged(transaction: lmdb.Transaction[bytes], tables: Tables, key: bytes, new: bytes) -> bytes:
    """An imported event together with what the ledger brought of it already: its decision and its outcomes."""
    found = transaction.get(key, db=tables.events)
    early = transaction.pop(key, db=tables.pending)
    if found is None and early is None:
        return new
    event = decode(new)
    labels = {} if early is None else decode_pending(early)
    if found is not None:
        before = decode(found)
        event.decision = before.decision
        labels |= before.labels
    for name, version in labels.items():
        if name not in event.labels or event.labels[name].version < version.version:
            event.labels[name] = version
    return encode(event)


def _growing(state: State, work: Callable[[lmdb.Transaction[bytes]], None]) -> None:
    """One transaction of work, begun again when the map had to grow."""
    while True:
        try:
            with state.transaction() as transaction:
                work(transaction)
            return
        except lmdb.MapFullError:
            state.grow()


def load(state: State, points: Points, progress: Callable[[int], None] | None = None) -> None:
    """Add points to a series; `progress` hears how many more are in the file."""
    if not len(points.times):
        return
    order = np.lexsort((points.times, points.entity))
    entity = points.entity[order]
    starts = np.flatnonzero(np.append(True, entity[1:] != entity[:-1]))
    ends = np.append(starts[1:], len(entity))
    groups = sorted(
        (points.series.key + points.hashes[entity[start]], start, end)
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
    )
    add = _adder(points, order)
    while groups:
        size, taken = 0, 0
        while taken < len(groups) and size < BATCH:
            size += groups[taken][2] - groups[taken][1]
            taken += 1
        part, groups = groups[:taken], groups[taken:]

        def work(transaction: lmdb.Transaction[bytes], part: list[tuple[bytes, int, int]] = part) -> None:
            for key, start, end in part:
                add(transaction, state.tables, key, start, end)

        _growing(state, work)
        if progress is not None:
            progress(size)


_Add = Callable[["lmdb.Transaction[bytes]", Tables, bytes, int, int], None]


def _adder(points: Points, order: Ints) -> _Add:
    if points.series.structure == "ordered":
        return _add_ordered(points, order)
    if points.series.structure in ("extremes", "distinct"):
        return _add_ranges(points, order)
    return _add_sums(points, order)


def _add_sums(points: Points, order: Ints) -> _Add:
    shape = sums_shape(points.series)
    times = points.times[order]
    values = None if points.values is None else np.asarray(points.values, dtype=np.int64)[order]
    counts = None if points.counts is None else points.counts[order]

    def add(transaction: lmdb.Transaction[bytes], tables: Tables, key: bytes, start: int, end: int) -> None:
        part = slice(start, end)
        t = times[part]
        n = None if counts is None else counts[part]
        s = None if values is None else values[part]
        there = list(tree.nodes(shape, transaction.get, key))
        if there:
            kept = np.array([item[:3] for item in tree.points(shape, transaction.get, key)], dtype=np.int64)
            t = np.concatenate([kept[:, 0], t])
            again = np.argsort(t, kind="stable")
            t = t[again]
            n = None if n is None else np.concatenate([kept[:, 1], n])[again]
            s = None if s is None else np.concatenate([kept[:, 2], s])[again]
        _replace(transaction, there, tree.build(shape, key, t, n, s))

    return add


def _replace(
    transaction: lmdb.Transaction[bytes], there: list[tuple[bytes, bytes]], nodes: Iterator[tuple[bytes, bytes]]
) -> None:
    for key, _ in there:
        transaction.delete(key)
    for key, node in sorted(nodes):
        transaction.put(key, node)


def _add_ranges(points: Points, order: Ints) -> _Add:
    shape = ranges_shape(points.series)
    times = points.times[order]
    cells = points.values if points.values is not None else ()
    values = [shape.value(cells[at]) for at in order.tolist()]

    def add(transaction: lmdb.Transaction[bytes], tables: Tables, key: bytes, start: int, end: int) -> None:
        found = list(zip(times[start:end].tolist(), values[start:end], strict=True))
        there = list(shape.nodes(transaction.get, key))
        if there:
            found = sorted([*shape.points(transaction.get, key), *found], key=lambda item: item[0])
        _replace(transaction, there, shape.build(key, found))

    return add


def _add_ordered(points: Points, order: Ints) -> _Add:
    times = points.times[order].tolist()
    places = order.tolist()
    ids = points.ids if points.ids is not None else ()
    cells = points.values

    def add(transaction: lmdb.Transaction[bytes], tables: Tables, key: bytes, start: int, end: int) -> None:
        pairs = []
        for at in range(start, end):
            value = None if cells is None else cells[places[at]]
            pairs.append(ordered.pair(key, times[at], id_bytes(ids[places[at]]), value))
        pairs.sort()
        transaction.cursor(tables.ordered).putmulti(pairs)

    return add

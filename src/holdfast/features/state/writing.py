"""Changing state inside one write transaction: events, outcomes, and how far the ledger is applied."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Literal

import lmdb

from holdfast.contract.model import Cell
from holdfast.features.plan import Series
from holdfast.features.state import events, nodes, ordered, tree
from holdfast.features.state.events import StoredEvent, Version
from holdfast.features.state.keys import event_key, id_bytes
from holdfast.features.state.nodes import Point, Shape
from holdfast.features.state.points import Projector
from holdfast.features.state.ranges import Ranges
from holdfast.features.state.snapshot import Snapshot
from holdfast.features.state.tables import Applied, Registered, Tables, applied, set_applied


def sums_shape(series: Series) -> Shape:
    """How the tree of a `sums` or `labels` series is laid out."""
    labels = series.structure == "labels"
    shape = Shape(counts=labels, sums=labels or series.value is not None, squares=series.squares, fan=nodes.FAN_OUT)
    return replace(shape, leaf=min(nodes.LEAF_POINTS, nodes.LEAF_WORDS // shape.columns - 1))


def ranges_shape(series: Series) -> Ranges:
    """How the tree of an `extremes` or `distinct` series is laid out."""
    assert series.value is not None
    kind = series.field(series.value).type
    code: Literal["q", "d", "16s"] = "d" if kind == "real" else "16s" if kind == "text" else "q"
    leaf = min(nodes.LEAF_POINTS, nodes.LEAF_WORDS // (3 if code == "16s" else 2) - 1)
    return Ranges(series.structure == "distinct", code, leaf=leaf, fan=nodes.FAN_OUT)


Insert = Callable[["lmdb.Transaction[bytes]", Tables, bytes, int, bytes, Cell], None]
"""Adds a point: transaction, tables, series-and-entity key, time, id, value."""


class Appliers:
    """Every registered series compiled: which points an event has, and how each is put into the file."""

    def __init__(self, version: int, registered: Iterable[Registered]) -> None:
        self.version = version
        by_source: dict[str, list[Series]] = {}
        by_label: dict[tuple[str, str], list[Series]] = {}
        self.since: dict[bytes, int] = {}
        self.insert: dict[bytes, Insert] = {}
        self.label_shape: dict[bytes, Shape] = {}
        for item in registered:
            series = item.series
            self.since[series.key] = item.since
            if series.structure == "labels":
                assert series.value is not None
                by_label.setdefault((series.source, series.value), []).append(series)
                self.label_shape[series.key] = sums_shape(series)
            else:
                by_source.setdefault(series.source, []).append(series)
                self.insert[series.key] = _insert(series)
        self.events = {source: Projector(source, items) for source, items in by_source.items()}
        self.labels = {name: Projector(name[0], items) for name, items in by_label.items()}


def _insert(series: Series) -> Insert:
    if series.structure == "ordered":
        return _insert_ordered
    if series.structure == "sums":
        return partial(_insert_sum, sums_shape(series))
    return partial(_insert_range, ranges_shape(series))


def _insert_ordered(
    transaction: lmdb.Transaction[bytes], tables: Tables, key: bytes, time: int, event_id: bytes, value: Cell
) -> None:
    transaction.put(*ordered.pair(key, time, event_id, value), db=tables.ordered)


def _insert_sum(
    shape: Shape,
    transaction: lmdb.Transaction[bytes],
    tables: Tables,
    key: bytes,
    time: int,
    event_id: bytes,
    value: Cell,
) -> None:
    k = int(value) if value is not None else 0
    tree.insert(shape, transaction, key, Point(time, 1, k, k * k if shape.squares else 0))


def _insert_range(
    shape: Ranges,
    transaction: lmdb.Transaction[bytes],
    tables: Tables,
    key: bytes,
    time: int,
    event_id: bytes,
    value: Cell,
) -> None:
    shape.insert(transaction, key, time, shape.value(value))


class Writer:
    """One write transaction. What it applied is seen by others when it is committed, all of it or nothing.

    Every `apply_*` must come in order of seq; the caller says at the end how far the ledger is applied.
    """

    def __init__(self, tables: Tables, transaction: lmdb.Transaction[bytes], appliers: Appliers) -> None:
        self._tables = tables
        self._transaction = transaction
        self._appliers = appliers

    @property
    def applied(self) -> Applied:
        return applied(self._transaction, self._tables)

    @property
    def applied_seq(self) -> int:
        return self.applied.seq

    def advance(self, value: Applied) -> None:
        """Say how far the ledger is applied, in the same transaction as what was applied."""
        set_applied(self._transaction, self._tables, value)

    def snapshot(self) -> Snapshot:
        """State as this transaction sees it."""
        return Snapshot(self._tables, self._transaction)

    def apply_event(
        self,
        seq: int,
        source: str,
        event_id: str,
        t: int,
        body: bytes,
        digest: bytes,
        *,
        decision: bool = False,
        raw: dict[str, object] | None = None,
    ) -> bool:
        """Add an event's points; False when the event was there already (then only its decision is noted).

        `decision`: the record is the event's decision too. `raw`: the body, if it was read already. Outcomes that came
        before their event are applied now.
        """
        name = event_key(source, event_id)
        found = self._transaction.get(name, db=self._tables.events)
        if found is not None:
            if decision:
                stored = events.decode(found)
                stored.decision = stored.decision or seq
                self._transaction.put(name, events.encode(stored), db=self._tables.events)
            return False
        stored = StoredEvent(seq, t, body, digest, seq if decision else 0)
        projector = self._appliers.events.get(source)
        if projector is not None:
            self._add(projector, stored, event_id, seq, raw)
        early = self._transaction.pop(name, db=self._tables.pending)
        if early is not None:
            for label, version in events.decode_pending(early).items():
                self._label(stored, source, label, event_id, version, seq)
        self._transaction.put(name, events.encode(stored), db=self._tables.events)
        return True

    def _add(
        self, projector: Projector, stored: StoredEvent, event_id: str, seq: int, raw: dict[str, object] | None
    ) -> None:
        appliers, breaker = self._appliers, id_bytes(event_id)
        for point in projector.points(stored.body, event_id, stored.time, raw):
            name = point.series.key
            if seq > appliers.since[name]:
                appliers.insert[name](self._transaction, self._tables, point.key, stored.time, breaker, point.value)

    def apply_outcome(self, seq: int, source: str, label: str, event_id: str, version: int, value: int) -> bool:
        """Let a label of an event be `value`; False when a higher or equal version was there already.

        A first value is a point of its own, a correction the difference. Before its event comes it is kept pending.
        """
        name = event_key(source, event_id)
        found = self._transaction.get(name, db=self._tables.events)
        given = Version(version, value, seq)
        if found is None:
            early = self._transaction.get(name, db=self._tables.pending)
            pending = {} if early is None else events.decode_pending(early)
            if label in pending and pending[label].version >= version:
                return False
            pending[label] = given
            self._transaction.put(name, events.encode(pending), db=self._tables.pending)
            return True
        stored = events.decode(found)
        if not self._label(stored, source, label, event_id, given, seq):
            return False
        self._transaction.put(name, events.encode(stored), db=self._tables.events)
        return True

    def _label(self, stored: StoredEvent, source: str, label: str, event_id: str, given: Version, seq: int) -> bool:
        known = stored.labels.get(label)
        if known is not None and known.version >= given.version:
            return False
        stored.labels[label] = given
        projector = self._appliers.labels.get((source, label))
        if projector is not None:
            change = Point(
                stored.time, 1 if known is None else 0, given.value - (0 if known is None else known.value), 0
            )
            for point in projector.points(stored.body, event_id, stored.time):
                name = point.series.key
                if seq > self._appliers.since[name]:
                    tree.insert(self._appliers.label_shape[name], self._transaction, point.key, change)
        return True

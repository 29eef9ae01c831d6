"""The aggregates of a contract for many rows: points selected once per series, windows once per boundary.

Rows and points are taken entity by entity in time order, so both the searches and the sums walk forward in memory.
Each answer is finished by the kernel from exact integers and put back where its row stood.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.contract.model import Aggregate, Contract
from holdfast.features.columns import Column, given, take
from holdfast.features.distinct import distinct_counts
from holdfast.features.entities import entity_codes
from holdfast.features.history import Events, Records
from holdfast.features.kernel import finish
from holdfast.features.kernel.columns import predicate
from holdfast.features.kernel.limbs import Limbs
from holdfast.features.label_points import LabelPoints, label_points
from holdfast.features.plan import Plan, Read, Series
from holdfast.features.windows import Asking, Points, Window

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
NAN = float("nan")
Tick = Callable[[int, int], None]


@dataclass(frozen=True)
class Rows:
    """The decisions to compute features for, with their knowledge cuts."""

    events: Events
    cuts: Ints

    def __len__(self) -> int:
        return len(self.cuts)


def answers(plan: Plan, records: Records, rows: Rows, tick: Tick | None = None) -> list[Floats]:
    """One array for each of `contract.aggregates`, in the order of the rows; null is NaN."""
    found: dict[int, Floats] = {}
    for group in groups(plan):
        for i, values in group_answers(plan, group, records, rows):
            found[i] = values
            if tick is not None:
                tick(len(found), len(plan.reads))
    return [found[i] for i in range(len(plan.reads))]


def group_answers(plan: Plan, group: list[int], records: Records, rows: Rows) -> Iterator[tuple[int, Floats]]:
    """The answers of one group of `groups`, each with its position among the reads."""
    asked = _Group(plan.contract, records, rows, plan.reads[group[0]].aggregate)
    for i in group:
        yield i, asked.answer(plan.reads[i])


def groups(plan: Plan) -> list[list[int]]:
    """Positions of the aggregates that ask about the same entities, together."""
    together: dict[tuple[str, tuple[str, ...], tuple[str, ...]], list[int]] = {}
    for i, read in enumerate(plan.reads):
        item = read.aggregate
        together.setdefault((item.source, item.keys, item.on), []).append(i)
    return list(together.values())


class _Group:
    """Aggregates over one source and one kind of entity."""

    def __init__(self, contract: Contract, records: Records, rows: Rows, one: Aggregate) -> None:
        self.contract = contract
        self.records = records
        self.rows = rows
        self.source = contract.source(one.source)
        self.events = records.events[one.source]
        keys = [self.events.cells[name] for name in one.keys]
        on = [rows.events.cells[name] for name in one.on]
        self.codes, row_codes, self.size = entity_codes(keys, on)
        order = by_code(row_codes, self.size)
        self.asking = Asking(order, row_codes[order], rows.events.times[order], rows.cuts[order])
        self.order = by_code(self.codes, self.size)
        self.points: dict[bytes, Points] = {}
        self.running: dict[Any, tuple[Limbs, Limbs]] = {}
        self.labels: dict[Any, LabelPoints] = {}
        self.whole: Points | None = None

    def answer(self, read: Read) -> Floats:
        aggregate = read.aggregate
        if read.label is not None:
            values = self._label(read)
        elif aggregate.name in ("count", "sum", "mean", "std"):
            values = self._sums(read)
        elif aggregate.name in ("min", "max"):
            values = self._extreme(read)
        elif aggregate.name == "distinct":
            values = self._distinct(read)
        else:
            values = self._ordered(read)
        out = np.empty(len(values))
        out[self.asking.order] = values
        return out

    # Points and windows

    def _points(self, series: Series) -> Points:
        if series.key not in self.points:
            selected = selection(series, self.events.cells, len(self.events), self.contract)
            for item in series.fields:
                if item.name in self.events.unread:
                    readable = ~self.events.unread[item.name]
                    selected = readable if selected is None else selected & readable
            if selected is None:
                if self.whole is None:
                    self.whole = self._ordered_points(self.order)
                self.points[series.key] = self.whole
            else:
                self.points[series.key] = self._ordered_points(self.order[selected[self.order]])
        return self.points[series.key]

    def _ordered_points(self, at: Ints) -> Points:
        return Points(self.codes[at], self.events.times[at], self.events.known[at], at, self.size)

    def _window(self, points: Points, aggregate: Aggregate) -> Window:
        return points.window(self.asking, aggregate.ending + aggregate.over, aggregate.ending)

    def _current(self, read: Read) -> tuple[Flags, Column | None]:
        """Rows whose own event counts too, and their values, in the order of asking."""
        cells = {item.name: take(self.rows.events.cells[item.name], self.asking.order) for item in read.points.fields}
        selected = selection(read.points, cells, len(self.asking), self.contract)
        value = cells[read.points.value] if read.points.value is not None else None
        return np.ones(len(self.asking), dtype=np.bool_) if selected is None else selected, value

    # Kinds of answers

    def _sums(self, read: Read) -> Floats:
        aggregate, series = read.aggregate, read.points
        points = self._points(series)
        window = self._window(points, aggregate)
        n = points.count(self.asking, window)
        current: Flags | None = None
        own: Ints | None = None
        if aggregate.including_current:
            current, value = self._current(read)
            n = n + current
            own = np.where(current, value.values, 0).astype(np.int64) if value is not None else None
        if aggregate.name == "count":
            return finished(aggregate, n, n.astype(np.float64))
        sums = self._total(series, points, window, squared=False)
        if own is not None:
            sums = sums + Limbs.of(own)
        if aggregate.name == "sum":
            return finished(aggregate, n, finish.totals(sums, read.scale))
        if aggregate.name == "mean":
            return finished(aggregate, n, finish.means(n, sums, read.scale))
        squares = self._total(series, points, window, squared=True)
        if own is not None:
            squares = squares + Limbs.squares(own)
        return finished(aggregate, n, finish.deviations(n, sums, squares, read.scale))

    def _total(self, series: Series, points: Points, window: Window, *, squared: bool) -> Limbs:
        key = (series.key, squared)
        if key not in self.running:
            assert series.value is not None
            raw = self.events.cells[series.value].values[points.at].astype(np.int64)
            weights = Limbs.squares(raw) if squared else Limbs.of(raw)
            self.running[key] = weights.cumulative().padded(), weights
        running, weights = self.running[key]
        return points.total(self.asking, window, running, weights)

    def _extreme(self, read: Read) -> Floats:
        aggregate, series = read.aggregate, read.points
        assert series.value is not None
        points = self._points(series)
        window = self._window(points, aggregate)
        n = points.count(self.asking, window)
        largest = aggregate.name == "max"
        values = points.extreme(self.asking, window, self.events.cells[series.value].values[points.at], largest=largest)
        if aggregate.including_current:
            current, value = self._current(read)
            assert value is not None
            better = value.values > values if largest else value.values < values
            values = np.where(current & (better | (n == 0)), value.values, values)
            n = n + current
        return finished(aggregate, n, as_floats(values, read.scale))

    def _ordered(self, read: Read) -> Floats:
        aggregate, series = read.aggregate, read.points
        points = self._points(series)
        window = self._window(points, aggregate)
        n = points.count(self.asking, window)
        first, last = points.ends(self.asking, window)
        chosen = first if aggregate.name == "first" else last
        some = chosen >= 0
        at = points.at[np.maximum(chosen, 0)] if len(points) else np.zeros(len(n), dtype=np.int64)
        current: Flags = np.zeros(len(n), dtype=np.bool_)
        value: Column | None = None
        if aggregate.including_current:
            current, value = self._current(read)
            n = n + current
        if aggregate.name == "seconds_since_last":
            times = self.events.times[at] if len(self.events) else np.zeros(len(n), dtype=np.int64)
            answer = np.where(current, 0.0, (self.asking.times - times) / 1_000_000)
            return finished(aggregate, n, answer)
        assert series.value is not None
        column = self.events.cells[series.value]
        if len(self.events):
            picked = take(column, at)
            answer = np.where(some, cell_floats(picked, read.scale), NAN)
        else:
            answer = np.full(len(n), NAN)
        if value is not None:
            use = current & ~some if aggregate.name == "first" else current
            answer = np.where(use, cell_floats(value, read.scale), answer)
        return finished(aggregate, n, answer)

    def _distinct(self, read: Read) -> Floats:
        aggregate, series = read.aggregate, read.points
        assert series.value is not None
        points = self._points(series)
        window = self._window(points, aggregate)
        n = points.count(self.asking, window)
        current: Flags | None = None
        value: Column | None = None
        if aggregate.including_current:
            current, value = self._current(read)
            n = n + current
        counts = distinct_counts(
            points, self.asking, window, take(self.events.cells[series.value], points.at), current, value
        )
        return finished(aggregate, n, np.minimum(counts, aggregate.cap).astype(np.float64))

    def _label(self, read: Read) -> Floats:
        aggregate, label = read.aggregate, read.label
        assert label is not None
        events = self._points(read.points)
        key = (read.points.key, label.name)
        if key not in self.labels:
            outcomes = self.records.outcomes.get((label.source, label.name))
            self.labels[key] = label_points(events, outcomes, self.events, len(self.events))
        labelled = self.labels[key]
        start = aggregate.ending + aggregate.over
        n, s = labelled.received(self.asking, start, max(aggregate.ending, label.known_after))
        if label.absent is not None and label.final_after is not None:
            end = max(aggregate.ending, label.final_after)
            absent = labelled.unreceived(self.asking, start, end)
            n = n + absent
            s = s + absent * int(label.absent)
        if aggregate.name == "mean":
            return finished(aggregate, n, finish.means(n, s))
        return finished(aggregate, n, (n if aggregate.name == "count" else s).astype(np.float64))


def by_code(codes: Ints, size: int) -> Ints:
    """Positions entity by entity, in their own order within each; rows without an entity (-1) first."""
    if size < 65_535:  # numpy sorts 16-bit integers by radix
        return np.argsort((codes + 1).astype(np.uint16), kind="stable")
    return np.argsort(codes, kind="stable")


def selection(series: Series, cells: Mapping[str, Column], rows: int, contract: Contract) -> Flags | None:
    """Which events are points of a series; None when all are."""
    chosen: Flags | None = None
    if series.where is not None:
        used = {item.name: cells[item.name] for item in series.fields}
        chosen = predicate(series.where, used, contract.zones, series.fields)
        if not used:  # a filter without a field is one answer for all
            chosen = np.full(rows, bool(chosen.any()))
    if series.value is not None and not series.nulls:
        there = given(cells[series.value])
        chosen = there if chosen is None else chosen & there
    return None if chosen is None or bool(chosen.all()) else chosen


def finished(aggregate: Aggregate, n: Ints, values: Floats) -> Floats:
    """Counts and sums of nothing are 0, other aggregates null, and so is a deviation of one; then `otherwise`."""
    lacking = n < aggregate.at_least
    if aggregate.name not in ("count", "sum", "distinct"):
        lacking = lacking | (n < (2 if aggregate.name == "std" else 1))
    otherwise = NAN if aggregate.otherwise is None else float(aggregate.otherwise)
    return np.where(lacking, otherwise, values)


def as_floats(values: NDArray[Any], scale: int) -> Floats:
    return values / float(10**scale) if scale else values.astype(np.float64)


def cell_floats(column: Column, scale: int) -> Floats:
    """Cells as answers: null is NaN, but a category's null is its code 0."""
    values = as_floats(column.values, scale)
    return values if column.valid is None else np.where(column.valid, values, NAN)

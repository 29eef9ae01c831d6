"""A contract's aggregates read from a snapshot: one search tree per entity and series serves all its windows.

Reads are grouped by (series, entity). The windows of a group have a handful of distinct ends; each is searched once,
and every count, sum, mean and deviation is a difference of two of them, finished by the kernel from exact integers.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from holdfast.contract.model import Aggregate, Cell
from holdfast.features.kernel.finish import NAN, deviation, mean, total
from holdfast.features.plan import Plan, Read
from holdfast.features.state import ordered
from holdfast.features.state.keys import entity_hash
from holdfast.features.state.nodes import LEAF, Get, Shape
from holdfast.features.state.own import Own, compile_own
from holdfast.features.state.ranges import Found
from holdfast.features.state.snapshot import Snapshot
from holdfast.features.state.writing import ranges_shape, sums_shape

Reads = Callable[[Snapshot, Sequence[Cell], int], list[float]]


class _Ends(NamedTuple):
    """Totals before each end of a group's windows: points, sums, sums of squares."""

    n: list[int]
    s: list[int]
    q: list[int]


class _Call(NamedTuple):
    """What the answers of one call stand on."""

    snapshot: Snapshot
    cells: Sequence[Cell]
    t: int
    entities: list[bytes]
    ends: list[_Ends]


class _Answer(Protocol):
    def __call__(self, call: _Call) -> float: ...


class _Group:
    """One series and one entity: the ends of its windows, as microseconds before the decision."""

    def __init__(self, series: bytes, shape: Shape, entity: int) -> None:
        self.series = series
        self.shape = shape
        self.entity = entity
        self.offsets: list[int] = []

    def end(self, offset: int) -> int:
        """The index of an end, added when no other window has it."""
        if offset not in self.offsets:
            self.offsets.append(offset)
        return self.offsets.index(offset)

    def compile(self) -> Callable[[Get, list[bytes], int], _Ends]:
        series, shape, entity, offsets = self.series, self.shape, self.entity, tuple(self.offsets)
        zeros = [0] * len(offsets)
        nothing = _Ends(zeros, zeros, zeros)
        counts, sums, squares = shape.counts, shape.sums, shape.squares

        def read(get: Get, entities: list[bytes], t: int) -> _Ends:
            key = series + entities[entity]
            root = get(key)
            if root is None:
                return nothing
            if squares or root[:8] != LEAF:
                found = [shape.before(get, key, root, t - offset) for offset in offsets]
                return _Ends([item.n for item in found], [item.s for item in found], [item.q for item in found])
            words = memoryview(root).cast("q")
            size = shape.size(len(words))
            at = [bisect_left(words, t - offset, 1, 1 + size) - 1 for offset in offsets]
            column = 1 + size
            n = at
            if counts:
                n = [words[column + i] for i in at]
                column += 1 + size
            return _Ends(n, [words[column + i] for i in at] if sums else zeros, zeros)

        return read


def compile_reads(plan: Plan) -> Reads:
    """A function of (snapshot, the deciding event's cells, its time in µs) to one float per aggregate of the contract.

    Answers follow `contract.aggregates`; null is NaN (0.0 for a category). Every series must be ready in the state.
    """
    return _Compiler(plan).compile()


class _Compiler:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.entities: list[tuple[int, ...]] = []
        self.groups: dict[tuple[bytes, int], _Group] = {}

    def compile(self) -> Reads:
        answers = tuple(self._answer(read) for read in self.plan.reads)
        groups = tuple(group.compile() for group in self.groups.values())
        entities = tuple(self.entities)

        def reads(snapshot: Snapshot, cells: Sequence[Cell], t: int) -> list[float]:
            names = [entity_hash([cells[at] for at in positions]) for positions in entities]
            get = snapshot.get
            call = _Call(snapshot, cells, t, names, [group(get, names, t) for group in groups])
            return [answer(call) for answer in answers]

        return reads

    def _entity(self, aggregate: Aggregate) -> int:
        source = self.plan.contract.deciding
        positions = tuple(source.position(name) for name in aggregate.on)
        if positions not in self.entities:
            self.entities.append(positions)
        return self.entities.index(positions)

    def _group(self, series: bytes, shape: Shape, entity: int) -> tuple[int, _Group]:
        group = self.groups.setdefault((series, entity), _Group(series, shape, entity))
        return list(self.groups).index((series, entity)), group

    def _answer(self, read: Read) -> _Answer:
        entity = self._entity(read.aggregate)
        if read.labels is not None:
            return self._label(read, entity)
        structure = read.points.structure
        if structure == "sums":
            return self._sums(read, entity)
        own = compile_own(self.plan.contract, read)
        return _ordered(read, entity, own) if structure == "ordered" else _ranges(read, entity, own)

    def _sums(self, read: Read, entity: int) -> _Answer:
        aggregate, scale = read.aggregate, read.scale
        at, group = self._group(read.points.key, sums_shape(read.points), entity)
        low, high = group.end(aggregate.ending + aggregate.over), group.end(aggregate.ending)
        own = compile_own(self.plan.contract, read)
        otherwise, least = _otherwise(aggregate), max(aggregate.at_least, 1 if aggregate.name == "mean" else 0)
        name = aggregate.name
        if own is None and name == "count":

            def count(call: _Call) -> float:
                n = call.ends[at].n
                points = n[high] - n[low]
                return float(points) if points >= least else otherwise

            return count
        if own is None and name in ("sum", "mean"):

            def finish(call: _Call) -> float:
                n, s, _ = call.ends[at]
                points = n[high] - n[low]
                if points < least:
                    return otherwise
                return mean(points, s[high] - s[low], scale) if name == "mean" else total(s[high] - s[low], scale)

            return finish

        def general(call: _Call) -> float:
            n, s, q = call.ends[at]
            points, values, squares = n[high] - n[low], s[high] - s[low], q[high] - q[low]
            if own is not None and own.counts(call.cells):
                value = own.value(call.cells)
                k = int(value) if value is not None else 0
                points, values, squares = points + 1, values + k, squares + k * k
            if points < least or (name == "std" and points < 2):
                return otherwise
            if name == "count":
                return float(points)
            if name == "sum":
                return total(values, scale)
            return mean(points, values, scale) if name == "mean" else deviation(points, values, squares, scale)

        return general

    def _label(self, read: Read, entity: int) -> _Answer:
        """Received labels that are visible, and events that have none although it is final."""
        aggregate, label, series = read.aggregate, read.label, read.labels
        assert label is not None
        assert series is not None
        at, group = self._group(series.key, sums_shape(series), entity)
        far = aggregate.ending + aggregate.over
        low = group.end(far)
        high = group.end(min(far, max(aggregate.ending, label.known_after)))
        otherwise, least, name = _otherwise(aggregate), aggregate.at_least, aggregate.name
        events = low_event = final_event = low_final = -1
        if read.final_end(0) is not None:
            # Windows are clamped: one that ends before it begins is empty.
            final = min(far, -(read.final_end(0) or 0))
            low_final = group.end(final)
            events, points = self._group(read.points.key, sums_shape(read.points), entity)
            low_event, final_event = points.end(far), points.end(final)

        def answer(call: _Call) -> float:
            n, s, _ = call.ends[at]
            known = n[high] - n[low]
            if events >= 0:
                seen = call.ends[events].n
                known += (seen[final_event] - seen[low_event]) - (n[low_final] - n[low])
            if known < least:
                return otherwise
            if name == "count":
                return float(known)
            values = s[high] - s[low]
            if name == "sum":
                return total(values)
            return mean(known, values) if known else otherwise

        return answer


def _otherwise(aggregate: Aggregate, category: bool = False) -> float:
    if aggregate.otherwise is None:
        return 0.0 if category else NAN
    return float(aggregate.otherwise) + 0.0


def _ranges(read: Read, entity: int, own: Own | None) -> _Answer:
    aggregate, scale, series = read.aggregate, read.scale, read.points.key
    shape = ranges_shape(read.points)
    otherwise, name = _otherwise(aggregate), aggregate.name
    # An empty distinct count is 0, an empty minimum is none.
    least = max(aggregate.at_least, 0 if name == "distinct" else 1)
    cap = aggregate.cap

    def answer(call: _Call) -> float:
        found = Found(0, set())
        key = series + call.entities[entity]
        root = call.snapshot.get(key)
        if root is not None:
            start, end = read.window(call.t)
            found = shape.find(call.snapshot.get, key, root, start, end, cap)
        if own is not None and own.counts(call.cells):
            found.count += 1
            found.values.add(shape.value(own.value(call.cells)))
        if found.count < least:
            return otherwise
        if name == "distinct":
            return float(min(len(found.values), cap))
        chosen = min(found.values) if name == "min" else max(found.values)
        return chosen + 0.0 if isinstance(chosen, float) else total(int(chosen), scale)

    return answer


def _ordered(read: Read, entity: int, own: Own | None) -> _Answer:
    aggregate, scale, series, name = read.aggregate, read.scale, read.points.key, read.aggregate.name
    value = None if read.points.value is None else read.points.field(read.points.value)
    category = value is not None and value.type == "category"
    otherwise = _otherwise(aggregate, category)
    find = ordered.first if name == "first" else ordered.last

    def answer(call: _Call) -> float:
        key = series + call.entities[entity]
        start, end = read.window(call.t)
        cursor = call.snapshot.ordered()
        found = find(cursor, key, start, end)
        now = own is not None and own.counts(call.cells)
        if aggregate.at_least > 1 and not ordered.at_least(cursor, key, start, end, aggregate.at_least - now):
            return otherwise
        if now and own is not None and (found is None or name != "first"):
            found = (call.t, own.value(call.cells))
        if found is None:
            return otherwise
        time, cell = found
        if name == "seconds_since_last":
            return (call.t - time) / 1_000_000
        if cell is None:
            return 0.0 if category else NAN
        return cell + 0.0 if isinstance(cell, float) else total(int(cell), scale)

    return answer

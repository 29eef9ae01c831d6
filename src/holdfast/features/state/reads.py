"""A contract's aggregates read from a snapshot: one search tree per entity and series serves all its windows.

Reads are grouped by (series, entity). The windows of a group have a handful of distinct ends; each is searched once,
and every count, sum, mean and deviation is a difference of two of them, finished by the kernel from exact integers.
The function is written out as source, once for each contract: a decision reads dozens of windows, and calling a
closure for each would cost more than the searches.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from holdfast.contract.model import Aggregate, Cell
from holdfast.features.kernel.finish import NAN, deviation, mean, total
from holdfast.features.plan import Plan, Read
from holdfast.features.state import ordered
from holdfast.features.state.keys import entity_hash
from holdfast.features.state.nodes import AT_END, Shape, node_key, present
from holdfast.features.state.own import Own, compile_own
from holdfast.features.state.ranges import Found
from holdfast.features.state.snapshot import Snapshot
from holdfast.features.state.writing import ranges_shape, sums_shape

Reads = Callable[[Snapshot, Sequence[Cell], int], list[float]]


def compile_reads(plan: Plan) -> Reads:
    """A function of (snapshot, the deciding event's cells, its time in µs) to one float per aggregate of the contract.

    Answers follow `contract.aggregates`; null is NaN (0.0 for a category). Every series must be ready in the state.
    """
    return _Compiler(plan).compile()


class _End(NamedTuple):
    """One end of windows of a group: names of the variables that hold what lies before it."""

    n: str
    s: str
    q: str
    last: str


class _Group:
    """One series and one entity: the ends of its windows, as microseconds before the decision."""

    def __init__(self, number: int, series: bytes, shape: Shape, entity: int) -> None:
        self.number = number
        self.series = series
        self.shape = shape
        self.entity = entity
        self.offsets: list[int] = []
        self.recent: set[int] = set()
        """Those of the ends whose last point is asked for."""

    def end(self, offset: int, *, recent: bool = False) -> _End:
        """The end so many microseconds before the decision, added when no other window has it."""
        if offset not in self.offsets:
            self.offsets.append(offset)
        at = self.offsets.index(offset)
        if recent:
            self.recent.add(at)
        return self._names(at)

    def _names(self, at: int) -> _End:
        return _End(*(f"{kind}{self.number}_{at}" for kind in "nsql"))

    def source(self) -> list[str]:
        """Lines that search the ends in `root`, the entity's node, or in what lies below it.

        Most ends lie in the open leaf, which is fetched once. Where all do, what lies before that leaf is not looked
        up: every answer is a difference of two ends.
        """
        number = self.number
        key, place = f"series{number} + entity{self.entity}", f"entity{self.entity} + series{number}"  # see `node_key`
        nothing, leaf = ["if root is None:"], ["else:", *_opened("root", self.shape)]  # a first byte is a node's level
        tail = ["elif root[0]:", f"    leaf = present(get({place} + at_end), {key})", *_opened("leaf", self.shape)]
        far = max(self.offsets)
        tail += [f"    {line}" for line in _sought(far)]
        inside = ["    far = i", "    if far:"]
        beyond = ["    else:", f"        base_n, base_s, base_q = full{number}(get, {key}, root)"]
        for at, offset in enumerate(self.offsets):
            names, when = self._names(at), f"t - {offset}"
            below = [f"    {names.n}, {names.s}, {names.q} = before{number}(get, {key}, root, {when})"]
            nothing.append(f"    {names.n} = {names.s} = {names.q} = 0")
            if at in self.recent:
                nothing.append(f"    {names.last} = None")
                below.append(f"    {names.last} = latest{number}(get, {key}, root, {when})")
            here = self._leaf(names, recent=at in self.recent)
            leaf += [f"    {line}" for line in (*_sought(offset), *here)]
            sought = ["i = far"] if offset == far else _sought(offset)
            inside += [f"        {line}" for line in (*sought, *here)]
            beyond += [*(f"        {line}" for line in sought), "        if i:"]
            beyond += [f"            {line}" for line in here]
            beyond.append(f"            {names.n} += base_n")
            if self.shape.sums:
                beyond.append(f"            {names.s} += base_s")
            if self.shape.squares:
                beyond.append(f"            {names.q} += base_q")
            beyond += ["        else:", *(f"        {line}" for line in below)]
        return [f"root = get({place})", *nothing, *tail, *inside, *beyond, *leaf]

    def _leaf(self, names: _End, *, recent: bool) -> list[str]:
        """What lies before point `i` of a leaf of `stop` - 1 points: each column is as long as `stop`."""
        shape = self.shape
        lines = [f"{names.n} = {'words[stop + i]' if shape.counts else 'i'}"]
        if shape.sums:
            lines.append(f"{names.s} = words[{1 + shape.counts} * stop + i]")
        if shape.squares:
            lines.append(f"at = {8 * (1 + shape.counts + shape.sums)} * stop + 16 * i")
            lines.append(f"{names.q} = integer(node[at : at + 16], 'little', signed=True)")
        if recent:
            lines.append(f"{names.last} = words[i] if i else None")
        return lines

    def constants(self) -> dict[str, object]:
        number = self.number
        return {
            f"series{number}": self.series,
            f"before{number}": self.shape.before,
            f"latest{number}": self.shape.latest,
            f"full{number}": self.shape.before_open,
        }


def _sought(offset: int) -> list[str]:
    """Lines that find how many points of a leaf lie before an end. Most decisions are later than any event known."""
    if offset:
        return [f"i = bisect(words, t - {offset}, 1, stop) - 1"]
    return ["i = stop - 1", "if words[i] >= t:", "    i = bisect(words, t, 1, stop) - 1"]


def _opened(name: str, shape: Shape) -> list[str]:
    """Lines that look into a leaf."""
    return [f"    node = {name}", "    words = view(node).cast('q')", f"    stop = len(words) // {shape.columns}"]


class _Find(Protocol):
    """An aggregate that is no difference of sums: (snapshot, entity's key, cells, time) to its answer."""

    def __call__(self, snapshot: Snapshot, key: bytes, cells: Sequence[Cell], t: int) -> float: ...


class _Compiler:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.entities: list[tuple[int, ...]] = []
        self.groups: dict[tuple[bytes, int], _Group] = {}
        self.constants: dict[str, Any] = {
            "bisect": bisect_left, "view": memoryview, "integer": int.from_bytes, "entity_hash": entity_hash,
            "total": total, "mean": mean, "deviation": deviation, "at_end": AT_END, "present": present,
        }  # fmt: skip

    def compile(self) -> Reads:
        answers: list[str] = []
        for number, read in enumerate(self.plan.reads):
            answers += self._answer(f"a{number}", read)
        lines = ["def reads(snapshot, cells, t):", "    get = snapshot.get"]
        for number, positions in enumerate(self.entities):
            taken = ", ".join(f"cells[{at}]" for at in positions)
            lines.append(f"    entity{number} = entity_hash(({taken},))")
        for group in self.groups.values():
            self.constants |= group.constants()
            lines += [f"    {line}" for line in group.source()]
        lines += [f"    {line}" for line in answers]
        lines.append(f"    return [{', '.join(f'a{number}' for number in range(len(self.plan.reads)))}]")
        exec(compile("\n".join(lines), "<aggregates>", "exec"), self.constants)  # noqa: S102 — numbers and names of ours
        reads: Reads = self.constants["reads"]
        return reads

    def _constant(self, name: str, value: object) -> str:
        self.constants[name] = value
        return name

    def _otherwise(self, answer: str, aggregate: Aggregate) -> str:
        return self._constant(f"otherwise_{answer}", _otherwise(aggregate))

    def _entity(self, aggregate: Aggregate) -> int:
        source = self.plan.contract.deciding
        positions = tuple(source.position(name) for name in aggregate.on)
        if positions not in self.entities:
            self.entities.append(positions)
        return self.entities.index(positions)

    def _group(self, series: bytes, shape: Shape, entity: int) -> _Group:
        return self.groups.setdefault((series, entity), _Group(len(self.groups), series, shape, entity))

    def _answer(self, answer: str, read: Read) -> list[str]:
        """Lines that put a read's answer into the variable `answer`."""
        entity = self._entity(read.aggregate)
        if read.labels is not None:
            return self._label(answer, read, entity)
        if read.points.structure == "sums":
            return self._sums(answer, read, entity)
        own = compile_own(self.plan.contract, read)
        make = _ordered if read.points.structure == "ordered" else _ranges
        find = self._constant(f"find_{answer}", make(read, own))
        series = self._constant(f"series_{answer}", read.points.key)
        return [f"{answer} = {find}(snapshot, {series} + entity{entity}, cells, t)"]

    def _sums(self, answer: str, read: Read, entity: int) -> list[str]:
        aggregate, scale, name = read.aggregate, read.scale, read.aggregate.name
        group = self._group(read.points.key, sums_shape(read.points), entity)
        since = name == "seconds_since_last"
        far = aggregate.ending + aggregate.over
        low, high = group.end(far), group.end(aggregate.ending, recent=since)
        otherwise = self._otherwise(answer, aggregate)
        least = max(aggregate.at_least, {"count": 0, "sum": 0, "std": 2}.get(name, 1))
        lines = [f"n = {high.n} - {low.n}"]
        if name in ("sum", "mean", "std"):
            lines.append(f"s = {high.s} - {low.s}")
        if name == "std":
            lines.append(f"q = {high.q} - {low.q}")
        finished = {
            "count": "float(n)",
            "sum": f"total(s, {scale})",
            "mean": f"mean(n, s, {scale})",
            "std": f"deviation(n, s, q, {scale})",
            "seconds_since_last": f"(t - {high.last}) / 1000000",
        }[name]
        own = compile_own(self.plan.contract, read)
        if own is not None:
            counts, value = self._constant(f"counts_{answer}", own.counts), self._constant(f"own_{answer}", own.value)
            lines += [f"if {counts}(cells):", "    n += 1"]
            if since:
                finished = f"0.0 if {counts}(cells) else {finished}"
            if name in ("sum", "mean", "std"):
                lines += [f"    k = int({value}(cells))", "    s += k"]
            if name == "std":
                lines.append("    q += k * k")
        if least > 0:
            finished = f"{otherwise} if n < {least} else {finished}"
        return [*lines, f"{answer} = {finished}"]

    def _label(self, answer: str, read: Read, entity: int) -> list[str]:
        """Received labels that are visible, and events that have none although it is final."""
        aggregate, label, series = read.aggregate, read.label, read.labels
        assert label is not None
        assert series is not None
        group = self._group(series.key, sums_shape(series), entity)
        far = aggregate.ending + aggregate.over
        low = group.end(far)
        high = group.end(min(far, max(aggregate.ending, label.known_after)))
        otherwise, least, name = self._otherwise(answer, aggregate), aggregate.at_least, aggregate.name
        lines = [f"n = {high.n} - {low.n}", f"s = {high.s} - {low.s}"]
        if read.final_end(0) is not None:
            # Windows are clamped: one that ends before it begins is empty.
            final = min(far, -(read.final_end(0) or 0))
            low_final = group.end(final)
            points = self._group(read.points.key, sums_shape(read.points), entity)
            low_event, final_event = points.end(far), points.end(final)
            lines.append(f"n += ({final_event.n} - {low_event.n}) - ({low_final.n} - {low.n})")
        finished = {"count": "float(n)", "sum": "total(s)", "mean": "mean(n, s)"}[name]
        least = max(least, 1 if name == "mean" else 0)
        if least > 0:
            finished = f"{otherwise} if n < {least} else {finished}"
        return [*lines, f"{answer} = {finished}"]


def _otherwise(aggregate: Aggregate, category: bool = False) -> float:
    if aggregate.otherwise is None:
        return 0.0 if category else NAN
    return float(aggregate.otherwise) + 0.0


def _ranges(read: Read, own: Own | None) -> _Find:
    aggregate, scale = read.aggregate, read.scale
    shape = ranges_shape(read.points)
    otherwise, name = _otherwise(aggregate), aggregate.name
    # An empty distinct count is 0, an empty minimum is none.
    least = max(aggregate.at_least, 0 if name == "distinct" else 1)
    cap = aggregate.cap

    def answer(snapshot: Snapshot, key: bytes, cells: Sequence[Cell], t: int) -> float:
        found = Found(0, set())
        root = snapshot.get(node_key(key, 0))
        if root is not None:
            start, end = read.window(t)
            found = shape.find(snapshot.get, key, root, start, end, cap)
        if own is not None and own.counts(cells):
            found.count += 1
            found.values.add(shape.value(own.value(cells)))
        if found.count < least:
            return otherwise
        if name == "distinct":
            return float(min(len(found.values), cap))
        chosen = min(found.values) if name == "min" else max(found.values)
        return chosen + 0.0 if isinstance(chosen, float) else total(int(chosen), scale)

    return answer


def _ordered(read: Read, own: Own | None) -> _Find:
    aggregate, scale, name = read.aggregate, read.scale, read.aggregate.name
    value = None if read.points.value is None else read.points.field(read.points.value)
    category = value is not None and value.type == "category"
    otherwise = _otherwise(aggregate, category)
    find = ordered.first if name == "first" else ordered.last

    def answer(snapshot: Snapshot, key: bytes, cells: Sequence[Cell], t: int) -> float:
        start, end = read.window(t)
        cursor = snapshot.ordered()
        found = find(cursor, key, start, end)
        now = own is not None and own.counts(cells)
        if aggregate.at_least > 1 and not ordered.at_least(cursor, key, start, end, aggregate.at_least - now):
            return otherwise
        if now and own is not None and (found is None or name != "first"):
            found = (t, own.value(cells))
        if found is None:
            return otherwise
        cell = found[1]
        if cell is None:
            return 0.0 if category else NAN
        return cell + 0.0 if isinstance(cell, float) else total(int(cell), scale)

    return answer

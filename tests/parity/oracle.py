"""A slow, obvious reading of `docs/semantics.md`: lists, fractions, and every rule in the order the page gives it.

It imports nothing of `holdfast.features`. A happening carries what is known of an event; `known` and `cut` are on one
scale, either instants (history) or places in the ledger (replay): what has `known < cut` counts. Cells are parsed
already (`contract.model.Cell`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

from tests.parity import arithmetic

from holdfast.contract.model import Aggregate, Cell, Contract, Field, Node, Source

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Value = float | int | bool | str | None


@dataclass(frozen=True, slots=True)
class Happening:
    """One event as it arrived."""

    source: str
    id: str
    time: int
    known: int
    cells: Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One outcome of an event's label as it arrived; `value` 0 or 1."""

    source: str
    label: str
    id: str
    version: int
    value: int
    known: int


def features(
    contract: Contract, happenings: Sequence[Happening], outcomes: Sequence[Outcome], own: Happening, cut: int
) -> list[float]:
    """The feature row of the decision on `own`, knowing what has `known < cut`."""
    first: dict[tuple[str, str], Happening] = {}
    for item in sorted(happenings, key=lambda item: item.known):
        first.setdefault((item.source, item.id), item)  # of a repeated id the first arrival counts
    seen = [item for item in first.values() if item.known < cut]
    told = [item for item in outcomes if item.known < cut]
    answers = [_aggregate(contract, item, seen, told, own) for item in contract.aggregates]
    return [_finished(node.expr, _value(contract, node.expr, own.cells, answers)) for node in contract.features]


def _finished(node: Node, value: Value) -> float:
    """What a model gets: null is NaN (a category's is 0), never −0.0."""
    if value is None:
        return 0.0 if node.kind == "category" else math.nan
    return float(value) + 0.0


def _aggregate(
    contract: Contract, ask: Aggregate, seen: Sequence[Happening], told: Sequence[Outcome], own: Happening
) -> Value:
    source = contract.source(ask.source)
    end = own.time - ask.ending
    start = end - ask.over
    entity = [_key(contract.deciding, own, name) for name in ask.on]  # a null key is a key like any other
    inside = [
        item
        for item in seen
        if item.source == ask.source
        and start <= item.time < end
        and [_key(source, item, name) for name in ask.keys] == entity
        and _passes(contract, ask, item)
    ]
    if ask.label:
        return _of_labels(contract, ask, inside, told, own.time)
    if ask.including_current and _passes(contract, ask, own):
        inside.append(own)
    inside.sort(key=lambda item: (item.time, item.id.encode()))
    if ask.value is None:
        points: list[tuple[int, Value]] = [(item.time, None) for item in inside]
        return _answer(ask, None, points, own.time)
    field = source.field(ask.value)
    points = [(item.time, _null_or(field, item.cells[field.name])) for item in inside]
    nulls_count = ask.name in ("first", "last", "as_of") and not ask.skip_nulls
    return _answer(ask, field, [item for item in points if nulls_count or item[1] is not None], own.time)


def _key(source: Source, item: Happening, name: str) -> Cell:
    return _null_or(source.field(name), item.cells[name])


def _null_or(field: Field, cell: Cell) -> Cell:
    return None if field.type == "category" and cell == 0 else cell


def _passes(contract: Contract, ask: Aggregate, item: Happening) -> bool:
    return ask.where is None or _value(contract, ask.where, item.cells, (), ask.source) is True


def _of_labels(
    contract: Contract, ask: Aggregate, inside: Sequence[Happening], told: Sequence[Outcome], t: int
) -> Value:
    assert ask.value is not None
    label = contract.source_label(ask.source, ask.value)
    values: list[int] = []
    for item in inside:
        mine = [one for one in told if (one.source, one.label, one.id) == (item.source, label.name, item.id)]
        if mine:
            if item.time + label.known_after < t:
                values.append(max(mine, key=lambda one: one.version).value)
        elif label.absent is not None and label.final_after is not None and item.time + label.final_after < t:
            values.append(int(label.absent))
    if len(values) < ask.at_least:
        return ask.otherwise
    if ask.name == "count":
        return len(values)
    if ask.name == "sum":
        return sum(values)
    return float(Fraction(sum(values), len(values))) if values else ask.otherwise


def _answer(ask: Aggregate, field: Field | None, points: Sequence[tuple[int, Value]], t: int) -> Value:
    """The aggregate of points in order of (time, id)."""
    if len(points) < ask.at_least:
        return ask.otherwise
    scale = field.scale if field is not None and field.type == "decimal" else 0
    values = [value for _, value in points]
    exact = [Fraction(value) / 10**scale for value in values if isinstance(value, int | float)]
    if ask.name == "count":
        return len(points)
    if ask.name == "sum":
        return float(sum(exact, Fraction(0)))
    if ask.name == "distinct":
        return min(len(set(values)), ask.cap)
    if not points:
        return ask.otherwise
    if ask.name == "seconds_since_last":
        return float(Fraction(t - points[-1][0], 1_000_000))
    if ask.name in ("first", "last", "as_of"):
        value = values[0 if ask.name == "first" else -1]
        return float(Fraction(value) / 10**scale) if isinstance(value, int | float) else None
    if ask.name in ("min", "max"):
        return float(min(exact) if ask.name == "min" else max(exact))
    mean = sum(exact, Fraction(0)) / len(exact)
    if ask.name == "mean":
        return float(mean)
    assert ask.name == "std"
    if len(exact) < 2:
        return ask.otherwise
    return math.sqrt(float(sum((value - mean) ** 2 for value in exact) / (len(exact) - 1)))


def _value(
    contract: Contract, node: Node, cells: Mapping[str, Cell], answers: Sequence[Value], source: str | None = None
) -> Value:
    """The value of an expression; None is null, of whatever kind."""
    if node.op == "field":
        return _cell(contract.source(source or contract.decide_on).field(node["name"]), cells[node["name"]])
    if node.op == "literal":
        return _literal(node)
    if node.op == "aggregate":
        return _of_aggregate(node, answers[node["index"]])
    args = [_value(contract, item, cells, answers, source) for item in node.args]
    if node.op in _LOGIC:
        return _LOGIC[node.op](args)
    if node.op == "if":
        return None if args[0] is None else args[1] if args[0] else args[2]
    if node.op == "coalesce":
        return next((item for item in args if item is not None), None)
    if node.op == "is_null":
        return args[0] is None
    if node.op == "to_category":
        return None if args[0] is None else _code(str(args[0]), node["values"])
    if any(item is None for item in args):
        return None
    if node.op in _PARTS:
        return float(_part(contract, node, args[0]))
    if node.kind == "number":
        return _number(node, args)
    return _plain_test(node, args)


def _cell(field: Field, cell: Cell) -> Value:
    if cell is None or (field.type == "category" and cell == 0):
        return None
    if field.type == "boolean":
        return bool(cell)
    if field.type == "decimal":
        return float(Fraction(int(cell), 10**field.scale))
    return float(cell) if field.type in ("integer", "real") else cell


def _literal(node: Node) -> Value:
    value: Value = node["value"]
    if value is None:
        return None
    return float(value) if node.kind == "number" else bool(value) if node.kind == "boolean" else value


def _of_aggregate(node: Node, answer: Value) -> Value:
    if answer is None or (node.kind == "category" and answer == 0):
        return None
    if node.kind == "boolean":
        return bool(answer)
    return int(answer) if node.kind in ("timestamp", "category") else float(answer)


def _not(args: Sequence[Value]) -> Value:
    return None if args[0] is None else not args[0]


def _and(args: Sequence[Value]) -> Value:
    return False if any(item is False for item in args) else None if any(item is None for item in args) else True


def _or(args: Sequence[Value]) -> Value:
    return True if any(item is True for item in args) else None if any(item is None for item in args) else False


_LOGIC = {"not": _not, "and": _and, "or": _or}


def _code(text: str, values: Sequence[str]) -> int:
    return 2 + list(values).index(text) if text in values else 1


def _part(contract: Contract, node: Node, instant: Any) -> int:
    zone = dict(node.params).get("zone")
    offset = 0
    if zone is not None:
        frozen = contract.zone(zone)
        offset = frozen.offsets[sum(1 for change in frozen.transitions if change <= instant)]
    local = EPOCH + timedelta(microseconds=instant, seconds=offset)
    return int(_PARTS[node.op](local))


_PARTS: dict[str, Any] = {
    "hour": lambda at: at.hour,
    "minute": lambda at: at.minute,
    "weekday": lambda at: at.weekday(),
    "day": lambda at: at.day,
    "month": lambda at: at.month,
    "year": lambda at: at.year,
    "day_of_year": lambda at: at.timetuple().tm_yday,
}


def _number(node: Node, args: Sequence[Any]) -> Value:
    """Operations that give a number, of arguments that are not null."""
    two = {"add": arithmetic.add, "sub": arithmetic.subtract, "mul": arithmetic.multiply, "div": arithmetic.divide}
    if node.op in two:
        total = args[0]
        for item in args[1:]:
            total = two[node.op](total, item)
        return total  # type: ignore[no-any-return]
    if node.op == "pow":
        return arithmetic.power(args[0], args[1])
    if node.op in ("least", "greatest"):
        return float(min(args) if node.op == "least" else max(args))
    if node.op == "round":
        return arithmetic.half_even(args[0], node["digits"])
    if node.op == "bin":
        return float(sum(1 for edge in node["edges"] if edge <= args[0]))
    if node.op == "length":
        return float(len(args[0]))
    if node.op == "seconds_between":
        return float(Fraction(args[0] - args[1], 1_000_000))
    one: dict[str, Any] = {
        "neg": lambda a: -a,
        "abs": abs,
        "floor": arithmetic.floor,
        "ceil": arithmetic.ceil,
        "sqrt": arithmetic.root,
        "exp": arithmetic.exponential,
        "log": arithmetic.logarithm,
    }
    answer: Value = one[node.op](args[0])
    return answer


def _plain_test(node: Node, args: Sequence[Any]) -> Value:
    """Comparisons and text, of arguments that are not null."""
    a = args[0]
    if node.op == "lower":
        return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in a)
    if node.op == "is_in":
        return a in node["values"]
    if node.op in ("starts_with", "ends_with", "contains"):
        text = node["text"]
        return bool(
            {"starts_with": a[: len(text)] == text, "ends_with": a.endswith(text), "contains": text in a}[node.op]
        )
    b = args[1]
    if node.op in ("eq", "ne"):
        return bool((a == b) == (node.op == "eq"))
    return bool({"lt": a < b, "le": a <= b, "gt": a > b, "ge": a >= b}[node.op])

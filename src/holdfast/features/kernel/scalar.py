"""A contract compiled into one Python function of one row; `columns` evaluates the same nodes over many.

The function is generated from the verified nodes: every distinct node becomes one assignment, so a subexpression used
twice is computed once. Nothing of a user's text enters the source: names are numbered, texts and tables are constants
handed in by reference. Within it a null number is NaN, a null boolean, text or instant None, a null category code 0.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import partial
from math import ceil, floor, frexp, isfinite, sqrt
from typing import Any

from holdfast.contract.model import KIND_OF, Aggregate, Cell, Contract, Field, Kind, Node, Zone
from holdfast.features.kernel import calendar, words
from holdfast.features.kernel.elementary import NAN, exp, log, power
from holdfast.features.kernel.operations import power_of_ten, verify
from holdfast.features.kernel.rounding import round_one

RowFunction = Callable[[Sequence[Cell], Sequence[float]], list[float]]
Predicate = Callable[[Sequence[Cell]], bool]

_NULL: dict[Kind, str] = {"number": "nan", "boolean": "None", "category": "0", "text": "None", "timestamp": "None"}
_SIGNS = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "exp": exp,
    "log": log,
    "pow": power,
    "floor": floor,
    "ceil": ceil,
    "sqrt": sqrt,
    "round": round_one,
    "bisect": bisect_right,
    "lower": words.lower,
    "code_of": words.code_of,
    "local_one": calendar.local_one,
    **{f"part_{name}": partial(calendar.part_one, name) for name in calendar.PARTS},
}
WIDEST = 1000.0
"""Numbers below 2**1000 cannot overflow in one addition; the bounds of a node say where that is sure."""


def compile_row(contract: Contract) -> RowFunction:
    """The features of one row, in `contract.features` order.

    Takes the deciding event's cells in the order of `contract.deciding.fields` and the finished aggregates in the order
    of `contract.aggregates`; both must have that length. Answers floats: null is the canonical NaN (a category's is
    code 0), never infinite, never −0.0. A contract that could not have been frozen raises ValueError.
    """
    for feature in contract.features:
        if feature.expr.kind not in ("number", "boolean", "category"):
            raise ValueError(f"feature {feature.name!r} is a {feature.expr.kind}; a model takes numbers")
        verify(feature.expr)
    bounds = [_aggregate_bound(contract, item) for item in contract.aggregates]
    writer = _Writer(contract.deciding.fields, contract.zones, bounds)
    answers = [writer.answer(feature.expr) for feature in contract.features]
    return writer.function("cells, aggregates", f"[{', '.join(answers)}]")  # type: ignore[no-any-return]


def compile_predicate(node: Node, fields: Sequence[Field], zones: Sequence[Zone]) -> Predicate:
    """Whether a row passes a filter: cells in the order of `fields`; null counts as no."""
    if node.kind != "boolean":
        raise ValueError(f"a filter is a boolean, not a {node.kind}")
    verify(node)
    writer = _Writer(fields, zones, ())
    return writer.function("cells", f"{writer.value(node)} is True")  # type: ignore[no-any-return]


def _aggregate_bound(contract: Contract, aggregate: Aggregate) -> float | None:
    """log2 of an upper bound of an aggregate's size: sums of 2**64 integers under 2**53, and their deviation."""
    field = None if aggregate.value is None or aggregate.label else aggregate.value
    if field is not None and contract.source(aggregate.source).field(field).type == "real":
        return None
    return 200.0 if abs(aggregate.otherwise or 0) < 2**200 else None


class _Writer:
    """Lines of one function, and what they refer to."""

    def __init__(self, fields: Sequence[Field], zones: Sequence[Zone], aggregates: Sequence[float | None]) -> None:
        self.fields = {item.name: (i, item) for i, item in enumerate(fields)}
        self.zones = {item.name: item for item in zones}
        self.cells = len(fields)
        self.aggregates = aggregates
        self.lines: list[str] = []
        self.given: dict[str, Any] = {"nan": NAN}
        self.seen: dict[Node, str] = {}
        self.written: dict[str, str] = {}
        self.clean: set[str] = set()
        """Variables that are never −0.0 and whose NaN is the canonical one."""
        self.literals: dict[str, float] = {}
        """Variables that are a number written in the contract."""
        self.zone_names: dict[str, str] = {}
        self.bound: dict[str, float] = {}
        """log2 of an upper bound of a variable's size; absent: may be anything."""

    def function(self, arguments: str, answer: str) -> Any:
        """Compile the lines so far with `answer` as what is returned."""
        body = [f"    def row({arguments}):"]
        if self.cells:
            body.append(f"        {', '.join(f'c{i}' for i in range(self.cells))}, = cells")
        if self.aggregates:
            body.append(f"        {', '.join(f'a{i}' for i in range(len(self.aggregates)))}, = aggregates")
        body += [f"        {line}" for line in self.lines]
        body.append(f"        return {answer}")
        source = "\n".join([f"def make({', '.join(self.given)}):", *body, "    return row"])
        space: dict[str, Any] = {}
        exec(compile(source, "<holdfast row>", "exec"), space)  # noqa: S102 — our own text: no user's word is in it
        return space["make"](**self.given)

    def answer(self, node: Node) -> str:
        """The expression of a feature's float."""
        name = self.value(node)
        if node.kind == "category":
            return f"{name} + 0.0"
        if node.kind == "boolean":
            return f"(nan if {name} is None else 1.0 if {name} else 0.0)"
        return name if name in self.clean else f"({name} + 0.0 if {name} == {name} else nan)"

    def put(self, expression: str, *, bound: float | None = None, clean: bool = False) -> str:
        """A variable that holds `expression`; the same expression is computed once."""
        name = self.written.get(expression)
        if name is None:
            name = self.written[expression] = f"v{len(self.written)}"
            self.lines.append(f"{name} = {expression}")
            if bound is not None:
                self.bound[name] = bound
            if clean:
                self.clean.add(name)
        return name

    def number(self, expression: str, bound: float | None) -> str:
        """A number that may have overflowed: infinity minus itself is NaN, a finite number plus its zero is itself."""
        name = self.put(expression, bound=bound if bound is not None and bound < WIDEST else None)
        return name if name in self.bound else self.put(f"{name} + {name} * 0.0")

    def constant(self, value: Any) -> str:
        name = f"k{len(self.given)}"
        self.given[name] = value
        return name

    def call(self, name: str) -> str:
        self.given.setdefault(name, _FUNCTIONS[name])
        return name

    def value(self, node: Node) -> str:
        """The variable that holds the value of `node`."""
        name = self.seen.get(node)
        if name is None:
            emit = _EMIT.get(node.op, _call)
            name = self.seen[node] = emit(self, node, [self.value(item) for item in node.args])
        return name

    def local(self, instant: str, zone: str | None) -> str:
        """The variable of an instant shifted into its zone."""
        if zone is None:
            return instant
        if zone not in self.zones:
            raise ValueError(f"the zone {zone!r} is not frozen in the contract")
        if zone not in self.zone_names:
            self.zone_names[zone] = self.constant(self.zones[zone])
        key = self.zone_names[zone]
        return self.put(f"None if {instant} is None else {self.call('local_one')}({instant}, {key})")


def _field(w: _Writer, node: Node, _: list[str]) -> str:
    if node["name"] not in w.fields:
        raise ValueError(f"there is no field {node['name']!r} here")
    i, field = w.fields[node["name"]]
    if KIND_OF[field.type] != node.kind:
        raise ValueError(f"the field {field.name!r} is no {node.kind}")
    cell = f"c{i}"
    if field.type == "decimal":
        divisor = power_of_ten(field.scale)
        return w.put(f"{cell} / {divisor!r} if {cell} is not None else nan", bound=53.0, clean=True)
    if field.type in ("integer", "real"):
        bound = 53.0 if field.type == "integer" else None
        return w.put(f"{cell} + 0.0 if {cell} is not None else nan", bound=bound, clean=True)
    if field.type == "boolean":
        return w.put(f"{cell} == 1 if {cell} is not None else None")
    return w.put(f"{cell} or 0") if field.type == "category" else cell


def _literal(w: _Writer, node: Node, _: list[str]) -> str:
    value = node["value"]
    if value is None:
        return w.put(_NULL[node.kind])
    if node.kind == "text":
        return w.put(w.constant(str(value)))
    if node.kind == "boolean":
        return w.put(repr(bool(value)))
    if node.kind == "number":
        number = float(value) + 0.0
        if not isfinite(number):
            raise ValueError(f"a literal is a finite number, not {number}")
        name = w.put(repr(number), bound=float(frexp(number)[1]), clean=True)
        w.literals[name] = number
        return name
    return w.put(repr(int(value)))


def _aggregate(w: _Writer, node: Node, _: list[str]) -> str:
    i = node["index"]
    if i >= len(w.aggregates):
        raise ValueError(f"there is no aggregate {i}")
    a = f"a{i}"
    if node.kind == "number":
        return w.put(f"{a} + 0.0 if {a} == {a} else nan", bound=w.aggregates[i], clean=True)
    if node.kind == "boolean":
        return w.put(f"{a} != 0.0 if {a} == {a} else None")
    if node.kind == "timestamp":
        return w.put(f"int({a}) if {a} == {a} else None")
    return w.put(f"{a} if {a} == {a} else 0")


def _arithmetic(w: _Writer, node: Node, args: list[str]) -> str:
    """add, sub, mul: from the left, each step rounded once."""
    total = args[0]
    for item in args[1:]:
        left, right = w.bound.get(total), w.bound.get(item)
        if left is None or right is None:
            bound = None
        else:
            bound = left + right if node.op == "mul" else max(left, right) + 1.0
        total = w.number(f"{total} {'*' if node.op == 'mul' else '-' if node.op == 'sub' else '+'} {item}", bound)
    return total


def _divide(w: _Writer, node: Node, args: list[str]) -> str:
    a, b = args
    known = w.literals.get(b)
    if known:
        left = w.bound.get(a)
        return w.number(f"{a} / {b}", None if left is None else left + 1.0 - frexp(known)[1])
    return w.number(f"{a} / {b} if {b} else nan", None)


def _extreme(w: _Writer, node: Node, args: list[str]) -> str:
    """least, greatest: null if any is null."""
    sign = "<=" if node.op == "least" else ">="
    best = args[0]
    for item in args[1:]:
        left, right = w.bound.get(best), w.bound.get(item)
        bound = None if left is None or right is None else max(left, right)
        best = w.put(f"{best} if {best} {sign} {item} or {best} != {best} else {item}", bound=bound)
    return best


def _compare(w: _Writer, node: Node, args: list[str]) -> str:
    tests = [_is_null(node.args[0].kind, item) for item in args if item not in w.literals]
    answer = f"{args[0]} {_SIGNS[node.op]} {args[1]}"
    return w.put(f"None if {' or '.join(tests)} else {answer}" if tests else answer)


def _is_null(kind: Kind, name: str) -> str:
    if kind == "number":
        return f"{name} != {name}"
    return f"not {name}" if kind == "category" else f"{name} is None"


def _is_in(w: _Writer, node: Node, args: list[str]) -> str:
    kind = node.args[0].kind
    values = (float(item) for item in node["values"]) if kind == "number" else iter(node["values"])
    members = w.constant(frozenset(values))
    return w.put(f"None if {_is_null(kind, args[0])} else {args[0]} in {members}")


def _and(w: _Writer, node: Node, args: list[str]) -> str:
    total = args[0]
    for item in args[1:]:
        total = w.put(f"{item} if {total} else False if {total} is False or {item} is False else None")
    return total


def _or(w: _Writer, node: Node, args: list[str]) -> str:
    total = args[0]
    for item in args[1:]:
        total = w.put(f"True if {total} or {item} else None if {total} is None or {item} is None else False")
    return total


def _choose(w: _Writer, node: Node, args: list[str]) -> str:
    condition, yes, no = args
    return w.put(f"{yes} if {condition} else {no} if {condition} is False else {_NULL[node.kind]}")


def _coalesce(w: _Writer, node: Node, args: list[str]) -> str:
    total = args[-1]
    for item in reversed(args[:-1]):
        total = w.put(f"{total} if {_is_null(node.kind, item)} else {item}")
    return total


def _pattern(w: _Writer, node: Node, args: list[str]) -> str:
    (a,) = args
    text = w.constant(node["text"])
    method = {"starts_with": "startswith", "ends_with": "endswith"}.get(node.op)
    test = f"{text} in {a}" if method is None else f"{a}.{method}({text})"
    return w.put(f"None if {a} is None else {test}")


def _part(w: _Writer, node: Node, args: list[str]) -> str:
    local = w.local(args[0], dict(node.params).get("zone"))
    return w.put(f"{w.call('part_' + node.op)}({local}) + 0.0 if {local} is not None else nan", bound=53.0, clean=True)


def _call(w: _Writer, node: Node, args: list[str]) -> str:
    """Operations that are one expression of one or two arguments."""
    a = args[0]
    kept = w.bound.get(a)
    if node.op == "neg":
        return w.put(f"-{a}", bound=kept)
    if node.op == "abs":
        return w.put(f"{a} if {a} >= 0.0 else -{a}", bound=kept)
    if node.op in ("floor", "ceil"):
        return w.put(f"{w.call(node.op)}({a}) + 0.0 if {a} == {a} else nan", bound=kept, clean=True)
    if node.op == "sqrt":
        return w.put(f"{w.call('sqrt')}({a}) if {a} >= 0.0 else nan", bound=kept if kept and kept > 0 else None)
    if node.op in ("log", "exp", "pow"):
        return w.put(f"{w.call(node.op)}({', '.join(args)})")
    if node.op == "round":
        return w.put(f"{w.call('round')}({a}, {int(node['digits'])})")
    if node.op == "bin":
        edges = w.constant(tuple(float(item) for item in node["edges"]))
        return w.put(f"{w.call('bisect')}({edges}, {a}) + 0.0 if {a} == {a} else nan", bound=53.0, clean=True)
    if node.op == "is_null":
        return w.put(_is_null(node.args[0].kind, a))
    if node.op == "not":
        return w.put(f"None if {a} is None else not {a}")
    if node.op == "length":
        return w.put(f"len({a}) + 0.0 if {a} is not None else nan", bound=53.0, clean=True)
    if node.op == "lower":
        return w.put(f"{w.call('lower')}({a}) if {a} is not None else None")
    if node.op == "to_category":
        return w.put(f"{w.call('code_of')}({a}, {w.constant(words.codes(node['values']))})")
    assert node.op == "seconds_between"
    return w.put(f"({a} - {args[1]}) / 1000000 if {a} is not None and {args[1]} is not None else nan")


_EMIT: dict[str, Callable[[_Writer, Node, list[str]], str]] = {
    "field": _field,
    "literal": _literal,
    "aggregate": _aggregate,
    "add": _arithmetic,
    "sub": _arithmetic,
    "mul": _arithmetic,
    "div": _divide,
    "least": _extreme,
    "greatest": _extreme,
    **dict.fromkeys(_SIGNS, _compare),
    "is_in": _is_in,
    "and": _and,
    "or": _or,
    "if": _choose,
    "coalesce": _coalesce,
    **dict.fromkeys(("starts_with", "ends_with", "contains"), _pattern),
    **dict.fromkeys(calendar.PARTS, _part),
}

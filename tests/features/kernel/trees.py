"""Random expression trees, one small contract to hold them, and its cells as rows and as columns."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

from holdfast.contract.model import Aggregate, Cell, Contract, Feature, Field, Kind, Label, Node, Source, Zone
from holdfast.features.columns import Column

ZONE = Zone("Europe/Berlin", (828234000000000, 846378000000000, 1711846800000000), (3600, 7200, 3600, 7200))
FIELDS = (
    Field("id", "text"),
    Field("at", "timestamp"),
    Field("amount", "decimal", scale=2),
    Field("count", "integer"),
    Field("ratio", "real"),
    Field("open", "boolean"),
    Field("kind", "category", values=("a", "b", "c")),
    Field("note", "text"),
    Field("seen", "timestamp"),
)
SOURCE = Source("events", "id", "at", FIELDS)
AGGREGATES = (
    Aggregate("mean", "events", ("note",), ("note",), 10, value="amount"),
    Aggregate("max", "events", ("note",), ("note",), 10, value="ratio"),
    Aggregate("last", "events", ("note",), ("note",), 10, value="kind"),
    Aggregate("last", "events", ("note",), ("note",), 10, value="open"),
    Aggregate("last", "events", ("note",), ("note",), 10, value="seen"),
)
_AGGREGATE_KINDS: tuple[Kind, ...] = ("number", "number", "category", "boolean", "timestamp")


def contract_of(nodes: Sequence[Node]) -> Contract:
    features = tuple(Feature(f"f{i}", node) for i, node in enumerate(nodes))
    label = Label("bad", "events", known_after=1)
    return Contract("c", "events", "bad", (label,), (SOURCE,), AGGREGATES, features, (ZONE,))


def field(name: str) -> Node:
    kinds: dict[str, Kind] = {"boolean": "boolean", "category": "category", "text": "text", "timestamp": "timestamp"}
    return Node("field", kinds.get(SOURCE.field(name).type, "number"), (), (("name", name), ("source", "events")))


def literal(value: Any, kind: Kind = "number") -> Node:
    return Node("literal", kind, (), (("value", value),))


def call(op: str, kind: Kind, *args: Node, **params: Any) -> Node:
    return Node(op, kind, args, tuple(sorted(params.items())))


texts = st.sampled_from(["", "A", "a", "ab", "Ä", "ÄB", "ß", "a" * 9, "İ", "é", "𝒳"])
numbers = st.one_of(
    st.sampled_from([0.0, 1.0, -1.0, 0.5, 2.5, 0.125, 2.675, 1e-320, 1e308, -1.7e308, 1e15, 3.0, 100.0]),
    st.floats(allow_nan=False, allow_infinity=False).map(lambda x: x + 0.0),
    st.integers(-1000, 1000).map(lambda k: k / 100),
)
instants = st.one_of(
    st.integers(-62135596800 * 10**6, 253402300799 * 10**6),
    st.sampled_from([0, -1, 828233999999999, 828234000000000, 1711846800000000, 951782400000000, 86399999999]),
)
cells = st.tuples(
    texts,
    instants,
    st.one_of(st.none(), st.integers(-(2**52) + 1, 2**52 - 1), st.integers(-500, 500)),
    st.one_of(st.none(), st.integers(-(2**53) + 1, 2**53 - 1), st.integers(-5, 5)),
    st.one_of(st.none(), numbers),
    st.sampled_from([None, 0, 1]),
    st.integers(0, 4),
    st.one_of(st.none(), texts),
    st.one_of(st.none(), instants),
)
_nan = st.just(float("nan"))
aggregates = st.tuples(
    st.one_of(_nan, numbers.map(lambda x: max(-1e30, min(1e30, x)))),
    st.one_of(_nan, numbers),
    st.integers(0, 4).map(float),
    st.sampled_from([0.0, 1.0, float("nan")]),
    st.one_of(_nan, st.integers(0, 2**50).map(float)),
)

_LEAVES: dict[Kind, list[Node]] = {
    "number": [field("amount"), field("count"), field("ratio")],
    "boolean": [field("open")],
    "category": [field("kind")],
    "text": [field("note"), field("id")],
    "timestamp": [field("at"), field("seen")],
}
for _i, _kind in enumerate(_AGGREGATE_KINDS):
    _LEAVES[_kind].append(Node("aggregate", _kind, (), (("index", _i),)))
_VALUES: dict[Kind, st.SearchStrategy[Any]] = {
    "number": st.one_of(numbers, st.integers(-3, 3)),
    "boolean": st.booleans(),
    "category": st.integers(2, 4),
    "text": texts,
    "timestamp": instants,
}
_KINDS: tuple[Kind, ...] = ("number", "boolean", "category", "text", "timestamp")


@st.composite
def trees(draw: st.DrawFn, kind: Kind, depth: int = 4) -> Node:
    """A node of `kind`, every operation of the kernel within reach."""
    if depth == 0 or draw(st.integers(0, 5)) == 0:
        if draw(st.integers(0, 3)):
            return draw(st.sampled_from(_LEAVES[kind]))
        return literal(draw(st.one_of(st.none(), _VALUES[kind])), kind)

    def sub(inner: Kind) -> Node:
        return draw(trees(inner, depth - 1))

    common = ["if", "coalesce"]
    own: dict[Kind, list[str]] = {
        "number": [
            *("add", "sub", "mul", "div", "neg", "abs", "floor", "ceil", "least", "greatest", "log", "exp", "sqrt"),
            *("pow", "round", "bin", "length", "part", "seconds_between"),
        ],
        "boolean": [*("eq", "ne", "lt", "le", "gt", "ge", "is_in", "is_null", "and", "or", "not", "pattern")],
        "category": ["to_category"],
        "text": ["lower"],
        "timestamp": [],
    }
    op = draw(st.sampled_from(own[kind] + common))
    if op == "if":
        return call("if", kind, sub("boolean"), sub(kind), sub(kind))
    if op == "coalesce":
        return call("coalesce", kind, *(sub(kind) for _ in range(draw(st.integers(2, 3)))))
    if op in ("add", "mul", "least", "greatest"):
        return call(op, kind, *(sub("number") for _ in range(draw(st.integers(2, 3)))))
    if op in ("sub", "div", "pow"):
        return call(op, kind, sub("number"), sub("number"))
    if op == "round":
        return call(op, kind, sub("number"), digits=draw(st.integers(0, 22)))
    if op == "bin":
        return call(op, kind, sub("number"), edges=tuple(sorted(draw(st.sets(numbers, min_size=1, max_size=4)))))
    if op == "length":
        return call(op, kind, sub("text"))
    if op == "part":
        name = draw(st.sampled_from(["hour", "minute", "weekday", "day", "month", "year", "day_of_year"]))
        return call(name, kind, sub("timestamp"), zone=draw(st.sampled_from([None, ZONE.name])))
    if op == "seconds_between":
        return call(op, kind, sub("timestamp"), sub("timestamp"))
    if op in ("eq", "ne", "is_null"):
        inner = draw(st.sampled_from(_KINDS))
        return call(op, kind, *(sub(inner) for _ in range(1 if op == "is_null" else 2)))
    if op in ("lt", "le", "gt", "ge"):
        inner = draw(st.sampled_from(_KINDS[:1] + _KINDS[3:]))
        return call(op, kind, sub(inner), sub(inner))
    if op == "is_in":
        inner = draw(st.sampled_from(_KINDS))
        return call(op, kind, sub(inner), values=tuple(draw(st.lists(_VALUES[inner], min_size=1, max_size=3))))
    if op in ("and", "or"):
        return call(op, kind, *(sub("boolean") for _ in range(draw(st.integers(2, 3)))))
    if op == "pattern":
        name = draw(st.sampled_from(["starts_with", "ends_with", "contains"]))
        return call(name, kind, sub("text"), text=draw(texts))
    if op == "to_category":
        return call(op, kind, sub("text"), values=("a", "ab", "Ä"))
    return call(op, kind, sub(kind))


def columns_of(rows: Sequence[Sequence[Cell]]) -> dict[str, Column]:
    """The columns of the same cells, as the batch engine parses them."""
    answer = {}
    for i, item in enumerate(FIELDS):
        values = [row[i] for row in rows]
        if item.type in ("integer", "decimal", "boolean", "timestamp"):
            valid = np.array([value is not None for value in values], dtype=np.bool_)
            ints = np.array([0 if value is None else value for value in values], dtype=np.int64)
            answer[item.name] = Column(ints, None if valid.all() else valid)
        elif item.type == "real":
            floats = [float("nan") if value is None else value for value in values]
            answer[item.name] = Column(np.array(floats, dtype=np.float64))
        elif item.type == "category":
            answer[item.name] = Column(np.array(values, dtype=np.int32))
        else:
            objects = np.empty(len(values), dtype=object)
            objects[:] = values
            answer[item.name] = Column(objects)
    return answer


def bits(values: Any) -> list[str]:
    """Each float as the hex of its eight bytes."""
    return [struct.pack("<d", value).hex() for value in values]

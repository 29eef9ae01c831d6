"""Each operation at its edges, one row and columns side by side; what no language writes is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from tests.features.kernel.trees import FIELDS, ZONE, bits, call, columns_of, contract_of, field, literal

from holdfast.contract.model import Cell, Contract, Feature, Field, Node
from holdfast.features.kernel.columns import evaluate, predicate
from holdfast.features.kernel.scalar import compile_predicate, compile_row

NULL = math.nan
AMOUNT, COUNT, RATIO, OPEN, KIND, NOTE = (field(name) for name in ("amount", "count", "ratio", "open", "kind", "note"))
AT, SEEN = field("at"), field("seen")
NO, YES, UNSURE = literal(False, "boolean"), literal(True, "boolean"), literal(None, "boolean")


def row(**given: Cell) -> tuple[Cell, ...]:
    cells: dict[str, Cell] = {item.name: None for item in FIELDS}
    return tuple({**cells, "id": "i", "at": 0, "kind": 0, **given}.values())


def answer(node: Node, **given: Cell) -> float:
    """The value of a node for one row; columns must give the same bits."""
    contract = contract_of([node])
    finished = (1.5, NULL, 2.0, 1.0, NULL)
    (one,) = compile_row(contract)(row(**given), finished)
    many = evaluate(contract, columns_of([row(**given)] * 3), [np.array([v] * 3) for v in finished])
    assert bits(many[:, 0]) == bits([one] * 3)
    return one


def num(op: str, *args: Node, **params: Any) -> Node:
    return call(op, "number", *args, **params)


def flag(op: str, *args: Node, **params: Any) -> Node:
    return call(op, "boolean", *args, **params)


@pytest.mark.parametrize(
    ("node", "given", "expected"),
    [
        (AMOUNT, {"amount": 1234}, 12.34),
        (AMOUNT, {}, NULL),
        (COUNT, {"count": -7}, -7.0),
        (OPEN, {"open": 1}, 1.0),
        (OPEN, {"open": 0}, 0.0),
        (OPEN, {}, NULL),
        (KIND, {"kind": 3}, 3.0),
        (KIND, {}, 0.0),
        (num("div", AMOUNT, COUNT), {"amount": 100, "count": 0}, NULL),
        (num("div", COUNT, literal(0)), {"count": 1}, NULL),
        (num("div", literal(0), literal(0)), {}, NULL),
        (num("div", RATIO, literal(0.001)), {"ratio": 1.7e308}, NULL),
        (num("mul", COUNT, literal(0)), {"count": -5}, 0.0),
        (num("neg", COUNT), {"count": 0}, 0.0),
        (num("mul", RATIO, RATIO), {"ratio": 1e200}, NULL),
        (num("sub", num("mul", RATIO, RATIO), num("mul", RATIO, RATIO)), {"ratio": 1e200}, NULL),
        (num("div", literal(1), num("mul", RATIO, RATIO)), {"ratio": 1e200}, NULL),
        (num("add", RATIO, RATIO), {"ratio": 1.7e308}, NULL),
        (num("abs", COUNT), {"count": -3}, 3.0),
        (num("floor", RATIO), {"ratio": -0.5}, -1.0),
        (num("ceil", RATIO), {"ratio": -0.5}, 0.0),
        (num("floor", RATIO), {"ratio": 1.5e300}, 1.5e300),
        (num("floor", RATIO), {}, NULL),
        (num("least", COUNT, RATIO), {"count": 1, "ratio": 0.5}, 0.5),
        (num("least", COUNT, RATIO), {"count": 1}, NULL),
        (num("greatest", COUNT, RATIO), {"ratio": 1.0}, NULL),
        (num("greatest", COUNT, RATIO, literal(9)), {"count": 1, "ratio": 0.5}, 9.0),
        (num("sqrt", RATIO), {"ratio": 2.0}, math.sqrt(2)),
        (num("sqrt", RATIO), {"ratio": -1e-300}, NULL),
        (num("log", RATIO), {"ratio": 0.0}, NULL),
        (num("exp", RATIO), {"ratio": 800.0}, NULL),
        (num("pow", RATIO, literal(2)), {"ratio": 3.0}, 9.0),
        (num("round", RATIO, digits=2), {"ratio": 2.675}, 2.67),
        (num("round", RATIO, digits=0), {"ratio": -0.4}, 0.0),
        (num("bin", RATIO, edges=(0.0, 1.0, 2.0)), {"ratio": 1.0}, 2.0),
        (num("bin", RATIO, edges=(0.0, 1.0, 2.0)), {"ratio": -1.0}, 0.0),
        (num("bin", RATIO, edges=(0.0,)), {}, NULL),
        (flag("eq", AMOUNT, literal(12.34)), {"amount": 1234}, 1.0),
        (flag("eq", AMOUNT, literal(None)), {"amount": 1234}, NULL),
        (flag("lt", COUNT, RATIO), {"count": 1, "ratio": 1.0}, 0.0),
        (flag("le", COUNT, RATIO), {"count": 1, "ratio": 1.0}, 1.0),
        (flag("ne", RATIO, RATIO), {}, NULL),
        (flag("eq", KIND, literal(2, "category")), {"kind": 0}, NULL),
        (flag("eq", KIND, literal(2, "category")), {"kind": 1}, 0.0),
        (flag("eq", KIND, literal(2, "category")), {"kind": 2}, 1.0),
        (flag("is_in", KIND, values=(2, 3)), {"kind": 1}, 0.0),
        (flag("is_in", KIND, values=(2, 3)), {"kind": 0}, NULL),
        (flag("is_in", KIND, values=(2, 3)), {"kind": 3}, 1.0),
        (flag("is_in", NOTE, values=("a", "b")), {"note": "b"}, 1.0),
        (flag("is_in", NOTE, values=("a", "b")), {}, NULL),
        (flag("is_in", COUNT, values=(1, 2)), {"count": 2}, 1.0),
        (flag("is_null", KIND), {"kind": 0}, 1.0),
        (flag("is_null", KIND), {"kind": 1}, 0.0),
        (flag("is_null", NOTE), {"note": ""}, 0.0),
        (flag("is_null", SEEN), {}, 1.0),
        (flag("is_null", OPEN), {}, 1.0),
        (flag("lt", NOTE, literal("b", "text")), {"note": "a"}, 1.0),
        (flag("lt", NOTE, literal("b", "text")), {}, NULL),
        (flag("eq", SEEN, AT), {"seen": 5, "at": 5}, 1.0),
        (flag("gt", SEEN, AT), {"at": 5}, NULL),
        (flag("and", OPEN, NO), {}, 0.0),
        (flag("and", OPEN, YES), {}, NULL),
        (flag("or", OPEN, YES), {}, 1.0),
        (flag("or", OPEN, NO), {}, NULL),
        (flag("not", UNSURE), {}, NULL),
        (flag("not", OPEN), {"open": 0}, 1.0),
        (flag("and", YES, UNSURE, NO), {}, 0.0),
        (flag("or", NO, UNSURE, YES), {}, 1.0),
        (num("if", OPEN, literal(1), literal(2)), {"open": 1}, 1.0),
        (num("if", OPEN, literal(1), literal(2)), {"open": 0}, 2.0),
        (num("if", OPEN, literal(1), literal(2)), {}, NULL),
        (num("coalesce", COUNT, RATIO), {"ratio": 4.0}, 4.0),
        (num("coalesce", COUNT, RATIO), {"count": 0, "ratio": 4.0}, 0.0),
        (call("coalesce", "category", KIND, literal(4, "category")), {"kind": 0}, 4.0),
        (call("coalesce", "category", KIND, literal(4, "category")), {"kind": 1}, 1.0),
        (num("length", NOTE), {"note": "Äb𝒳"}, 3.0),
        (num("length", NOTE), {}, NULL),
        (flag("eq", call("lower", "text", NOTE), literal("äÄb", "text")), {"note": "äÄB"}, 1.0),
        (flag("starts_with", NOTE, text="A"), {"note": "AB"}, 1.0),
        (flag("ends_with", NOTE, text="A"), {"note": "AB"}, 0.0),
        (flag("contains", NOTE, text=""), {"note": ""}, 1.0),
        (flag("contains", NOTE, text="x"), {}, NULL),
        (call("to_category", "category", NOTE, values=("x", "y")), {"note": "y"}, 3.0),
        (call("to_category", "category", NOTE, values=("x", "y")), {"note": "z"}, 1.0),
        (call("to_category", "category", NOTE, values=("x", "y")), {}, 0.0),
        (num("hour", AT, zone=ZONE.name), {"at": 1_711_846_799_999_999}, 1.0),
        (num("hour", AT, zone=ZONE.name), {"at": 1_711_846_800_000_000}, 3.0),
        (num("hour", AT), {"at": -1}, 23.0),
        (num("weekday", AT, zone=None), {"at": 0}, 3.0),
        (num("year", SEEN, zone=None), {}, NULL),
        (num("seconds_between", SEEN, AT), {"seen": 1_500_000, "at": 0}, 1.5),
        (num("seconds_between", SEEN, AT), {}, NULL),
        (num("seconds_between", SEEN, AT), {"seen": 253402300799999999, "at": -62135596799999999}, 315537897599.999998),
        (Node("aggregate", "number", (), (("index", 0),)), {}, 1.5),
        (Node("aggregate", "number", (), (("index", 1),)), {}, NULL),
        (Node("aggregate", "category", (), (("index", 2),)), {}, 2.0),
        (flag("eq", Node("aggregate", "category", (), (("index", 2),)), KIND), {"kind": 2}, 1.0),
        (flag("not", Node("aggregate", "boolean", (), (("index", 3),))), {}, 0.0),
        (num("seconds_between", Node("aggregate", "timestamp", (), (("index", 4),)), AT), {}, NULL),
    ],
)
def test_an_operation_at_its_edges(node: Node, given: dict[str, Cell], expected: float) -> None:
    assert bits([answer(node, **given)]) == bits([expected])


@pytest.mark.parametrize(
    ("node", "fault"),
    [
        (num("eval", COUNT), "knows no operation"),
        (num("add", COUNT), "1 arguments"),
        (num("add", COUNT, NOTE), "does not take"),
        (num("sqrt", NOTE), "does not take text"),
        (num("round", COUNT), "proper digits"),
        (num("round", COUNT, digits=-1), "proper digits"),
        (num("bin", COUNT, edges="ab"), "proper edges"),
        (num("bin", COUNT, edges=(2.0, 1.0)), "proper edges"),
        (call("add", "boolean", COUNT, COUNT), "does not give"),
        (num("if", COUNT, COUNT, COUNT), "condition"),
        (num("if", OPEN, COUNT, NOTE), "each of its choices"),
        (Node("field", "number", (), (("name", "); import os"), ("source", "events"))), "no field"),
        (Node("field", "number", (), (("name", "note"), ("source", "events"))), "is no number"),
        (Node("aggregate", "number", (), (("index", 9),)), "no aggregate"),
        (num("hour", AT, zone="Mars/Olympus"), "not frozen"),
        (literal(math.inf), "finite"),
        (NOTE, "a model takes numbers"),
    ],
)
def test_what_the_language_cannot_have_written_is_refused(node: Node, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        compile_row(contract_of([node]))
    with pytest.raises(ValueError, match=fault):
        evaluate(contract_of([node]), columns_of([row()]), [np.zeros(1)] * 5)


def test_a_text_of_a_contract_never_enters_the_generated_source() -> None:
    hostile = "x') or __import__('os').system('true') or ('"
    assert answer(flag("eq", NOTE, literal(hostile, "text")), note=hostile) == 1.0
    assert answer(flag("contains", NOTE, text=hostile), note="a" + hostile) == 1.0


def test_a_field_may_be_called_anything() -> None:
    names = ("class", "row", "nan", "c0", "a b", "é'")
    contract = contract_of([])
    fields = tuple(Field(name, "integer") for name in names)
    nodes = [Node("field", "number", (), (("name", name), ("source", "events"))) for name in names]
    source = type(contract.deciding)("events", "class", "row", fields)
    features = tuple(Feature(f"f{i}", node) for i, node in enumerate(nodes))
    odd = Contract("c", "events", "bad", contract.labels, (source,), (), features)
    assert compile_row(odd)((1, 2, 3, 4, 5, 6), ()) == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]


def test_a_filter_takes_only_what_is_surely_true() -> None:
    node = flag("gt", AMOUNT, literal(10))
    rows = [row(amount=v) for v in (1000, 1001, None)]
    assert [compile_predicate(node, FIELDS, ())(item) for item in rows] == [False, True, False]
    assert predicate(node, columns_of(rows), (), FIELDS).tolist() == [False, True, False]
    with pytest.raises(ValueError, match="a filter is a boolean"):
        compile_predicate(AMOUNT, FIELDS, ())


def test_a_column_answer_does_not_depend_on_the_batch_it_is_in() -> None:
    rng = np.random.default_rng(3)
    nodes = [
        num("exp", num("div", AMOUNT, COUNT)),
        num("pow", RATIO, literal(1.7)),
        num("round", num("log", RATIO), digits=3),
        num("hour", AT, zone=ZONE.name),
        flag("gt", num("mul", RATIO, AMOUNT), COUNT),
    ]
    contract = contract_of(nodes)
    rows = [
        row(amount=int(a), count=int(c), ratio=float(r), at=int(t))
        for a, c, r, t in zip(
            rng.integers(-500, 500, 40_000),
            rng.integers(-3, 3, 40_000),
            np.exp(rng.normal(0, 5, 40_000)),
            rng.integers(0, 2**50, 40_000),
            strict=True,
        )
    ]
    finished = [np.zeros(len(rows))] * 5
    whole = evaluate(contract, columns_of(rows), finished)
    assert whole.flags.c_contiguous
    for start, end in ((0, 1), (7, 24), (16_383, 16_386), (20_001, 39_999)):
        part = evaluate(contract, columns_of(rows[start:end]), [column[start:end] for column in finished])
        assert part.tobytes() == whole[start:end].tobytes()
    odd = evaluate(contract, columns_of(rows[::3]), [column[::3] for column in finished])
    assert odd.tobytes() == np.ascontiguousarray(whole[::3]).tobytes()
    assert evaluate(contract, columns_of([]), [np.zeros(0)] * 5).shape == (0, 5)


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="different lengths"):
        evaluate(contract_of([COUNT]), columns_of([row()]), [np.zeros(2)] * 5)

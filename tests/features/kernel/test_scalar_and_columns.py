"""One row and many rows give the same bits, whatever the expression and the values."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.features.kernel.trees import FIELDS, ZONE, aggregates, bits, cells, columns_of, contract_of, trees

from holdfast.contract.model import Cell, Node
from holdfast.features.kernel.columns import evaluate, predicate
from holdfast.features.kernel.scalar import compile_predicate, compile_row

features = st.one_of(trees("number"), trees("boolean"), trees("category"))


@settings(max_examples=250, deadline=None)
@given(
    nodes=st.lists(features, min_size=1, max_size=4),
    rows=st.lists(st.tuples(cells, aggregates), min_size=1, max_size=12),
)
def test_a_random_contract_gives_the_same_bits_for_rows_and_for_columns(
    nodes: list[Node], rows: list[tuple[tuple[Cell, ...], tuple[float, ...]]]
) -> None:
    contract = contract_of(nodes)
    one = compile_row(contract)
    answers = [one(row, finished) for row, finished in rows]
    finished = [np.array(column, dtype=np.float64) for column in zip(*(item[1] for item in rows), strict=True)]
    matrix = evaluate(contract, columns_of([item[0] for item in rows]), finished)
    for answer, row in zip(answers, matrix.tolist(), strict=True):
        assert bits(answer) == bits(row)
        for value in answer:
            assert type(value) is float
            assert abs(value) != float("inf")
            assert value == value or bits([value]) == bits([float("nan")])
            assert value != 0 or bits([value]) == bits([0.0])


@settings(max_examples=100, deadline=None)
@given(node=trees("boolean"), rows=st.lists(cells, min_size=1, max_size=12))
def test_a_random_filter_takes_the_same_rows_one_by_one_and_in_columns(
    node: Node, rows: list[tuple[Cell, ...]]
) -> None:
    if any(item.op == "aggregate" for item in node.walk()):
        return
    one = compile_predicate(node, FIELDS, (ZONE,))
    assert predicate(node, columns_of(rows), (ZONE,), FIELDS).tolist() == [one(row) for row in rows]

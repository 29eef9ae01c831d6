"""A contract with features left out."""

from __future__ import annotations

from dataclasses import replace

from tests.training.tables import contract

from holdfast.contract.model import DAY, Aggregate, Feature, Node, contract_from
from holdfast.features.plan import plan
from holdfast.training.narrow import without


def _aggregate(name: str, value: str | None) -> Aggregate:
    return Aggregate(name, "payments", ("payment_id",), ("payment_id",), DAY, value=value)  # type: ignore[arg-type]


def test_aggregates_nobody_reads_go_and_the_others_keep_their_meaning() -> None:
    shape = contract()
    nodes = [Node("aggregate", "number", (), (("index", i),)) for i in range(3)]
    ratio = Node("div", "number", (nodes[2], nodes[0]))
    whole = replace(
        shape,
        aggregates=(_aggregate("count", None), _aggregate("sum", "noise"), _aggregate("max", "rate")),
        features=(*shape.features, Feature("noise_sum", nodes[1]), Feature("ratio", ratio)),
    )
    narrow = without(whole, ("noise", "noise_sum", "rate"))
    assert [item.name for item in narrow.aggregates] == ["count", "max"]
    expr = narrow.features[-1].expr
    assert [narrow.aggregates[arg["index"]].name for arg in expr.args] == ["max", "count"]
    assert narrow.deciding.field("noise").nullable
    assert narrow.deciding.field("rate") == whole.deciding.field("rate")
    assert contract_from(narrow.as_json()) == narrow
    kept = {series.key for series in plan(narrow).series}
    assert kept < {series.key for series in plan(whole).series}


def test_leaving_nothing_out_is_the_same_contract() -> None:
    assert without(contract(), ()) == contract()

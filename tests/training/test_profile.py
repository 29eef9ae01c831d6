"""What the training data looked like."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from tests.training.tables import contract, table

from holdfast.training.profile import profile
from holdfast.training.rows import rows_of


def test_every_row_is_counted_once_in_each_feature() -> None:
    rows, _ = rows_of(table(2_000), contract())
    probability = np.linspace(0, 1, len(rows))
    found = profile(contract(), rows, probability, rows.y, 0.9)
    assert found["rows"] == 2_000
    for i, name in enumerate(rows.names):
        column, shape = rows.X[:, i], found["features"][name]
        nulls = (column == 0).mean() if name == "kind" else np.isnan(column).mean()
        assert shape["null_share"] == nulls or abs(shape["null_share"] - nulls) < 1e-12
        counted = sum(shape["codes"].values()) if name == "kind" else sum(shape["counts"])
        assert counted == (len(column) if name == "kind" else (~np.isnan(column)).sum())
    assert found["decision_share"] == (probability >= 0.9).mean()
    assert sum(found["probability"]["counts"]) == 2_000
    assert found["groups"] == {}


def test_a_protected_field_gets_its_rates_by_group() -> None:
    shape = contract()
    deciding = shape.deciding
    fields = tuple(replace(field, protected=field.name == "kind") for field in deciding.fields)
    marked = replace(shape, sources=(replace(deciding, fields=fields),))
    rows, _ = rows_of(table(2_000), marked)
    found = profile(marked, rows, rows.y.astype(np.float64), rows.y, 0.5)
    assert sum(group["rows"] for group in found["groups"]["kind"].values()) == 2_000
    assert all(group["recall"] == 1.0 for group in found["groups"]["kind"].values())


def test_a_feature_with_one_value_or_none_has_a_profile() -> None:
    given = table(300)
    given.matrix[:, 0] = 5.0
    given.matrix[:, 1] = np.nan
    rows, _ = rows_of(given, contract())
    found = profile(contract(), rows, np.full(300, 0.5), rows.y, 0.5)["features"]
    assert found["amount"]["counts"] == [300]
    assert found["rate"] == {"kind": "number", "null_share": 1.0}

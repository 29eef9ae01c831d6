"""Simulated columns keep their exact values on the way to a file and to a request."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from holdfast.simulate.table import Table, exact, iso


@given(st.lists(st.integers(-(10**15), 10**15), max_size=20))
def test_decimals_are_exact_also_below_zero(values: list[int]) -> None:
    assert exact(np.array(values, dtype=np.int64), 2).to_pylist() == [Decimal(k) / 100 for k in values]


def test_a_negative_time_is_null_in_a_file_and_in_a_body(tmp_path: Path) -> None:
    table = Table(
        {"at": np.array([0, -1]), "amount": np.array([5, -250]), "note": np.array([None, "a"], dtype=object)},
        {"amount": 2},
        frozenset({"at"}),
    )
    read = pq.read_table(table.write(tmp_path / "deep" / "rows.parquet")).to_pylist()
    assert [row["at"] is None for row in read] == [False, True]
    assert list(table.bodies(frozenset({"note"}))) == [
        {"at": "1970-01-01T00:00:00Z", "amount": 0.05},
        {"at": None, "amount": -2.5},
    ]
    assert table.write(tmp_path / "rows.csv").read_text().startswith('"at","amount","note"')


def test_times_show_a_fraction_only_where_there_is_one() -> None:
    assert iso(1_500_000) == "1970-01-01T00:00:01.500000Z"
    assert iso(1_000_000) == "1970-01-01T00:00:01Z"

"""What a row sees, in figures small enough to check by hand; order, cuts and labels of the table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.parity.generate import world
from tests.parity.history_tables import tables

from holdfast.contract import Contract, Events, category, days, decimal, hours, text, timestamp
from holdfast.contract.model import DAY
from holdfast.contract.model import Contract as Frozen
from holdfast.errors import HoldfastError
from holdfast.features.batch import FeatureTable, build
from holdfast.features.out_of_core import build_to_parquet

NOON = 1_704_110_400_000_000  # 2024-01-01T12:00:00Z
HOUR = DAY // 24
INSTANT = pa.timestamp("us", tz="UTC")


def contract() -> Frozen:
    payments = Events(
        "payments",
        id="id",
        time="at",
        fields={
            "id": text(),
            "at": timestamp(),
            "card": text(nullable=True),
            "amount": decimal(scale=2, nullable=True),
            "kind": category("web", "shop", nullable=True),
        },
    )
    fraud = payments.label("fraud", known_after=days(2), absent=False, final_after=days(5), received_at="told")
    card = payments.per("card")
    return Contract(
        "hand",
        decide_on=payments,
        label=fraud,
        features={
            "n": card.count(over=hours(2)),
            "n_now": card.count(over=hours(2), including_current=True),
            "mean": card.mean(payments.amount, over=hours(2), at_least=2, otherwise=-1),
            "std": card.std(payments.amount, over=days(9), including_current=True),
            "low": card.min(payments.amount, over=days(9)),
            "first": card.first(payments.amount, over=days(9)),
            "last": card.last(payments.amount, over=days(9)),
            "last_known": card.last(payments.amount, over=days(9), skip_nulls=True),
            "since": card.seconds_since_last(over=days(9)),
            "kinds": card.distinct(payments.kind, over=days(9), including_current=True),
            "rate": card.mean(fraud, over=days(30), ending=days(2)),
        },
    ).freeze()


def payments(rows: Sequence[tuple[Any, ...]]) -> pa.Table:
    """Rows of (id, hours after noon, card, amount, kind, fraud, told hours after noon)."""
    ids, at, card, amount, kind, fraud, told = zip(*rows, strict=True)
    return pa.table(
        {
            "id": pa.array(ids, pa.string()),
            "at": pa.array([NOON + int(h) * HOUR for h in at], INSTANT),
            "card": pa.array(card, pa.string()),
            "amount": pa.array(amount, pa.float64()),
            "kind": pa.array(kind, pa.string()),
            "fraud": pa.array(fraud, pa.bool_()),
            "told": pa.array([None if h is None else NOON + int(h) * HOUR for h in told], INSTANT),
        }
    )


def row(table: FeatureTable, name: str) -> dict[str, float]:
    return dict(zip(table.names, table.matrix[table.ids.tolist().index(name)].tolist(), strict=True))


def test_windows_begin_at_t_minus_w_and_end_before_t_and_ties_are_not_in_them() -> None:
    table = build(
        contract(),
        {
            "payments": payments(
                [
                    ("a", 0, "x", 1.0, "web", None, None),
                    ("b", 2, "x", 2.0, "web", None, None),
                    ("c", 2, "x", 4.0, None, None, None),
                    ("d", 3, "x", None, "shop", None, None),
                    ("e", 4, "x", 9.0, "shop", None, None),
                    ("z", 4, None, 9.0, "shop", None, None),
                ]
            )
        },
    )
    b, c, d, e = (row(table, name) for name in "bcde")
    assert (b["n"], b["n_now"], b["mean"]) == (1.0, 2.0, -1.0)  # `a` lies at t − w, `c` at t
    assert (c["n"], c["since"]) == (1.0, 7_200.0)
    assert (d["n"], d["mean"]) == (2.0, 3.0)
    assert (e["n"], e["mean"]) == (3.0, 3.0)  # `d` is an event without an amount
    assert (e["low"], e["first"], e["last_known"], e["since"]) == (1.0, 1.0, 4.0, 3_600.0)
    assert math.isnan(e["last"])  # a null is a value, unless skipped
    assert d["last"] == 4.0  # of two at one time, the id that sorts last
    assert b["std"] == math.sqrt((2 * (100**2 + 200**2) - 300**2) / (2 * 10**4))
    assert math.isnan(row(table, "a")["std"])
    assert (c["kinds"], d["kinds"], e["kinds"]) == (1.0, 2.0, 2.0)
    assert row(table, "z")["n"] == 0.0


def test_a_label_counts_from_its_arrival_and_an_absent_one_from_its_deadline() -> None:
    rows = [
        ("told", 0, "x", 1.0, None, True, 60),
        ("never", 1, "x", 1.0, None, None, None),
        ("before", 49, "x", 1.0, None, None, None),  # two days on, nothing has been told
        ("heard", 61, "x", 1.0, None, None, None),
        ("final", 122, "x", 1.0, None, None, None),  # five days after `never`
    ]
    table = build(contract(), {"payments": payments(rows)})
    rates = [row(table, name)["rate"] for name in ("before", "heard", "final")]
    assert math.isnan(rates[0])
    assert rates[1:] == [1.0, 0.5]
    assert table.labels.values.tolist()[:2] == [1, 0]
    assert table.labels.valid is not None
    assert table.labels.valid.tolist() == [True, True, False, False, False]
    assert table.labels.received.tolist()[:2] == [True, False]
    assert (table.labels.received_at[:2] - NOON).tolist() == [60 * HOUR, 121 * HOUR]


def test_a_cut_of_its_own_hides_what_was_not_known_to_the_row() -> None:
    given = payments([("b", 1, "x", 1.0, None, None, None), ("a", 0, "x", 1.0, None, None, None)])
    assert row(build(contract(), {"payments": given}), "b")["n"] == 1.0
    cut = np.array([NOON, NOON])  # in the order of the input's rows
    assert row(build(contract(), {"payments": given}, cut=cut), "b")["n"] == 0.0
    with pytest.raises(HoldfastError, match="1 cuts for 2 rows"):
        build(contract(), {"payments": given}, cut=cut[:1])


def test_rows_of_their_own_are_decisions_about_the_same_history() -> None:
    history = payments([("a", 0, "x", 1.0, None, True, 50), ("b", 1, "x", 1.0, None, None, None)])
    asked = payments([("q", 2, "x", 5.0, None, None, None), ("a", 0, "x", 1.0, None, None, None)])
    table = build(contract(), {"payments": history}, rows=asked.drop_columns(["fraud", "told"]))
    assert table.ids.tolist() == ["a", "q"]
    assert row(table, "q")["n"] == 2.0
    assert table.labels.valid is not None
    assert table.labels.valid.tolist() == [True, False]


def test_no_rows_give_no_features(tmp_path: Path) -> None:
    none = payments([("a", 0, "x", 1.0, None, None, None)]).slice(0, 0)
    assert build(contract(), {"payments": none}).matrix.shape == (0, 11)
    written = build_to_parquet(contract(), {"payments": none}, tmp_path / "f.parquet")
    assert (written.rows, pq.read_metadata(written.path).num_rows) == (0, 0)


def test_a_table_is_written_with_its_label_and_when_it_was_known(tmp_path: Path) -> None:
    table = build(contract(), {"payments": payments([("a", 0, "x", 1.0, None, True, 60)])})
    read = pq.read_table(table.write(tmp_path / "deep" / "f.parquet", "fraud"))
    assert read.column_names == ["id", "time", *table.names, "fraud", "fraud_known_at"]
    assert read.column("fraud").to_pylist() == [1]
    assert read.column("fraud_known_at").cast(pa.int64()).to_pylist() == [NOON + 60 * HOUR]


@pytest.mark.parametrize("seed", range(60))
def test_out_of_core_writes_what_memory_writes_to_the_bit(seed: int, tmp_path: Path) -> None:
    made = world(seed)
    inputs = tables(made)
    expected = build(made.contract, inputs)
    ticks: list[tuple[int, int]] = []
    out = tmp_path / "features.parquet"
    written = build_to_parquet(made.contract, inputs, out, lambda d, n: ticks.append((d, n)), at_once=7, memory="64MB")
    assert pq.read_table(out).equals(expected.arrow(made.contract.label).combine_chunks()) or _same(out, expected)
    assert written.rows == len(expected)
    assert written.report.as_dict() == expected.report.as_dict()
    assert ticks == sorted(ticks)
    assert ticks[-1][0] == ticks[-1][1] > 1
    assert [path.name for path in tmp_path.iterdir()] == ["features.parquet"]


def _same(out: Path, expected: FeatureTable) -> bool:
    """Equal by bits: Arrow holds no NaN for equal to another."""
    read = pq.read_table(out)
    matrix = np.column_stack([read.column(name).to_numpy() for name in expected.names])
    bits = np.array_equal(matrix.view(np.uint64), np.ascontiguousarray(expected.matrix).view(np.uint64))
    others = [i for i, name in enumerate(read.column_names) if name not in expected.names]
    beside = expected.arrow(read.column_names[-2])
    return bits and all(read.column(i).equals(beside.column(i)) for i in others)

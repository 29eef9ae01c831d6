"""Inputs of every kind become the same records; what is wrong with them is said at once."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from holdfast.contract import Contract, Events, days, decimal, hours, text, timestamp
from holdfast.contract.model import DAY
from holdfast.contract.model import Contract as Frozen
from holdfast.errors import HoldfastError
from holdfast.features.batch import build
from holdfast.features.history import read_records

NOON = 1_704_110_400_000_000  # 2024-01-01T12:00:00Z


def contract(received: bool = False) -> Frozen:
    payments = Events(
        "payments",
        id="id",
        time="at",
        fields={"id": text(), "at": timestamp(), "card": text(), "amount": decimal(scale=2, former=("value",))},
        lag=hours(1),
    )
    fraud = payments.label("fraud", known_after=days(1), received_at="told_at" if received else None)
    card = payments.per("card")
    return Contract(
        "small",
        decide_on=payments,
        label=fraud,
        features={
            "spent": card.sum(payments.amount, over=days(10)),
            "rate": card.mean(fraud, over=days(10), ending=days(1)),
        },
    ).freeze()


def table(**columns: object) -> pa.Table:
    plain = {
        "id": ["a", "b", "c"],
        "at": pa.array([NOON, NOON + DAY, NOON + 3 * DAY], type=pa.timestamp("us", tz="UTC")),
        "card": ["x", "x", "x"],
        "amount": pa.array(["1.10", "2.20", "3.30"]).cast(pa.decimal128(10, 2)),
        "fraud": [True, False, None],
    }
    return pa.table({**plain, **columns})


def spent(source: object) -> list[float]:
    found: list[float] = build(contract(), {"payments": source}).matrix[:, 0].tolist()
    return found


def test_every_kind_of_input_gives_the_same_features(tmp_path: Path) -> None:
    given = table()
    pq.write_table(given, tmp_path / "p.parquet")
    pyarrow.csv.write_csv(given, tmp_path / "p.csv")
    folder = tmp_path / "many"
    folder.mkdir()
    pyarrow.csv.write_csv(given.slice(0, 2), folder / "0.csv")
    with pa.CompressedOutputStream(folder / "1.csv.gz", "gzip") as packed:
        pyarrow.csv.write_csv(given.slice(2), packed)
    pandas = given.to_pandas()
    pandas["amount"] = pandas["amount"].astype(float)
    polars = pl.DataFrame(given)
    inputs: list[object] = [given, tmp_path / "p.parquet", str(tmp_path / "p.csv"), folder, pandas, polars]
    inputs.append(polars.lazy())
    assert [spent(source) for source in inputs] == [[0.0, 1.1, 3.3]] * len(inputs)
    assert isinstance(pandas, pd.DataFrame)


def test_files_of_a_folder_that_differ_in_type_are_refused(tmp_path: Path) -> None:
    pq.write_table(table(), tmp_path / "0.parquet")
    pyarrow.csv.write_csv(table(), tmp_path / "1.csv")
    with pytest.raises(HoldfastError, match="differ"):
        spent(tmp_path)


def test_the_order_of_rows_never_matters() -> None:
    given = table()
    expected = build(contract(), {"payments": given})
    for order in ([2, 0, 1], [1, 2, 0], [2, 1, 0]):
        found = build(contract(), {"payments": given.take(order)})
        assert found.ids.tolist() == ["a", "b", "c"]
        assert found.matrix.tobytes() == expected.matrix.tobytes()


def test_equal_duplicates_are_dropped_and_counted_and_others_refused() -> None:
    given = table()
    twice = pa.concat_tables([given, given.slice(1, 1)])
    found = build(contract(), {"payments": twice})
    assert found.matrix.tobytes() == build(contract(), {"payments": given}).matrix.tobytes()
    assert found.report.duplicates == {"payments": 1}
    other = table(amount=pa.array(["9.99", "2.21", "3.30"]).cast(pa.decimal128(10, 2)))
    with pytest.raises(HoldfastError, match="conflicting duplicates") as raised:
        build(contract(), {"payments": pa.concat_tables([given, other.slice(1, 1)])})
    assert "'b'" in str(raised.value)
    assert "amount" in str(raised.value)


def test_a_duplicate_whose_label_differs_is_a_conflict() -> None:
    given = table()
    with pytest.raises(HoldfastError, match="conflicting duplicates"):
        build(contract(), {"payments": pa.concat_tables([given, table(fraud=[True, True, None]).slice(1, 1)])})


def test_the_first_known_of_duplicates_counts() -> None:
    logins = Events(
        "logins",
        id="id",
        time="at",
        known_at="arrived",
        fields={"id": text(), "at": timestamp(), "card": text()},
    )
    fraud = logins.label("fraud", known_after=days(1))
    frozen = Contract(
        "l", decide_on=logins, label=fraud, features={"n": logins.per("card").count(over=days(10))}
    ).freeze()
    moments = [NOON, NOON, NOON + DAY]
    arrived = [NOON + 5 * DAY, NOON + 1, NOON + DAY]  # the first row of "a" came five days late
    instants = pa.timestamp("us", tz="UTC")
    given = pa.table(
        {
            "id": ["a", "a", "b"],
            "at": pa.array(moments, instants),
            "arrived": pa.array(arrived, instants),
            "card": ["x"] * 3,
        }
    )
    assert build(frozen, {"logins": given}).matrix[:, 0].tolist() == [0.0, 1.0]


def test_refused_rows_are_all_named_or_dropped_and_counted() -> None:
    given = table(amount=["1.10", "2.205", "x"])
    with pytest.raises(HoldfastError, match="2 of 3 rows") as raised:
        build(contract(), {"payments": given})
    assert [problem.code for problem in raised.value.problems] == ["scale", "type"]
    found = build(contract(), {"payments": given}, refuse="drop")
    assert found.ids.tolist() == ["a"]
    assert found.report.refused == {"payments": 2}


def test_missing_columns_are_named_together_with_what_was_meant() -> None:
    with pytest.raises(HoldfastError) as raised:
        build(contract(), {"payments": table().rename_columns(["id", "att", "card", "amont", "fraud"])})
    assert [problem.field for problem in raised.value.problems] == ["at", "amount"]
    assert "did you mean 'amont'?" in str(raised.value)


def test_a_former_name_is_accepted() -> None:
    assert spent(table().rename_columns(["id", "at", "card", "value", "fraud"])) == [0.0, 1.1, 3.3]


def test_inputs_that_fit_no_source_are_refused() -> None:
    with pytest.raises(HoldfastError) as raised:
        build(contract(), {"payment": table()})
    assert [problem.code for problem in raised.value.problems] == ["missing", "unknown_source"]


def test_a_label_that_features_need_must_be_there() -> None:
    with pytest.raises(HoldfastError, match="lacks labels"):
        build(contract(), {"payments": table().drop_columns(["fraud"])})


def test_outcomes_beside_and_apart_are_the_same_records() -> None:
    told = pa.array([NOON + 2 * DAY, NOON + DAY, None], type=pa.timestamp("us", tz="UTC"))
    beside = read_records(contract(received=True), {"payments": table(told_at=told)})
    apart = pa.table({"id": ["b", "a"], "fraud": [False, True], "told_at": told.take(pa.array([1, 0]))})
    both = read_records(contract(received=True), {"payments": table().drop_columns(["fraud"]), "payments.fraud": apart})
    one, other = beside.outcomes["payments", "fraud"], both.outcomes["payments", "fraud"]
    assert sorted(zip(one.event.tolist(), one.value.tolist(), one.known.tolist(), strict=True)) == sorted(
        zip(other.event.tolist(), other.value.tolist(), other.known.tolist(), strict=True)
    )
    assert not one.assumed
    assert beside.until == NOON + 3 * DAY + DAY // 24


def test_labels_without_arrivals_are_marked_assumed() -> None:
    assert read_records(contract(), {"payments": table()}).report.assumed_labels == ["fraud"]


def test_an_outcome_without_its_event_is_counted() -> None:
    apart = pa.table({"id": ["a", "zz"], "fraud": [False, True]})
    inputs = {"payments": table().drop_columns(["fraud"]), "payments.fraud": apart}
    assert read_records(contract(), inputs).report.unmatched_outcomes == {"payments.fraud": 1}


def test_an_empty_csv_cell_is_null_and_a_quoted_one_is_text(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text('id,at,card,amount,fraud\na,2024-01-01T12:00:00Z,"",1.10,\nb,2024-01-02T12:00:00Z,,2.20,true\n')
    with pytest.raises(HoldfastError) as raised:
        build(contract(), {"payments": path})
    assert [(problem.field, problem.code) for problem in raised.value.problems] == [("card", "null")]


def test_a_broken_or_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(HoldfastError, match="there is no"):
        build(contract(), {"payments": tmp_path / "none.parquet"})
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"not parquet")
    with pytest.raises(HoldfastError, match=r"broken\.parquet"):
        build(contract(), {"payments": broken})
    with pytest.raises(HoldfastError, match="no input"):
        build(contract(), {"payments": 7})

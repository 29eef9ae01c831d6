"""Columns are parsed as requests are: the same cells, the same refusals, whatever the storage."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.contract.model import Field
from holdfast.contract.values import Number, Refused, parse_json
from holdfast.contract.zones import freeze_zone
from holdfast.features.parse import Parsed, parse

AMOUNT = Field("amount", "decimal", scale=2)
WHEN = Field("at", "timestamp", zone="UTC", calendar=freeze_zone("UTC"))
BERLIN = Field("at", "timestamp", zone="Europe/Berlin", calendar=freeze_zone("Europe/Berlin"))


def cells(read: Parsed) -> list[Any]:
    values = read.column.values.tolist()
    valid = [True] * len(values) if read.column.valid is None else read.column.valid.tolist()
    return [value if there else None for value, there in zip(values, valid, strict=True)]


def codes(read: Parsed) -> list[str]:
    return [problem.code for problem in read.problems]


def test_a_double_near_a_cent_is_that_cent_and_one_between_two_is_refused() -> None:
    read = parse(AMOUNT, pa.array([12.34, 0.1 + 0.2, 1e-12, -0.0, 12.345, 10.000000002]))
    assert cells(read) == [1234, 30, 0, 0, None, 1000]
    assert codes(read) == ["scale"]
    beyond = parse(AMOUNT, pa.array([10.00002]))
    assert codes(beyond) == ["scale"]


def test_a_double_too_large_for_its_cents_is_refused() -> None:
    largest = (2**52 - 1) / 100
    assert codes(parse(AMOUNT, pa.array([45_035_996_273_705.12]))) == ["range"]
    assert codes(parse(AMOUNT, pa.array([largest * 4]))) == ["range"]
    assert codes(parse(AMOUNT, pa.array([float("inf")]))) == ["type"]


def test_a_double_whose_text_has_two_digits_but_whose_cents_are_uncertain_is_refused() -> None:
    # Near 2^52 the product x·100 is off by half a unit: no rule can tell the cent.
    uncertain = [k / 100 for k in range(2**52 - 60, 2**52 - 1) if abs(k / 100 * 100 - k) > 1e-6]
    assert uncertain
    assert parse(AMOUNT, pa.array(uncertain)).refused.all()


def test_float32_is_refused_unless_allowed_by_name() -> None:
    column = pa.array([12.34, 70_000.25], type=pa.float32())
    assert codes(parse(AMOUNT, column)) == ["float32"]
    allowed = Field("amount", "decimal", scale=2, float32=True)
    assert cells(parse(allowed, column)) == [1234, 7_000_025]
    # 123456.78 as float32 is 123456.78125: its cents are beyond 2^23.
    assert parse(allowed, pa.array([123_456.78], type=pa.float32())).refused.all()


def test_decimals_and_text_are_exact() -> None:
    exact = pa.array([Decimal("0.10"), Decimal("-99999999999.99"), None], type=pa.decimal128(38, 2))
    nullable = Field("amount", "decimal", scale=2, nullable=True)
    assert cells(parse(nullable, exact)) == [10, -9_999_999_999_999, None]
    finer = pa.array([Decimal("1.500"), Decimal("1.505")], type=pa.decimal128(10, 3))
    assert cells(parse(AMOUNT, finer)) == [150, None]
    coarser = pa.array([Decimal("15")], type=pa.decimal128(10, 0))
    assert cells(parse(AMOUNT, coarser)) == [1500]
    assert cells(parse(AMOUNT, pa.array(["1.5", "-0.07", "3", "1e2", " 7.25 ", "1.005", "x"]))) == [
        150, -7, 300, 10_000, 725, None, None,
    ]  # fmt: skip


def test_rounding_by_name_rounds_half_even_on_the_written_digits() -> None:
    rounding = Field("amount", "decimal", scale=2, rounding="half_even")
    assert cells(parse(rounding, pa.array(["1.005", "1.015", "2.675"]))) == [100, 102, 268]
    assert cells(parse(rounding, pa.array([1.005, 1.015, 2.675]))) == [100, 102, 268]


def test_integers_come_from_whole_doubles_as_pandas_makes_of_nulls() -> None:
    field = Field("n", "integer", nullable=True)
    assert cells(parse(field, pa.array([1.0, float("nan"), 3.0]))) == [1, None, 3]
    assert codes(parse(field, pa.array([1.5]))) == ["type"]
    assert codes(parse(field, pa.array([2**53 + 2]))) == ["range"]
    assert codes(parse(field, pa.array([2**64 - 1], type=pa.uint64()))) == ["range"]


def test_bounds_and_policies_act_as_for_a_request() -> None:
    refuse = Field("n", "integer", at_least="0", at_most="9")
    assert codes(parse(refuse, pa.array([3, 10, -1]))) == ["range", "range"]
    missing = Field("n", "integer", at_most="9", on_odd="missing", nullable=True)
    assert cells(parse(missing, pa.array([3, 10]))) == [3, None]
    keep = Field("n", "integer", at_most="9", on_odd="keep")
    assert cells(parse(keep, pa.array([3, 10]))) == [3, 10]
    impute = Field("n", "integer", at_most="9", on_odd="impute", on_null="impute", impute="5")
    assert cells(parse(impute, pa.array([3, 10, None]))) == [3, 5, 5]


def test_placeholders_stand_for_null_however_they_are_stored() -> None:
    field = Field("n", "decimal", scale=2, nullable=True, placeholders=("999", '"N/A"'))
    assert cells(parse(field, pa.array([1.0, 999.0]))) == [100, None]
    assert cells(parse(field, pa.array([1, 999]))) == [100, None]
    assert cells(parse(field, pa.array(["1", "999.00", "N/A"]))) == [100, None, None]
    word = Field("w", "text", nullable=True, placeholders=('"-"',))
    assert cells(parse(word, pa.array(["a", "-"]))) == ["a", None]


def test_categories_have_the_contract_codes() -> None:
    field = Field("c", "category", values=("web", "café"), on_unknown="unknown", nullable=True)
    column = pa.array(["café", None, "web", "other", "cafe\u0301"]).dictionary_encode()
    assert parse(field, column).column.values.tolist() == [3, 0, 2, 1, 3]
    strict = Field("c", "category", values=("1", "2"))
    assert parse(strict, pa.array([2, 1, 2])).column.values.tolist() == [3, 2, 3]
    assert parse(strict, pa.array([2.0, 1.0])).column.values.tolist() == [3, 2]
    assert codes(parse(strict, pa.array([3]))) == ["unknown_value"]


def test_text_is_nfc_and_measured_in_bytes() -> None:
    field = Field("w", "text", max_length=4)
    read = parse(field, pa.array(["e\u0301", "abcd", "abcde", "ééé"]))
    assert cells(read) == ["é", "abcd", None, None]
    assert codes(read) == ["length", "length"]
    assert cells(parse(field, pa.array([7, 42]))) == ["7", "42"]


def test_reals_lose_the_sign_of_zero_and_refuse_infinity() -> None:
    field = Field("x", "real", nullable=True)
    read = parse(field, pa.array([-0.0, 1.5, None, float("nan")]))
    assert np.signbit(read.column.values[0]) == np.False_
    assert np.isnan(read.column.values).tolist() == [False, False, True, True]
    assert codes(parse(field, pa.array([float("inf")]))) == ["range"]
    assert cells(parse(field, pa.array(["0.1", "1e-3", "7"]))) == [0.1, 0.001, 7.0]


def test_booleans_come_from_bits_ones_and_words() -> None:
    field = Field("b", "boolean", nullable=True)
    assert cells(parse(field, pa.array([True, None, False]))) == [1, None, 0]
    assert cells(parse(field, pa.array([1, 0], type=pa.int8()))) == [1, 0]
    assert cells(parse(field, pa.array(["True", "false", "1", None]))) == [1, 0, 1, None]
    assert codes(parse(field, pa.array([2]))) == ["type"]
    assert codes(parse(field, pa.array(["yes"]))) == ["type"]


def test_times_are_microseconds_utc_whatever_their_unit() -> None:
    moment = datetime(2024, 3, 1, 12, 30, 1, 250_000, tzinfo=UTC)
    micros = 1_709_296_201_250_000
    for unit in ("ms", "us", "ns"):
        assert cells(parse(WHEN, pa.array([moment], type=pa.timestamp(unit, tz="America/New_York")))) == [micros]
        assert cells(parse(WHEN, pa.array([moment.replace(tzinfo=None)], type=pa.timestamp(unit)))) == [micros]
    assert cells(parse(WHEN, pa.array(["2024-03-01T12:30:01.25Z", "2024-03-01 13:30:01.250+01:00"]))) == [micros] * 2
    finer = pa.array([micros * 1_000 + 1], type=pa.timestamp("ns", tz="UTC"))
    assert codes(parse(WHEN, finer)) == ["timestamp"]


def test_naive_times_need_a_zone_and_ambiguous_ones_a_fold() -> None:
    bare = Field("at", "timestamp")
    local = pa.array([datetime(2024, 7, 1, 12)], type=pa.timestamp("us"))
    assert codes(parse(bare, local)) == ["timestamp"]
    assert cells(parse(BERLIN, local)) == [int(datetime(2024, 7, 1, 10, tzinfo=UTC).timestamp()) * 1_000_000]
    twice = pa.array([datetime(2024, 10, 27, 2, 30), datetime(2024, 3, 31, 2, 30)], type=pa.timestamp("s"))
    assert codes(parse(BERLIN, twice)) == ["ambiguous_time", "ambiguous_time"]
    assert codes(parse(BERLIN, pa.array(["2024-10-27 02:30:00"]))) == ["ambiguous_time"]


def test_at_most_ten_problems_are_listed_with_their_rows() -> None:
    read = parse(Field("n", "integer", at_most="9"), pa.array([1, *range(10, 40)]), first_row=100)
    assert read.refused.sum() == 30
    assert len(read.problems) == 10
    assert "row 101" in read.problems[0].what


def test_a_missing_value_is_refused_where_it_must_be_there() -> None:
    assert codes(parse(AMOUNT, pa.array([None], type=pa.float64()))) == ["null"]
    assert codes(parse(AMOUNT, pa.nulls(1))) == ["null"]


NUMBERS = st.one_of(
    st.integers(-(2**55), 2**55).map(str),
    st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(["0", "-0", "-0.0", "1e3", "1E-7", "999", "12.340", "4503599627370496"]),
)


@given(st.lists(NUMBERS, min_size=1, max_size=30), st.sampled_from(["integer", "decimal", "real"]))
def test_numbers_in_text_are_read_as_a_request_reads_them(spelled: list[str], kind: Any) -> None:
    field = Field("x", kind, scale=2 if kind == "decimal" else 0, at_least="-5000000", nullable=True, on_odd="missing")
    expected: list[Any] = []
    for text in spelled:
        raw = int(text) if text.lstrip("-").isdigit() else Number(text)
        try:
            expected.append(parse_json(field, raw)[0])
        except Refused:
            expected.append("refused")
    read = parse(field, pa.array(spelled))
    found = [
        "refused" if refused else (None if value != value else value)
        for value, refused in zip(cells(read), read.refused.tolist(), strict=True)
    ]
    assert found == expected


@pytest.mark.parametrize("kind", ["text", "category", "timestamp", "boolean", "decimal", "integer", "real"])
def test_a_column_of_another_type_is_refused_not_guessed(kind: Any) -> None:
    field = Field("x", kind, values=("a",), zone="UTC", calendar=freeze_zone("UTC"))
    assert parse(field, pa.array([[1], [2]])).refused.all()

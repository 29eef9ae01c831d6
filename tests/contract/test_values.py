from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.contract.json_text import Number, read_strict
from holdfast.contract.model import Cell, Field, Source
from holdfast.contract.values import (
    ABSENT,
    Refused,
    compile_reader,
    integer_bounds,
    parse_json,
    real_bounds,
    timestamp_text,
    to_json,
)
from holdfast.contract.zones import freeze_zone

AMOUNT = Field("amount", "decimal", scale=2, above="0", at_most="50000")


def refusal(field: Field, raw: object) -> str:
    with pytest.raises(Refused) as caught:
        parse_json(field, raw)
    return caught.value.code


def read(field: Field, raw: object) -> Cell:
    cell, warning = parse_json(field, raw)
    assert warning is None
    return cell


@given(st.decimals(min_value=-(10**13), max_value=10**13, places=2))
def test_a_decimal_is_its_exact_scaled_integer(number: Decimal) -> None:
    field = Field("x", "decimal", scale=2)
    assert read(field, Number(f"{number:f}")) == int(number * 100)
    assert read(field, Number(f"{number:e}")) == int(number * 100)


@given(st.text("0123456789", min_size=1, max_size=25), st.text("0123456789", min_size=1, max_size=25), st.booleans())
def test_a_decimal_is_exact_or_refused(whole: str, fraction: str, minus: bool) -> None:
    text = f"{'-' if minus else ''}{int(whole)}.{fraction}"
    exact = Fraction(text) * 1_000
    field = Field("x", "decimal", scale=3)
    if exact.denominator != 1:
        assert refusal(field, Number(text)) in ("scale", "range")
    elif abs(exact) >= 2**52:
        assert refusal(field, Number(text)) == "range"
    else:
        assert read(field, Number(text)) == exact
    rounded = round(exact)
    if abs(rounded) < 2**52 and abs(Fraction(text)) < 10**20:
        assert read(replace(field, rounding="half_even"), Number(text)) == rounded


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (Number("0.001"), "scale"),
        (Number("0.0"), "range"),
        (0, "range"),
        (Number("50000.01"), "range"),
        (Number("1e400"), "range"),
        (Number("1e99999999999999999999"), "range"),
        (Number("1e-999999"), "scale"),
        (10**400, "range"),
        (math.nan, "type"),
        (math.inf, "type"),
        ("12", "type"),
        (True, "type"),
        ([1], "type"),
        (None, "null"),
        (ABSENT, "missing"),
    ],
)
def test_a_decimal_outside_its_rules_is_refused(raw: object, code: str) -> None:
    assert refusal(AMOUNT, raw) == code


def test_the_bounds_of_a_decimal_are_exact() -> None:
    field = Field("x", "decimal", scale=2, above="0.105", below="0.3")
    assert integer_bounds(field) == (11, 29)
    assert integer_bounds(Field("x", "decimal", scale=2, at_least="0.105", at_most="0.3")) == (11, 30)
    assert integer_bounds(Field("x", "decimal", scale=1, above="-1", below="1")) == (-9, 9)


@given(st.integers(-(2**60), 2**60))
def test_an_integer_beyond_what_a_double_holds_is_refused(k: int) -> None:
    field = Field("n", "integer")
    if abs(k) <= 2**53:
        assert read(field, k) == k
    else:
        assert refusal(field, k) == "range"


def test_a_whole_number_may_be_spelled_with_a_point() -> None:
    field = Field("n", "integer", at_least="0", at_most="23")
    assert read(field, Number("14.0")) == 14
    assert read(field, Number("1e1")) == 10
    assert refusal(field, Number("14.5")) == "type"
    assert refusal(field, 24) == "range"
    assert refusal(field, Number("24.0")) == "range"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_real_is_its_double_and_never_minus_zero(x: float) -> None:
    cell = read(Field("x", "real"), Number(repr(x)))
    assert cell == x
    assert isinstance(cell, float)
    assert math.copysign(1, cell) == 1 or cell < 0


@pytest.mark.parametrize("raw", [Number("1e400"), Number("-1e400"), 10**400])
def test_a_real_that_is_no_double_is_refused(raw: object) -> None:
    assert refusal(Field("x", "real"), raw) == "range"
    assert refusal(Field("x", "real", on_odd="keep"), raw) == "range"


def test_the_bounds_of_a_real_are_closed_floats() -> None:
    low, high = real_bounds(Field("x", "real", above="0", below="1"))
    assert low == 5e-324
    assert high == math.nextafter(1, 0)
    assert refusal(Field("x", "real", above="0"), 0) == "range"


@given(st.text(max_size=40))
def test_text_is_nfc_and_measured_in_bytes(raw: str) -> None:
    field = Field("t", "text", max_length=60)
    text = normalize("NFC", raw)
    if any("\ud800" <= letter <= "\udfff" for letter in raw):
        assert refusal(field, raw) == "text"
    elif len(text.encode()) > 60:
        assert refusal(field, raw) == "length"
    else:
        assert read(field, raw) == text


def test_a_category_is_its_code_in_declared_order() -> None:
    field = Field("c", "category", values=("caf\u00e9", "bar"))
    assert read(field, "cafe\u0301") == 2
    assert read(field, "bar") == 3
    assert refusal(field, "BAR") == "unknown_value"
    assert refusal(field, 3) == "type"
    assert parse_json(replace(field, on_unknown="unknown"), "pub") == (1, "c: 'pub' is not a known value, unknown")
    cell, warning = parse_json(replace(field, on_unknown="missing"), "pub")
    assert (cell, warning) == (0, "c: 'pub' is not a known value, read as missing")
    assert parse_json(replace(field, nullable=True), None) == (0, None)


_instants = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30))
_offsets = st.integers(-1_439, 1_439).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(_instants, _offsets)
def test_a_timestamp_is_its_instant(moment: datetime, zone: timezone) -> None:
    aware = moment.replace(tzinfo=zone)
    expected = (aware - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(microseconds=1)  # noqa: UP017
    field = Field("t", "timestamp")
    assert read(field, aware.isoformat()) == expected
    assert read(field, timestamp_text(expected)) == expected


@pytest.mark.parametrize(
    "raw",
    [
        "2026-01-31",
        "2026-01-31T08:30:00",
        "2026-02-30T08:30:00Z",
        "2026-01-31T24:00:00Z",
        "2026-01-31T08:60:00Z",
        "2026-01-31T08:30:60Z",
        "2026-01-31T08:30:00.1234567Z",
        "2026-01-31T08:30:00+24:00",
        "2026-01-31T08:30:00+01:60",
        "2026-W05-6T08:30:00Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "２026-01-31T08:30:00Z",
        "",
    ],
)
def test_a_timestamp_that_names_no_one_instant_is_refused(raw: str) -> None:
    assert refusal(Field("t", "timestamp"), raw) == "timestamp"


def test_a_timestamp_may_have_zeros_past_the_microsecond() -> None:
    field = Field("t", "timestamp")
    assert read(field, "1970-01-01T00:00:00.000001000Z") == 1
    assert read(field, "1970-01-01 00:00+0000") == 0
    assert refusal(field, 0) == "type"


def test_a_naive_time_takes_the_zone_of_its_field() -> None:
    berlin = Field("t", "timestamp", zone="Europe/Berlin", calendar=freeze_zone("Europe/Berlin"))
    assert to_json(berlin, read(berlin, "2026-07-01T12:00:00")) == "2026-07-01T10:00:00Z"
    assert to_json(berlin, read(berlin, "2026-01-01T12:00:00+05:00")) == "2026-01-01T07:00:00Z"
    assert refusal(berlin, "2026-10-25T02:30:00") == "ambiguous_time"
    assert refusal(berlin, "2026-03-29T02:30:00") == "ambiguous_time"
    first, second = replace(berlin, fold=0), replace(berlin, fold=1)
    assert to_json(first, read(first, "2026-10-25T02:30:00")) == "2026-10-25T00:30:00Z"
    assert to_json(second, read(second, "2026-10-25T02:30:00")) == "2026-10-25T01:30:00Z"


def test_a_zone_that_is_not_frozen_is_a_bug_and_not_a_guess() -> None:
    with pytest.raises(ValueError, match="not frozen"):
        parse_json(Field("t", "timestamp", zone="Europe/Paris"), "2026-07-01T12:00:00")


def test_null_and_absence_follow_the_policy() -> None:
    required = Field("n", "integer")
    assert (refusal(required, None), refusal(required, ABSENT)) == ("null", "missing")
    assert parse_json(replace(required, nullable=True), ABSENT) == (None, None)
    imputed = replace(required, on_null="impute", impute="7")
    assert parse_json(imputed, None) == (7, "n: is null, imputed 7")
    assert parse_json(imputed, ABSENT) == (7, "n: is missing, imputed 7")
    assert parse_json(replace(imputed, nullable=True), None) == (None, None)
    assert parse_json(Field("id", "text", generated=True), ABSENT) == (None, None)
    assert refusal(Field("id", "text", generated=True), None) == "null"


def test_a_placeholder_is_a_missing_value_however_spelled() -> None:
    field = Field("n", "integer", nullable=True, at_most="100", placeholders=("999", '"N/A"', "-1.0"))
    for raw in (999, Number("999.0"), Number("9.99e2"), "N/A", -1):
        cell, warning = parse_json(field, raw)
        assert cell is None
        assert warning is not None
    assert read(field, 99) == 99
    assert refusal(field, 998) == "range"
    assert refusal(replace(field, nullable=False), 999) == "null"
    assert parse_json(replace(field, nullable=False, on_null="impute", impute="3"), 999)[0] == 3


def test_an_odd_value_follows_the_policy() -> None:
    field = replace(AMOUNT, impute="1.50")
    assert refusal(field, -5) == "range"
    assert parse_json(replace(field, on_odd="keep"), -5) == (-500, "amount: -5 is out of range, kept")
    assert parse_json(replace(field, on_odd="missing"), -5)[0] is None
    assert parse_json(replace(field, on_odd="missing", on_null="impute"), -5)[0] == 150
    assert parse_json(replace(field, on_odd="impute"), -5)[0] == 150
    assert refusal(replace(field, on_odd="keep"), 2**60) == "range"


def test_a_personal_value_is_never_quoted() -> None:
    field = Field("card", "integer", at_most="9", personal=True)
    with pytest.raises(Refused) as caught:
        parse_json(field, 4_929_123)
    assert "4929" not in caught.value.what + caught.value.mend
    with pytest.raises(Refused) as caught:
        parse_json(field, "4929-secret")
    assert "4929" not in caught.value.what + caught.value.mend
    source = Source("s", "id", "t", (replace(field, on_odd="keep"),))
    assert compile_reader(source, source.fields)({"card": 4_929_123}).warnings == (
        "card: the value is out of range, kept",
    )


def test_every_problem_of_a_request_is_told_at_once() -> None:
    fields = (
        Field("id", "text"),
        Field("t", "timestamp"),
        replace(AMOUNT, former=("amt",)),
        Field("hour", "integer", at_least="0", at_most="23"),
        Field("kind", "category", values=("online", "shop")),
    )
    source = Source("payments", "id", "t", fields)
    reader = compile_reader(source, fields)
    good = {"id": "a", "t": "2026-01-01T00:00:00Z", "amt": Number("3.5"), "hour": 3, "kind": "shop"}
    assert reader(good) == ((("a"), 1_767_225_600_000_000, 350, 3, 3), (), (), 200)

    parsed = reader({"id": "", "amount": -1, "huor": 3, "kind": "onlin"})
    assert [(item.field, item.code) for item in parsed.problems] == [
        ("huor", "unknown_field"),
        ("t", "missing"),
        ("amount", "range"),
        ("hour", "missing"),
        ("kind", "unknown_value"),
        ("id", "length"),
    ]
    assert parsed.status == 422
    assert "did you mean 'hour'?" in parsed.problems[0].mend
    assert "did you mean 'online'?" in parsed.problems[4].mend
    assert reader({**good, "hour": 99}).status == 400
    assert reader({**good, "hour": "3"}).status == 422
    both = reader({**good, "amount": 4})
    assert [(item.field, item.code) for item in both.problems] == [("amt", "two_names")]
    assert both.status == 400


def test_the_readers_of_one_contract_take_any_subset_of_fields() -> None:
    fields = (Field("id", "text"), Field("n", "integer", nullable=True))
    source = Source("s", "id", "t", fields)
    assert compile_reader(source, fields[1:])({"n": 4}).cells == (4,)


@given(st.dictionaries(st.sampled_from(["id", "n", "x", "b", "c", "t", "amt", "zz"]), st.deferred(lambda: _raw)))
def test_no_body_makes_the_reader_raise(body: dict[str, object]) -> None:
    fields = (
        Field("id", "text", max_length=5),
        Field("n", "integer", on_odd="missing", nullable=True, placeholders=("9",)),
        Field("x", "decimal", scale=3, former=("amt",), rounding="half_even"),
        Field("b", "boolean", on_null="impute", impute="true"),
        Field("c", "category", values=("a", "b"), on_unknown="unknown"),
        Field("t", "timestamp", zone="America/New_York", calendar=freeze_zone("America/New_York")),
    )
    source = Source("s", "id", "t", fields)
    parsed = compile_reader(source, fields)(body)
    assert (parsed.status == 200) == (not parsed.problems)
    assert len(parsed.cells) == len(fields)
    if not parsed.problems:
        shown = {field.name: to_json(field, cell) for field, cell in zip(fields, parsed.cells, strict=True)}
        assert shown["b"] in (True, False)


_raw: st.SearchStrategy[object] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["a", "2026-11-01T01:30:00", "2026-03-08T02:30:00", "2026-01-01T00:00Z"]),
    st.decimals(allow_nan=False, allow_infinity=False).map(lambda d: Number(str(d))),
    st.lists(st.none(), max_size=1),
    st.dictionaries(st.text(max_size=1), st.none(), max_size=1),
)


def test_a_body_read_from_bytes_reaches_the_cells() -> None:
    field = Field("amount", "decimal", scale=2)
    source = Source("s", "id", "t", (field,))
    assert compile_reader(source, (field,))(read_strict(b'{"amount": 1.10}')).cells == (110,)


def test_cells_are_shown_as_the_json_they_came_from() -> None:
    assert to_json(AMOUNT, 1_234) == 12.34
    assert to_json(Field("b", "boolean"), 1) is True
    category = Field("c", "category", values=("a",))
    assert [to_json(category, cell) for cell in (0, 1, 2)] == [None, "(unknown)", "a"]
    assert to_json(Field("t", "text"), None) is None
    assert to_json(Field("r", "real"), 0.5) == 0.5

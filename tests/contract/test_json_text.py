from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.contract.json_text import NotJson, Number, canonical_body, canonical_number, read_strict


def test_numbers_with_a_point_stay_decimal_text() -> None:
    body = read_strict(b'{"a": 1.10, "b": 3, "c": 1e2, "d": -0.0}')
    assert body == {"a": "1.10", "b": 3, "c": "1e2", "d": "-0.0"}
    assert [type(value) for value in body.values()] == [Number, int, Number, Number]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{", "is not JSON"),
        (b"[1]", "not a JSON object"),
        (b"3", "not a JSON object"),
        (b'{"a": NaN}', "NaN is not a JSON number"),
        (b'{"a": -Infinity}', "-Infinity is not a JSON number"),
        (b'{"a": 1, "a": 2}', "'a' is given twice"),
        (b'{"a": {"b": 1, "b": 2}}', "'b' is given twice"),
        (b'{"a": "\\ud800"}', "lone surrogate"),
        (b'{"\\udfff": 1}', "lone surrogate"),
        (b'{"a": ["\\ud800"]}', "lone surrogate"),
        (b'{"a": "\xff"}', "not UTF-8 (byte 7)"),
        (b'{"a": "\xed\xa0\x80"}', "not UTF-8"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "too many digits"),
        (b'{"a": ' + b"[" * 100_000, "nested deeper"),
        (b'{"a": ' + b"[" * 16 + b"]" * 16 + b"}", "nested deeper"),
        (b"", "is not JSON"),
        (b'\xef\xbb\xbf{"a": 1}', "is not JSON"),
    ],
)
def test_a_body_that_is_not_strict_json_is_refused(body: bytes, says: str) -> None:
    with pytest.raises(NotJson) as caught:
        read_strict(body)
    assert says in caught.value.what


def test_brackets_inside_texts_are_not_depth() -> None:
    text = "[" * 50 + '"' + "{" * 50 + "\\"
    assert read_strict(json.dumps({"a": text}).encode()) == {"a": text}


def test_fifteen_arrays_in_an_object_are_read() -> None:
    assert "a" in read_strict(b'{"a": ' + b"[" * 15 + b"]" * 15 + b"}")


def test_a_whole_surrogate_pair_is_a_character() -> None:
    assert read_strict(b'{"a": "\\ud83d\\ude00"}') == {"a": "\U0001f600"}


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc"), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text("abcd", max_size=3), _json, max_size=5), st.randoms())
def test_order_of_keys_and_spaces_never_change_the_canonical_body(shape: dict[str, object], random: object) -> None:
    turned = dict(reversed(list(shape.items())))
    spaced = json.dumps(turned, indent=2, ensure_ascii=True).encode()
    tight = json.dumps(shape, separators=(",", ":"), ensure_ascii=False).encode()
    assert canonical_body(read_strict(spaced)) == canonical_body(read_strict(tight))
    assert json.loads(canonical_body(read_strict(tight))) == shape


@given(st.decimals(allow_nan=False, allow_infinity=False, places=None), st.integers(0, 5))
def test_equal_numbers_have_one_spelling_and_others_another(number: Decimal, zeros: int) -> None:
    text = str(number).replace("E+", "e").replace("E", "e")
    spelled = canonical_number(text)
    assert Fraction(Decimal(spelled)) == Fraction(number)
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    longer = f"{'-' if sign else ''}{''.join(map(str, digits))}{'0' * zeros}e{exponent - zeros}"
    assert canonical_number(longer) == spelled
    assert canonical_number(spelled) == spelled


def test_a_text_of_digits_is_not_the_number() -> None:
    assert canonical_body({"a": "1.5"}) != canonical_body({"a": Number("1.5")})
    assert canonical_body({"a": Number("1.50")}) == canonical_body({"a": 1.5}) == b'{"a":1.5}'
    assert canonical_body({"a": 1}) == canonical_body({"a": Number("1.0")}) != canonical_body({"a": True})


def test_a_huge_exponent_costs_nothing() -> None:
    assert canonical_number("1e999999999") == "1e999999999"
    assert canonical_number("1E99999999999999999999") == "1e99999999999999999999"


def test_nan_is_null_only_where_a_table_library_may_have_written_it() -> None:
    assert read_strict(b'{"a":[NaN,1.5]}', nan_is_null=True) == {"a": [None, "1.5"]}
    for body in (b'{"a":Infinity}', b'{"a":-Infinity}', b'{"a":nan}'):
        with pytest.raises(NotJson):
            read_strict(body, nan_is_null=True)
    with pytest.raises(NotJson):
        read_strict(b'{"a":NaN}')

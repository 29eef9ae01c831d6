"""Values of foreign payloads as the values a request would have, without a server."""

from __future__ import annotations

import math
import struct
from dataclasses import replace

import pytest

from holdfast.contract.model import Field
from holdfast.contract.values import Number, parse_json
from holdfast.serving.protocols import tensors
from holdfast.serving.protocols.cells import NoValue, from_double, from_single, from_text, from_whole
from holdfast.serving.protocols.tensors import BadTensor

MONEY = Field("amount", "decimal", scale=2)
FLAG = Field("flag", "boolean")


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("integer", "13", 13),
        ("integer", "-0", 0),
        ("integer", "13.0", Number("13.0")),
        ("decimal", "0.07", Number("0.07")),
        ("real", "1e-3", Number("1e-3")),
        ("integer", "", None),
        ("integer", "013", "013"),
        ("integer", "+1", "+1"),
        ("integer", " 1", " 1"),
        ("integer", "NaN", "NaN"),
        ("integer", "١", "١"),
        ("real", "9" * 401, "9" * 401),
        ("boolean", "True", True),
        ("boolean", "false", False),
        ("boolean", "1", "1"),
        ("boolean", "", None),
        ("category", "", None),
        ("category", "online", "online"),
        ("text", "", ""),
        ("text", "13", "13"),
        ("timestamp", "", None),
    ],
)
def test_text_is_read_by_its_fields_type(kind: str, text: str, value: object) -> None:
    read = from_text(Field("field", kind), text)  # type: ignore[arg-type]
    assert (type(read), read) == (type(value), value)


def test_an_empty_word_of_a_vocabulary_is_a_word() -> None:
    assert from_text(Field("field", "category", values=("", "a")), "") == ""


def test_doubles_become_the_decimals_they_are_nearest_to() -> None:
    assert from_double(MONEY, 0.1 + 0.2) == "0.30"
    assert from_double(MONEY, -0.0) == "0.00"
    assert from_double(MONEY, math.nan) is None
    assert from_double(MONEY, 0.301) == "0.301"  # the contract refuses it, or rounds it where it says so
    assert from_double(replace(MONEY, scale=0), 2.0**52 - 1) == "4503599627370495"
    with pytest.raises(Exception, match="too large"):
        parse_json(replace(MONEY, scale=0), from_double(replace(MONEY, scale=0), 2.0**52))
    with pytest.raises(NoValue):
        from_double(None, -math.inf)


def test_singles_are_decimals_only_where_the_field_says_so() -> None:
    single = struct.unpack("<f", struct.pack("<f", 12.34))[0]
    with pytest.raises(NoValue, match="float32"):
        from_single(MONEY, single)
    allowed = replace(MONEY, float32=True)
    assert from_single(allowed, single) == "12.34"
    beside = struct.unpack("<f", struct.pack("<I", struct.unpack("<I", struct.pack("<f", 12.34))[0] + 1))[0]
    assert from_single(allowed, beside) != "12.34"
    assert from_single(allowed, 2.0**23 / 100) == repr(2.0**23 / 100)
    assert from_single(None, 0.5) == "0.5"


def test_whole_numbers_are_instants_for_a_timestamp_alone() -> None:
    assert from_whole(Field("at", "timestamp"), 1_000_000) == "1970-01-01T00:00:01Z"
    assert from_whole(Field("at", "timestamp"), 2**63 - 1) == 2**63 - 1
    assert from_whole(Field("n", "integer"), 1_000_000) == 1_000_000


def test_truth_is_a_truth_value_and_nothing_else() -> None:
    assert tensors.read_json(FLAG, "BOOL", 3, [True, False, None]) == [True, False, None]
    assert tensors.read_binary(FLAG, "BOOL", 2, b"\x01\x00") == [True, False]
    for value in (1, 0, "true", Number("1.0")):
        with pytest.raises(BadTensor, match="neither true nor false"):
            tensors.read_json(FLAG, "BOOL", 1, [value])


@pytest.mark.parametrize("datatype", [name for name in tensors.DATATYPES if "INT" in name])
def test_integers_stay_within_their_datatype(datatype: str) -> None:
    bits = int(datatype.removeprefix("U").removeprefix("INT"))
    low, high = (0, 2**bits - 1) if datatype.startswith("U") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    assert tensors.read_json(None, datatype, 2, [low, high]) == [low, high]
    for value in (low - 1, high + 1, Number("1.5"), True, "1"):
        with pytest.raises(BadTensor):
            tensors.read_json(None, datatype, 1, [value])


@pytest.mark.parametrize("datatype", ["FP16", "FP32", "FP64"])
def test_a_float_means_the_same_in_json_and_in_binary(datatype: str) -> None:
    form = {"FP16": "e", "FP32": "f", "FP64": "d"}[datatype]
    for value in (0.1, 1.5, -3.25, 65_504.0, 1e-8):
        packed = struct.pack(f"<{form}", value)
        assert tensors.read_json(None, datatype, 1, [Number(repr(value))]) == tensors.read_binary(
            None, datatype, 1, packed
        )

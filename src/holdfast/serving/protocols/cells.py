"""One value of a foreign payload as the JSON value a request would have: text of a CSV, a binary number, an instant.

Nothing is checked against the contract here; what does not translate stays as it came, and the contract refuses it.
"""

from __future__ import annotations

import math
import re
import struct
from decimal import Decimal

from holdfast.contract.model import Field, Source
from holdfast.contract.scalars import DECIMAL_LIMIT, EARLIEST, LATEST
from holdfast.contract.values import Number, timestamp_text

NEAR = 1e-6
"""How far x·10^s may lie from a whole number, for a double to stand for a decimal."""
DECIMALS32 = 2**23
"""Below this many steps, neighbouring decimals are different float32 numbers."""

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_LONGEST = 400
"""Characters of a number; more are no number anybody means."""
_NUMERIC = ("integer", "decimal", "real")


class NoValue(ValueError):  # noqa: N818 — a verdict on a value
    """A value that has no place in any request: an infinite number."""


def fields_by_name(source: Source) -> dict[str, Field]:
    """Each field under its name and its former ones."""
    return {name: field for field in source.fields for name in (field.name, *field.former)}


def from_text(field: Field | None, text: str) -> object:
    """Text as the field's JSON value. Empty is null, except for a text and for a category that has an empty word."""
    if field is None or field.type == "text":
        return text
    if not text:
        return text if text in field.values else None
    if field.type in _NUMERIC:
        found = _NUMBER.fullmatch(text) if len(text) <= _LONGEST else None
        if found is None:
            return text
        return Number(text) if found[1] or found[2] else int(text)
    if field.type == "boolean":
        return {"true": True, "false": False}.get(text.lower(), text)
    return text


def from_double(field: Field | None, value: float) -> object:
    """A float64. NaN is null; a decimal is k / 10^s where x·10^s lies within 1e-6 of the whole k, |k| < 2^52."""
    if value != value:
        return None
    _refuse_infinite(value)
    if field is not None and field.type == "decimal":
        scaled = value * float(10**field.scale)
        nearest = round(scaled) if abs(scaled) < DECIMAL_LIMIT else DECIMAL_LIMIT
        if abs(nearest) < DECIMAL_LIMIT and abs(scaled - nearest) <= NEAR:
            return _steps(nearest, field.scale)
    return Number(repr(value))


def from_single(field: Field | None, value: float) -> object:
    """A float32 (as the double it equals). For a decimal only where the field allows it, and only the nearest one."""
    if value != value:
        return None
    _refuse_infinite(value)
    if field is not None and field.type == "decimal":
        if not field.float32:
            raise NoValue("is a float32, too coarse for decimals")
        ten = float(10**field.scale)
        nearest = round(value * ten)
        if abs(nearest) < DECIMALS32 and struct.unpack("<f", struct.pack("<f", nearest / ten))[0] == value:
            return _steps(nearest, field.scale)
    return Number(repr(value))


def from_whole(field: Field | None, value: int) -> object:
    """An integer; for a timestamp, microseconds since 1970 in UTC."""
    if field is not None and field.type == "timestamp" and EARLIEST <= value < LATEST:
        return timestamp_text(value)
    return value


def _steps(k: int, scale: int) -> Number:
    return Number(format(Decimal(k).scaleb(-scale), "f"))


def _refuse_infinite(value: float) -> None:
    if math.isinf(value):
        raise NoValue("is infinite")

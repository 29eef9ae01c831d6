"""Numbers as Arrow stores them to scaled integers, exactly, and which of them are certain."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from holdfast.contract.model import Field

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

JSON_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
NEAR = 1e-6
"""How far x·10^s may be from an integer, in units of the last digit."""
INTEGERS = 2**53
DECIMALS = 2**52
DECIMALS32 = 2**23


def plain_scaled(field: Field, array: pa.Array) -> tuple[Ints, Flags]:
    """k = value · 10^scale of an integer or decimal field, and where that is certain."""
    kind = array.type
    if pa.types.is_integer(kind):
        return _from_integers(array, field.scale)
    if pa.types.is_float32(kind) and field.type == "decimal":
        return _from_float32(array, field.scale)
    if pa.types.is_floating(kind):
        return _from_doubles(field, array)
    if pa.types.is_decimal(kind):
        return _from_decimals(array, field.scale)
    if pa.types.is_large_string(kind):
        return _from_text(array, field.scale)
    return np.zeros(len(array), dtype=np.int64), np.zeros(len(array), dtype=np.bool_)


def plain_reals(array: pa.Array) -> tuple[Floats, Flags]:
    """Doubles, and where they are the value that was stored."""
    kind = array.type
    if pa.types.is_floating(kind):
        values = numpy_of(array.cast(pa.float64()))
        return values, ~np.isnan(values)
    if pa.types.is_integer(kind):
        whole, plain = _from_integers(array, 0)
        return whole.astype(np.float64), plain
    if pa.types.is_decimal(kind):
        scale = max(kind.scale, 0)
        k, plain = _from_decimals(array, scale)
        return k / float(10**scale), plain & (np.abs(k) < INTEGERS) & (scale <= 22)
    if pa.types.is_large_string(kind):
        plain = matches(array, "^" + JSON_NUMBER.pattern + "$")
        return numpy_of(only(array, plain).cast(pa.float64())), plain
    return np.zeros(len(array)), np.zeros(len(array), dtype=np.bool_)


def numpy_of(array: pa.Array) -> NDArray[Any]:
    """The values, anything where null."""
    if array.null_count:
        array = array.fill_null(0)
    values: NDArray[Any] = array.to_numpy(zero_copy_only=False)
    return values


def matches(array: pa.Array, pattern: str) -> Flags:
    """Rows of text that match a regular expression; null does not."""
    found: Flags = pc.match_substring_regex(array, pattern).fill_null(False).to_numpy(zero_copy_only=False)
    return found.copy()


def only(array: pa.Array, mask: Flags) -> pa.Array:
    """The array with null where the mask is false."""
    return pc.if_else(pa.array(mask), array, pa.scalar(None, type=array.type))


def _from_integers(array: pa.Array, scale: int) -> tuple[Ints, Flags]:
    values = numpy_of(array)
    limit = (INTEGERS if scale == 0 else DECIMALS) // 10**scale
    if values.dtype == np.uint64:
        plain = values <= limit
        values = np.where(plain, values, 0).astype(np.int64)
    else:
        values = values.astype(np.int64)
        plain = (values <= limit) & (values >= -limit)
    return values * np.int64(10**scale) if scale else values, plain


def _from_doubles(field: Field, array: pa.Array) -> tuple[Ints, Flags]:
    values = numpy_of(array.cast(pa.float64()))
    with np.errstate(invalid="ignore", over="ignore"):
        scaled = values * float(10**field.scale)
        nearest = np.rint(scaled)
        if field.type == "integer":
            plain = (nearest == scaled) & (np.abs(nearest) <= INTEGERS)
        else:
            plain = (np.abs(scaled - nearest) <= NEAR) & (np.abs(nearest) < DECIMALS)
    return np.where(plain, nearest, 0.0).astype(np.int64), plain


def _from_float32(array: pa.Array, scale: int) -> tuple[Ints, Flags]:
    """A float32 is certain when it is the float32 nearest to k / 10^scale and neighbours are further apart."""
    values = numpy_of(array)
    with np.errstate(invalid="ignore", over="ignore"):
        nearest = np.rint(values.astype(np.float64) * float(10**scale))
        plain = (np.abs(nearest) < DECIMALS32) & ((nearest / float(10**scale)).astype(np.float32) == values)
    return np.where(plain, nearest, 0.0).astype(np.int64), plain


def _from_decimals(array: pa.Array, scale: int) -> tuple[Ints, Flags]:
    stored = max(array.type.scale, 0)
    array = array.cast(pa.decimal128(38, stored))
    low, plain = _words(array)
    if stored <= scale:
        factor = 10 ** (scale - stored)
        plain &= np.abs(low) <= (2**62) // factor
        return np.where(plain, low, 0) * np.int64(factor), plain
    whole, rest = np.divmod(low, np.int64(10 ** (stored - scale)))
    return whole, plain & (rest == 0)


def _from_text(array: pa.Array, scale: int) -> tuple[Ints, Flags]:
    fraction = rf"(\.[0-9]{{1,{scale}}})?" if scale else ""
    plain = matches(array, rf"^-?[0-9]{{1,15}}{fraction}$")
    k, fits = _words(only(array, plain).cast(pa.decimal128(38, scale)))
    return k, plain & fits


def _words(array: pa.Array) -> tuple[Ints, Flags]:
    """The low 64 bits of 128-bit decimals, and where they are the whole value."""
    buffer = array.buffers()[1]
    both = np.frombuffer(buffer, dtype="<i8").reshape(-1, 2)[array.offset : array.offset + len(array)]
    low = both[:, 0].astype(np.int64)
    given: Flags = array.is_valid().to_numpy(zero_copy_only=False)
    return np.where(given, low, 0), given & (both[:, 1] == low >> 63)

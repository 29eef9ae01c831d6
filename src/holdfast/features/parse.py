"""Arrow columns to cells, by the policies a request meets: vectorised where a value is plain, the scalar reader's where
it is odd.

A value is plain when it is not null, no placeholder, within bounds and exact at the field's scale. Every other value
goes, once per distinct value, through `contract.values.parse_json`, so history and requests cannot disagree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from holdfast.contract.model import Cell, Field
from holdfast.contract.values import Number, Refused, integer_bounds, parse_json, real_bounds
from holdfast.errors import Problem
from holdfast.features.columns import Column
from holdfast.features.instants import plain_instants
from holdfast.features.numbers import JSON_NUMBER, NEAR, plain_reals, plain_scaled
from holdfast.features.places import Place, numbered

Flags = NDArray[np.bool_]
SHOWN = 10
"""Problems listed per field, unless told otherwise; the rest are counted."""
SAMPLE = 10_000
_DTYPES: dict[str, Any] = {"real": np.float64, "category": np.int32, "text": object}
_STORAGE = (
    *(pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal),
    *(pa.types.is_large_string, pa.types.is_timestamp, pa.types.is_date),
)
_TRUTH = {"true": True, "false": False, "1": True, "0": False}


@dataclass(frozen=True)
class Parsed:
    """A column and which of its rows were refused (their cells are null); `problems` tells the first of them."""

    column: Column
    refused: Flags
    problems: tuple[Problem, ...]


def parse(
    field: Field,
    array: pa.Array | pa.ChunkedArray,
    first_row: int = 0,
    place: Place | None = None,
    *,
    shown: int = SHOWN,
) -> Parsed:
    """Read every value of a field. Row numbers in problems count from `first_row`, or `place` tells where a row is.

    Text (from CSV) is read as the value it spells: numbers exactly, true/false/1/0, ISO 8601. Binary doubles become
    decimals k = rint(x·10^s) iff |x·10^s − k| ≤ 1e-6 and |k| < 2^52; float32 only where the field allows it.
    """
    array = one_array(array)
    rows = len(array)
    if field.type == "decimal" and pa.types.is_float32(array.type) and not field.float32:
        return _unread(field, rows, "float32", "is a float32 column, too coarse for decimals", "declare float32=True")
    if not any(holds(array.type) for holds in _STORAGE):
        return _unread(field, rows, "type", f"is a column of {array.type}", f"store it as {field.type}")
    if field.type in ("text", "category"):
        array = as_text(array)
    values, plain = _PLAIN[field.type](field, array)
    plain &= _given(array)
    plain &= ~_placeholders(field, array, values)
    column = np.array(values, dtype=_DTYPES.get(field.type, np.int64))
    refused = np.zeros(rows, dtype=np.bool_)
    valid = np.ones(rows, dtype=np.bool_)
    problems: list[Problem] = []
    odd = np.flatnonzero(~plain)
    if len(odd):
        _odd_values(field, array, odd, column, valid, refused, problems, place or numbered(first_row), shown)
    if field.type in ("real", "category", "text"):
        return Parsed(Column(column), refused, tuple(problems))
    return Parsed(Column(column, None if valid.all() else valid), refused, tuple(problems))


def _odd_values(
    field: Field,
    array: pa.Array,
    odd: NDArray[np.int64],
    column: NDArray[Any],
    valid: Flags,
    refused: Flags,
    problems: list[Problem],
    place: Place,
    shown: int,
) -> None:
    """Each distinct odd value once through the scalar reader, its answer to every row that has it."""
    coded = _spelled(array.take(pa.array(odd))).dictionary_encode()
    raws = [None if item is None or item != item else item for item in coded.dictionary.to_pylist()]
    codes = coded.indices.fill_null(len(raws)).to_numpy(zero_copy_only=False)
    cells: list[Cell] = []
    faults: dict[int, Refused] = {}
    for i, raw in enumerate([*raws, None]):
        try:
            cells.append(parse_json(field, as_json(field, raw))[0])
        except Refused as fault:
            faults[i] = fault
            cells.append(None)
        else:
            if _coarse(field, raw, cells[-1]):
                faults[i] = Refused("scale", f"{raw!r} is not exact at {field.scale} digits", "store it as a decimal")
                cells[-1] = None
    null = np.array([cell is None for cell in cells])
    stands_for_null = {"real": np.nan, "category": 0, "text": None}.get(field.type, 0)
    made = np.empty(len(cells), dtype=column.dtype)
    made[:] = [stands_for_null if cell is None else cell for cell in cells]
    column[odd] = made[codes]
    valid[odd] = ~null[codes]
    if not faults:
        return
    faulty = np.zeros(len(cells), dtype=np.bool_)
    faulty[list(faults)] = True
    bad = faulty[codes]
    refused[odd[bad]] = True
    for row, code in zip(odd[bad][:shown].tolist(), codes[bad][:shown].tolist(), strict=True):
        told = faults[code]
        problems.append(Problem(field.name, told.code, f"{place(row)}: {told.what}", told.mend))


def _coarse(field: Field, raw: object, cell: Cell) -> bool:
    """A double whose decimal reading is not certain, though its shortest text has few digits."""
    if field.type != "decimal" or field.rounding is not None or type(raw) is not float or not isinstance(cell, int):
        return False
    return bool(abs(raw * 10**field.scale - cell) > NEAR)


def as_json(field: Field, raw: Any) -> object:
    """A stored value as the strict JSON reader would have given it."""
    if isinstance(raw, bool) or raw is None:
        return raw
    if field.type == "boolean" and not isinstance(raw, str):
        return bool(raw) if raw in (0, 1) else raw
    if isinstance(raw, Decimal):
        return Number(format(raw, "f"))
    if isinstance(raw, str) and field.type in ("integer", "decimal", "real", "boolean"):
        text = raw.strip()
        if field.type == "boolean":
            return _TRUTH.get(text.lower(), raw)
        if JSON_NUMBER.fullmatch(text):
            return int(text) if text.lstrip("-").isdigit() and len(text) < 4_000 else Number(text)
    return raw


def _given(array: pa.Array) -> Flags:
    given: Flags = array.is_valid().to_numpy(zero_copy_only=False)
    if pa.types.is_floating(array.type):
        given = given & ~np.isnan(array.to_numpy(zero_copy_only=False))
    return given


def _placeholders(field: Field, array: pa.Array, values: NDArray[Any]) -> Flags:
    """Rows whose value may stand for null; the scalar reader has the last word."""
    found = np.zeros(len(array), dtype=np.bool_)
    texts = [text[1:-1] if text.startswith('"') else text for text in field.placeholders]
    if not texts:
        return found
    if field.type in ("integer", "decimal", "real", "boolean"):
        for text in texts:
            if JSON_NUMBER.fullmatch(text):
                number = Fraction(text) * 10**field.scale
                found |= values == (float(number) if field.type == "real" else number)
        return found
    # Few rows hold a placeholder, so every row that might is sent to the scalar reader.
    if field.type == "text":
        found |= pc.is_in(array, value_set=pa.array(texts, type=array.type)).to_numpy(zero_copy_only=False)
    return found


def _plain_number(field: Field, array: pa.Array) -> tuple[NDArray[Any], Flags]:
    values, plain = plain_scaled(field, array)
    low, high = integer_bounds(field)
    return values, plain & (values >= low) & (values <= high)


def _plain_real(field: Field, array: pa.Array) -> tuple[NDArray[Any], Flags]:
    values, plain = plain_reals(array)
    low, high = real_bounds(field)
    values = values + 0.0  # −0.0 becomes +0.0
    return values, plain & (values >= low) & (values <= high) & np.isfinite(values)


def _plain_boolean(field: Field, array: pa.Array) -> tuple[NDArray[Any], Flags]:
    rows = len(array)
    if pa.types.is_boolean(array.type):
        values = array.fill_null(False).to_numpy(zero_copy_only=False).astype(np.int64)
        return values, np.ones(rows, dtype=np.bool_)
    if pa.types.is_integer(array.type):
        values = array.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
        return values, (values == 0) | (values == 1)
    return np.zeros(rows, dtype=np.int64), np.zeros(rows, dtype=np.bool_)


def _plain_text(field: Field, array: pa.Array) -> tuple[NDArray[Any], Flags]:
    if not pa.types.is_large_string(array.type):
        return _nothing(array, object)
    plain = pc.string_is_ascii(array).fill_null(False).to_numpy(zero_copy_only=False)
    plain = plain & (pc.binary_length(array).fill_null(0).to_numpy(zero_copy_only=False) <= field.max_length)
    return texts(array), plain


def texts(array: pa.Array) -> NDArray[Any]:
    """Strings as Python objects; repeated ones are one object."""
    sample = array.slice(0, SAMPLE)
    if len(array) > SAMPLE and pc.count_distinct(sample).as_py() < SAMPLE // 2:
        coded = array.dictionary_encode()
        words = np.array([*coded.dictionary.to_pylist(), None], dtype=object)
        found: NDArray[Any] = words[coded.indices.fill_null(len(words) - 1).to_numpy(zero_copy_only=False)]
        return found
    plain: NDArray[Any] = array.to_numpy(zero_copy_only=False)
    return plain


def _plain_category(field: Field, array: pa.Array) -> tuple[NDArray[Any], Flags]:
    return _nothing(array, np.int32)  # few distinct values: each goes through the scalar reader once


def _plain_timestamp(field: Field, array: pa.Array) -> tuple[NDArray[Any], Flags]:
    return plain_instants(field, array)


def _nothing(array: pa.Array, dtype: Any) -> tuple[NDArray[Any], Flags]:
    return np.zeros(len(array), dtype=dtype), np.zeros(len(array), dtype=np.bool_)


def as_text(array: pa.Array) -> pa.Array:
    """Whole numbers as the text they print, for ids and codes stored as numbers; other types stay and are refused."""
    if pa.types.is_integer(array.type):
        return array.cast(pa.large_string())
    if pa.types.is_floating(array.type):
        values = array.to_numpy(zero_copy_only=False)
        given = values[~np.isnan(values)]
        if (np.abs(given) <= 2**53).all() and (given == np.rint(given)).all():
            return pa.array(values, from_pandas=True).cast(pa.int64()).cast(pa.large_string())
    return array


def one_array(array: pa.Array | pa.ChunkedArray) -> pa.Array:
    """One array, dictionaries decoded, every kind of string as large_string."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
        if isinstance(array, pa.ChunkedArray):
            array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], type=array.type)
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_string(array.type) or pa.types.is_string_view(array.type):
        array = array.cast(pa.large_string())
    if pa.types.is_null(array.type):
        array = array.cast(pa.large_string())
    if pa.types.is_float16(array.type):
        array = array.cast(pa.float32())
    return array


def _unread(field: Field, rows: int, code: str, what: str, mend: str) -> Parsed:
    """A column refused as a whole, in one problem."""
    return Parsed(_empty(field, rows), np.ones(rows, dtype=np.bool_), (Problem(field.name, code, what, mend),))


def _empty(field: Field, rows: int) -> Column:
    if field.type == "real":
        return Column(np.full(rows, np.nan))
    if field.type in ("category", "text"):
        return Column(np.zeros(rows, dtype=np.int32) if field.type == "category" else np.full(rows, None))
    return Column(np.zeros(rows, dtype=np.int64), np.zeros(rows, dtype=np.bool_))


def _spelled(array: pa.Array) -> pa.Array:
    """Times as ISO 8601, for the scalar reader."""
    if pa.types.is_timestamp(array.type):
        if array.type.tz is not None:
            array = array.cast(pa.timestamp(array.type.unit, tz="UTC"))
        return array.cast(pa.large_string())
    return array.cast(pa.large_string()) if pa.types.is_date(array.type) else array


_PLAIN: dict[str, Callable[[Field, pa.Array], tuple[NDArray[Any], Flags]]] = {
    "integer": _plain_number,
    "decimal": _plain_number,
    "real": _plain_real,
    "boolean": _plain_boolean,
    "category": _plain_category,
    "text": _plain_text,
    "timestamp": _plain_timestamp,
}

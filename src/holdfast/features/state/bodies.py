"""Imported events as the JSON bodies a request would have had, so that state treats both alike.

Values are written as they came: what a policy of this contract replaced (a null, a placeholder, an unknown value), or a
field that it does not use refused, is in the body as it was, for a later contract to read its own way.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.contract.model import Field
from holdfast.contract.values import Number
from holdfast.features.columns import Column, given, take
from holdfast.features.history import Events
from holdfast.features.numbers import plain_scaled
from holdfast.features.parse import as_json, as_text, one_array
from holdfast.features.sources import Input, names_of, read, resolve

_json = msgspec.json.Encoder().encode
_NULL = "null"


class Bodies:
    """JSON objects of the events at some positions."""

    def __init__(self, events: Events, fields: Sequence[Field], given_input: Input) -> None:
        self._events = events
        raw = {item.name: item for item in fields if _forgiving(item) or item.name in events.unread}
        self._raw = _raw_texts(events, raw, given_input) if raw else {}
        self._fields = [item for item in fields if item.name in events.cells or item.name in self._raw]
        self._template = "{" + ",".join(_quoted(item.name).replace("%", "%%") + ":%s" for item in self._fields) + "}"

    def __call__(self, at: NDArray[np.int64]) -> list[bytes]:
        columns = []
        for item in self._fields:
            if item.name in self._raw:
                texts = self._raw[item.name]
                columns.append([texts[i] for i in at.tolist()])
            else:
                columns.append(_texts(item, take(self._events.cells[item.name], at)))
        return [(self._template % row).encode() for row in zip(*columns, strict=True)]


def _forgiving(field: Field) -> bool:
    """Whether a policy may have put another value in the place of what came."""
    strict = field.on_null == field.on_odd == field.on_unknown == "refuse"
    return bool(field.placeholders) or field.rounding is not None or not strict


def _texts(field: Field, column: Column) -> list[str]:
    """JSON texts of parsed cells that no policy touched."""
    values, there = column.values, given(column)
    if field.type == "text":
        return [_NULL if item is None else _quoted(item) for item in values.tolist()]
    distinct, at = np.unique(values, return_inverse=True)
    if field.type == "timestamp":
        instants: list[str] = np.datetime_as_string(distinct.astype("M8[us]")).tolist()
        made = [f'"{item.removesuffix(".000000")}Z"' for item in instants]
    elif field.type == "category":
        known = [_NULL, _NULL, *map(_quoted, field.values)]
        made = [known[code] for code in distinct.tolist()]
    elif field.type == "decimal":
        made = [decimal_text(k, field.scale) for k in distinct.tolist()]
    elif field.type == "boolean":
        made = ["true" if k else "false" for k in distinct.tolist()]
    else:
        made = [repr(value) for value in distinct.tolist()]
    texts: NDArray[np.object_] = np.array(made, dtype=object)[at]
    if not there.all():
        texts[~there] = _NULL
    answer: list[str] = texts.tolist()
    return answer


def decimal_text(k: int, scale: int) -> str:
    """The decimal number k / 10**scale."""
    if not scale:
        return str(k)
    digits = f"{abs(k):0{scale + 1}d}"
    return f"{'-' if k < 0 else ''}{digits[:-scale]}.{digits[-scale:]}"


def _quoted(text: str) -> str:
    return _json(text).decode()


def _raw_texts(events: Events, fields: dict[str, Field], given_input: Input) -> dict[str, list[str]]:
    """JSON texts of values as the input holds them, for fields whose policies may have replaced some."""
    source = events.source.name
    columns = {}
    for name, field in fields.items():
        column, _ = resolve(names_of(given_input, source), name, field.former, optional=True)
        if column is not None:
            columns[name] = column
    table = read(given_input, list(dict.fromkeys(columns.values())), source)
    rows = pa.array(events.rows)
    return {name: _raw(fields[name], table.column(column).take(rows)) for name, column in columns.items()}


def _raw(field: Field, column: pa.ChunkedArray) -> list[str]:
    """Stored values as the JSON a request would have had: what the reader of columns makes of them, before policies."""
    array = one_array(column)
    if field.type in ("text", "category"):
        array = as_text(array)
    values = array.to_pylist()
    if pa.types.is_timestamp(array.type):
        return [_NULL if item is None else _quoted(item.isoformat()) for item in values]
    if field.type == "decimal" and pa.types.is_floating(array.type):
        scaled, exact = plain_scaled(field, array)
        certain = (exact & array.is_valid().to_numpy(zero_copy_only=False)).tolist()
        read = zip(values, scaled.tolist(), certain, strict=True)
        return [decimal_text(k, field.scale) if sure else _spelled(item) for item, k, sure in read]
    return [_spelled(as_json(field, item)) for item in values]


def _spelled(value: object) -> str:
    """A value as JSON; one that JSON has not (an infinity, a date in a number's place) as the text it prints."""
    if value is None or value != value:
        return _NULL
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Number):  # columns may pad with zeros, JSON may not
        digits = value.removeprefix("-").lstrip("0")
        return f"{'-' if value.startswith('-') else ''}{'' if digits[:1].isdigit() else '0'}{digits}"
    if isinstance(value, int) or (isinstance(value, float) and isfinite(value)):
        return repr(value)
    return _quoted(str(value))

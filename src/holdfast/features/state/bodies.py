"""Imported events as the JSON bodies a request would have had, so that state treats both alike.

Values are written as they came: what a policy of this contract replaced (a null, a placeholder, an unknown value) is
in the body as it was, for a later contract to read its own way.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import starmap

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.contract.model import Field
from holdfast.features.columns import Column, given, take
from holdfast.features.history import Events
from holdfast.features.kernel.operations import power_of_ten
from holdfast.features.sources import Input, names_of, read, resolve

_json = msgspec.json.Encoder().encode
_NULL = "null"
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")


class Bodies:
    """JSON objects of the events at some positions."""

    def __init__(self, events: Events, fields: Sequence[Field], given_input: Input) -> None:
        self._events = events
        raw = {item.name: item for item in fields if _forgiving(item)}
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
    return bool(field.placeholders) or not field.on_null == field.on_odd == field.on_unknown == "refuse"


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
    if isinstance(column.type, pa.DictionaryType):
        column = column.cast(column.type.value_type)
    values = column.to_pylist()
    if field.type == "timestamp" and pa.types.is_timestamp(column.type):
        return [_NULL if item is None else f'"{item.isoformat()}{"" if item.tzinfo else "Z"}"' for item in values]
    if field.type == "decimal" and pa.types.is_floating(column.type):
        return list(starmap(_decimal, ((item, field.scale) for item in values)))
    number = field.type in ("integer", "decimal", "real")
    return [_NULL if item is None or item != item else _plain(item, number) for item in values]


def _decimal(value: float | None, scale: int) -> str:
    """A binary number as the decimal it stands for (the rule of columns); as it is where it stands for none."""
    if value is None or value != value:
        return _NULL
    scaled = value * power_of_ten(scale)
    if abs(scaled) < 2**52 and abs(scaled - round(scaled)) <= 1e-6:
        return decimal_text(round(scaled), scale)
    return repr(value)


def _plain(value: object, number: bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if number and isinstance(value, str) and _NUMBER.fullmatch(value):  # CSV holds numbers as text
        return value
    return repr(value) if isinstance(value, int | float) else _quoted(str(value))

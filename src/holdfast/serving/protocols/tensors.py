"""Tensors of the Open Inference Protocol: one column of an event's field in, one column of decisions out.

In JSON (`data`, flat or nested) or as binary after the JSON (`binary_data_size`): little-endian numbers, and texts each
behind its length in four bytes. A column is [n] or [n, 1].
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from holdfast.contract.model import Field
from holdfast.contract.values import Number
from holdfast.serving.protocols.cells import NoValue, from_double, from_single, from_text, from_whole

T = TypeVar("T")

_FORMATS = {
    "BOOL": "?", "UINT8": "B", "UINT16": "H", "UINT32": "I", "UINT64": "Q",
    "INT8": "b", "INT16": "h", "INT32": "i", "INT64": "q", "FP16": "e", "FP32": "f", "FP64": "d",
}  # fmt: skip
_WHOLE = {name: form for name, form in _FORMATS.items() if "INT" in name}
_FLOATING = ("FP16", "FP32", "FP64")
DATATYPES = (*_FORMATS, "BYTES")

OF_FIELD = {
    "integer": "INT64", "decimal": "FP64", "real": "FP64", "boolean": "BOOL",
    "category": "BYTES", "text": "BYTES", "timestamp": "BYTES",
}  # fmt: skip
"""The datatype that the metadata names for a field; others that hold the same values are read too."""


class BadTensor(ValueError):  # noqa: N818 — an answer, not a fault
    """What is wrong with a tensor, and what to send."""

    def __init__(self, what: str, mend: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.mend = mend


@dataclass(frozen=True, slots=True)
class Output:
    """A column of the answer: its datatype, and where a decision has it."""

    name: str
    datatype: str
    of: Callable[[dict[str, Any]], Any]


OUTPUTS = (
    Output("probability", "FP64", lambda one: one["probability"]),
    Output("decision", "BOOL", lambda one: one["decision"]),
    Output("label", "BYTES", lambda one: one["label"]),
    Output("threshold", "FP64", lambda one: one["threshold"]),
    Output("prediction_id", "BYTES", lambda one: one["prediction_id"]),
    Output("event_id", "BYTES", lambda one: one["event_id"]),
    Output("model_version", "BYTES", lambda one: one["model"]["version"]),
    Output("variant", "BYTES", lambda one: one["variant"]),
)


def rows_of_shape(shape: object) -> int:
    """The rows of a column of this shape. Raises BadTensor."""
    sizes = shape if isinstance(shape, list) else []
    plain = [size for size in sizes if type(size) is int and 0 <= size < 2**31]
    if not isinstance(shape, list) or len(plain) != len(sizes) or not (len(plain) == 1 or plain[1:] == [1]):
        raise BadTensor("has a shape that is no column", "send the shape [n] or [n, 1]")
    return plain[0]


def read_json(field: Field | None, datatype: str, rows: int, data: object) -> list[object]:
    """The values of a column given in JSON. Raises BadTensor."""
    values = list(_flat(data))
    if len(values) != rows:
        raise BadTensor(f"has {len(values)} values where its shape says {rows}")
    return _column(values, lambda item: _from_json(field, datatype, item))


def read_binary(field: Field | None, datatype: str, rows: int, data: bytes) -> list[object]:
    """The values of a column given as binary. Raises BadTensor."""
    if datatype == "BYTES":
        texts = list(_texts(data))
        if len(texts) != rows:
            raise BadTensor(f"has {len(texts)} values where its shape says {rows}")
        return _column(texts, lambda item: from_text(field, _decoded(item)))
    form = _FORMATS[datatype]
    if len(data) != rows * struct.calcsize(form):
        raise BadTensor(f"has {len(data)} bytes where its shape and datatype say {rows * struct.calcsize(form)}")
    values = struct.unpack(f"<{rows}{form}", data)
    return _column(values, lambda item: _from_machine(field, datatype, item))


def write_json(output: Output, decisions: Sequence[dict[str, Any]]) -> list[Any]:
    return [output.of(decision) for decision in decisions]


def write_binary(output: Output, decisions: Sequence[dict[str, Any]]) -> bytes:
    values = [output.of(decision) for decision in decisions]
    if output.datatype == "BYTES":
        texts = [str(value).encode() for value in values]
        return b"".join(struct.pack("<I", len(text)) + text for text in texts)
    return struct.pack(f"<{len(values)}{_FORMATS[output.datatype]}", *values)


def _column(values: Sequence[T], read: Callable[[T], object]) -> list[object]:
    """Each value read; what is wrong with one is told with its row."""
    column: list[object] = []
    for value in values:
        try:
            column.append(read(value))
        except (NoValue, BadTensor) as wrong:
            raise BadTensor(f"value {len(column)} {wrong}") from None
    return column


def _from_machine(field: Field | None, datatype: str, value: Any) -> object:
    if datatype == "BOOL":
        return bool(value)
    if datatype == "FP64":
        return from_double(field, value)
    if datatype in _FLOATING:
        return from_single(field, value)
    return from_whole(field, value)


def _from_json(field: Field | None, datatype: str, value: object) -> object:
    """A JSON value as its datatype would hold it, so that both encodings of a tensor mean the same."""
    if value is None:
        return None
    if datatype == "BYTES":
        if type(value) is not str:
            raise BadTensor("is not a text")
        return from_text(field, value)
    if datatype == "BOOL":
        if type(value) is not bool:
            raise BadTensor("is neither true nor false")
        return value
    if type(value) is bool or not isinstance(value, int | Number):
        raise BadTensor("is not a number")
    if datatype in _WHOLE:
        return from_whole(field, _whole(datatype, value))
    return _from_machine(field, datatype, _floating(datatype, value))


def _whole(datatype: str, value: int | Number) -> int:
    try:
        struct.pack(f"<{_WHOLE[datatype]}", value)
    except struct.error:
        raise BadTensor(f"is no {datatype}") from None
    assert isinstance(value, int)
    return value


def _floating(datatype: str, value: int | Number) -> float:
    try:
        double = float(value)
        if math.isinf(double):
            raise OverflowError
        single: float = struct.unpack(f"<{_FORMATS[datatype]}", struct.pack(f"<{_FORMATS[datatype]}", double))[0]
    except OverflowError:
        raise BadTensor(f"is too large for {datatype}") from None
    return single


def _flat(data: object) -> Iterator[object]:
    """The values of nested lists, row by row."""
    if not isinstance(data, list):
        raise BadTensor("has no list under data", "send data, or binary_data_size with the bytes after the JSON")
    for item in data:
        if isinstance(item, list):
            yield from _flat(item)
        else:
            yield item


def _texts(data: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        if at + 4 > len(data):
            raise BadTensor("ends within a length", "put the length of each text before it, in four bytes")
        (size,) = struct.unpack_from("<I", data, at)
        at += 4
        if at + size > len(data):
            raise BadTensor("ends within a text", "put the length of each text before it, in four bytes")
        yield data[at : at + size]
        at += size


def _decoded(text: bytes) -> str:
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        raise BadTensor("is not UTF-8") from None

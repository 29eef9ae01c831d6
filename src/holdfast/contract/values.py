"""From a request's JSON to cells: every field, its policies, and everything that is wrong with it at once.

This is on the way of every request, so each field gets one closure that knows its policies; nothing is looked up
while reading. Batch columns follow the same policies in `holdfast.features.columns`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from holdfast.contract.json_text import NotJson, Number, canonical_body, canonical_number, read_strict
from holdfast.contract.model import FIRST_CODE, NULL_CODE, UNKNOWN_CODE, Cell, Field, Source
from holdfast.contract.scalars import (
    OutOfBounds,
    Refused,
    UnknownValue,
    integer_bounds,
    real_bounds,
    scalar_reader,
    shown,
    timestamp_text,
)
from holdfast.errors import HoldfastError, Problem

__all__ = [
    "ABSENT",
    "NotJson",
    "Number",
    "Parsed",
    "Refused",
    "canonical_body",
    "canonical_number",
    "compile_reader",
    "impute_cell",
    "instant",
    "integer_bounds",
    "is_placeholder",
    "null_cell",
    "parse_json",
    "read_strict",
    "real_bounds",
    "timestamp_text",
    "to_json",
]


class _Absent:
    """The value of a field that a request does not have."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = _Absent()

Reader = Callable[[object, list[str]], Cell]
"""Reads one raw value; may add warnings; raises Refused."""


class Parsed(NamedTuple):
    """A request's cells in the order of the fields asked for, or what is wrong with it.

    With problems, the cells of the fields at fault are null. `status` is 200, 400 (rules broken) or 422 (a field
    missing, unknown, or of the wrong type).
    """

    cells: tuple[Cell, ...]
    warnings: tuple[str, ...]
    problems: tuple[Problem, ...]
    status: int


def instant(text: str) -> int:
    """Microseconds UTC of an ISO 8601 time. Raises HoldfastError when it is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise HoldfastError(f"{text!r} is not a time", mend="write it as 2026-01-31T12:00:00Z") from None
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    apart = aware - datetime(1970, 1, 1, tzinfo=UTC)
    return (apart.days * 86_400 + apart.seconds) * 1_000_000 + apart.microseconds


def parse_json(field: Field, raw: object) -> tuple[Cell, str | None]:
    """One value as its cell, and a warning where a policy stepped in.

    `raw` is what `read_strict` gives, or ABSENT. Raises Refused.
    """
    warnings: list[str] = []
    cell = _reader(field)(raw, warnings)
    return cell, "; ".join(warnings) or None


def compile_reader(source: Source, fields: Sequence[Field]) -> Callable[[dict[str, object]], Parsed]:
    """A reader of request bodies for these fields of a source.

    The reader takes what `read_strict` gives and answers `Parsed`; it never raises for a bad body.
    """
    readers = tuple((field.name, _reader(field)) for field in fields)
    names = frozenset(field.name for field in fields)
    former = {old: field.name for field in fields for old in field.former if old not in names}
    personal = frozenset(field.name for field in fields if field.personal)
    ids = [i for i, field in enumerate(fields) if field.name == source.id]

    def read(raw: dict[str, object]) -> Parsed:
        problems: list[Problem] = []
        status = 200
        if not raw.keys() <= names:
            raw, problems, status = _rename(source, raw, names, former, personal)
        warnings: list[str] = []
        cells: list[Cell] = []
        get = raw.get
        for name, parse in readers:
            try:
                cells.append(parse(get(name, ABSENT), warnings))
            except Refused as refused:
                cells.append(None)
                problems.append(Problem(name, refused.code, refused.what, refused.mend))
                status = max(status, refused.status)
        for i in ids:
            if cells[i] == "":
                problems.append(Problem(source.id, "length", "is empty", "send an id that names this event"))
                status = max(status, 400)
        return Parsed(tuple(cells), tuple(warnings), tuple(problems), status)

    return read


def to_json(field: Field, cell: Cell) -> object:
    """A cell as a JSON value for display: decimals as numbers, timestamps as ISO 8601, codes as their text."""
    if field.type == "category":
        if cell is None or cell == NULL_CODE:
            return None
        return "(unknown)" if cell == UNKNOWN_CODE else field.values[int(cell) - FIRST_CODE]
    if cell is None or isinstance(cell, str):
        return cell
    if field.type == "boolean":
        return bool(cell)
    if field.type == "timestamp":
        return timestamp_text(int(cell))
    if field.type == "decimal":
        return int(cell) / 10**field.scale
    return cell


def null_cell(field: Field) -> Cell:
    """How null is kept: code 0 for a category, None otherwise."""
    return NULL_CODE if field.type == "category" else None


def impute_cell(field: Field) -> Cell:
    """The cell of the field's imputed value. Raises Refused where the contract's value does not fit its field."""
    assert field.impute is not None
    return scalar_reader(field)(_from_text(field.impute))


def is_placeholder(field: Field) -> Callable[[object], bool]:
    """Whether a raw value stands for null in this field. Equal numbers are equal, however spelled."""
    known = {_identity(_from_text(text)) for text in field.placeholders}
    return lambda raw: _identity(raw) in known


@lru_cache(maxsize=4_096)
def _reader(field: Field) -> Reader:
    """Null, absent and placeholder first, then the value, then what the policies forgive."""
    scalar = scalar_reader(field)
    null = null_cell(field)
    name, nullable, generated = field.name, field.nullable, field.generated
    imputes = field.on_null == "impute" and not nullable
    imputed = impute_cell(field) if field.impute is not None else null
    stands_in = is_placeholder(field) if field.placeholders else None

    def missing(code: str, what: str) -> tuple[Cell, str | None]:
        if nullable:
            return null, None
        if imputes:
            return imputed, f"{name}: {what}, imputed {field.impute}"
        raise Refused(code, what, "send a value")

    def lenient(raw: object, warnings: list[str]) -> Cell:
        if raw is ABSENT:
            if generated:
                return None
            cell, warning = missing("missing", "is missing")
        elif raw is None:
            cell, warning = missing("null", "is null")
        elif stands_in is not None and stands_in(raw):
            cell, _ = missing("null", f"{shown(field, raw)} stands for a missing value")
            warning = f"{name}: {shown(field, raw)} read as missing" + (f", imputed {field.impute}" if imputes else "")
        else:
            try:
                return scalar(raw)
            except UnknownValue as refused:
                return forgive(field.on_unknown, refused, UNKNOWN_CODE, "unknown", warnings)
            except OutOfBounds as refused:
                return forgive(field.on_odd, refused, refused.cell, "kept", warnings)
        if warning is not None:
            warnings.append(warning)
        return cell

    def forgive(policy: str, refused: Refused, kept: Cell, word: str, warnings: list[str]) -> Cell:
        if policy == "refuse":
            raise refused
        if policy == "impute" or (policy == "missing" and imputes):
            warnings.append(f"{name}: {refused.what}, imputed {field.impute}")
            return imputed
        if policy == "missing":
            warnings.append(f"{name}: {refused.what}, read as missing")
            return null
        warnings.append(f"{name}: {refused.what}, {word}")
        return kept

    if stands_in is not None or field.on_unknown != "refuse" or field.on_odd != "refuse":
        return lenient

    def strict(raw: object, warnings: list[str]) -> Cell:
        if raw is None or raw is ABSENT:
            return lenient(raw, warnings)
        return scalar(raw)

    return strict


def _rename(
    source: Source,
    raw: Mapping[str, object],
    names: frozenset[str],
    former: Mapping[str, str],
    personal: frozenset[str],
) -> tuple[dict[str, object], list[Problem], int]:
    """The body under today's names; what is neither a name nor a former one is a problem."""
    from difflib import get_close_matches  # only a body with a surplus name pays for it

    body = {name: value for name, value in raw.items() if name in names}
    problems: list[Problem] = []
    status = 200
    for name, value in raw.items():
        if name in names:
            continue
        today = former.get(name)
        if today is None:
            known = [*names, *former]
            close = get_close_matches(name[:100], known, n=1)
            mend = f"did you mean {close[0]!r}?" if close else f"{source.name} has {', '.join(sorted(names)[:12])}"
            problems.append(Problem(name[:100], "unknown_field", "is not a field of " + source.name, mend))
            status = 422
        elif today in body:
            what = f"is a former name of {today}, which is given too"
            problems.append(Problem(name, "two_names", what, f"send only {today}"))
            status = max(status, 400)
        else:
            body[today] = value
    return body, problems, status


def _from_text(text: str) -> object:
    """A JSON value written in a contract, read the way a request's values are."""
    return json.loads(text, parse_float=Number)


def _identity(raw: object) -> tuple[str, str]:
    if isinstance(raw, Number):
        return "number", canonical_number(raw)
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        return "number", canonical_number(repr(raw))
    return type(raw).__name__, str(raw)

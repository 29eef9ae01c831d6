"""The types of fields, with their bounds, marks and policies: `text()`, `decimal(scale=2)`, `category("a", "b")` …"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Literal
from unicodedata import normalize

from holdfast.contract.faults import Fault, fault, here, suggest
from holdfast.contract.model import Field
from holdfast.contract.scalars import Refused, integer_bounds, real_bounds
from holdfast.contract.values import impute_cell
from holdfast.contract.zones import freeze_zone, zone_names

Numeral = int | float | str | Decimal
"""A number as a contract may write it; text keeps every digit."""

OnNull = Literal["refuse", "impute"]
OnOdd = Literal["refuse", "missing", "impute", "keep"]
OnUnknown = Literal["refuse", "unknown", "missing"]
Changeable = Literal["", "any", "up", "down"]

LONGEST_VOCABULARY = 100_000


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """A field without its name, as `text()` and the others answer it."""

    field: Field
    where: str
    faults: tuple[Fault, ...] = ()


def integer(
    *,
    above: Numeral | None = None,
    at_least: Numeral | None = None,
    below: Numeral | None = None,
    at_most: Numeral | None = None,
    nullable: bool = False,
    impute: int | None = None,
    on_null: OnNull | None = None,
    on_odd: OnOdd = "refuse",
    placeholders: Iterable[Numeral | str] = (),
    former: Iterable[str] = (),
    personal: bool = False,
    protected: bool = False,
    changeable: Changeable = "",
    unit: str = "",
    description: str = "",
) -> FieldSpec:
    """A whole number up to 2^53. Its sums and squares are exact, however many."""
    field = Field("", "integer", nullable=nullable, on_odd=on_odd, personal=personal, protected=protected)
    field = replace(field, unit=unit, description=description, changeable=changeable)
    return _spec(field, (above, at_least, below, at_most), impute, on_null, placeholders, former)


def decimal(
    *,
    scale: int,
    above: Numeral | None = None,
    at_least: Numeral | None = None,
    below: Numeral | None = None,
    at_most: Numeral | None = None,
    nullable: bool = False,
    impute: Numeral | None = None,
    on_null: OnNull | None = None,
    on_odd: OnOdd = "refuse",
    placeholders: Iterable[Numeral | str] = (),
    former: Iterable[str] = (),
    rounding: Literal["half_even"] | None = None,
    float32: bool = False,
    personal: bool = False,
    protected: bool = False,
    changeable: Changeable = "",
    unit: str = "",
    description: str = "",
) -> FieldSpec:
    """A number with `scale` digits after the point, kept as a whole number of them: money at scale 2 is cents.

    More digits are refused unless `rounding="half_even"`. `float32=True` lets history come from float32 columns.
    """
    field = Field("", "decimal", nullable=nullable, on_odd=on_odd, personal=personal, protected=protected)
    field = replace(field, rounding=rounding, float32=float32, unit=unit, description=description)
    field = replace(field, changeable=changeable)
    faults: tuple[Fault, ...] = ()
    if not is_whole(scale, 0, 12):
        faults = (fault("value", f"scale={scale!r} is not a number of digits", "say scale=2, or any from 0 to 12"),)
        scale = 2
    if rounding not in (None, "half_even"):
        faults += (fault("value", f"rounding={rounding!r} is unknown", "say rounding='half_even', or leave it out"),)
    field = replace(field, scale=scale)
    return _spec(field, (above, at_least, below, at_most), impute, on_null, placeholders, former, faults)


def real(
    *,
    above: Numeral | None = None,
    at_least: Numeral | None = None,
    below: Numeral | None = None,
    at_most: Numeral | None = None,
    nullable: bool = False,
    impute: float | None = None,
    on_null: OnNull | None = None,
    on_odd: OnOdd = "refuse",
    placeholders: Iterable[Numeral | str] = (),
    former: Iterable[str] = (),
    personal: bool = False,
    protected: bool = False,
    changeable: Changeable = "",
    unit: str = "",
    description: str = "",
) -> FieldSpec:
    """A floating number. Features may use it; of aggregates only min, max, first, last and as_of (sums of floats
    depend on their order)."""
    field = Field("", "real", nullable=nullable, on_odd=on_odd, personal=personal, protected=protected)
    field = replace(field, unit=unit, description=description, changeable=changeable)
    return _spec(field, (above, at_least, below, at_most), impute, on_null, placeholders, former)


def boolean(
    *,
    nullable: bool = False,
    impute: bool | None = None,
    on_null: OnNull | None = None,
    placeholders: Iterable[Numeral | str] = (),
    former: Iterable[str] = (),
    personal: bool = False,
    protected: bool = False,
    changeable: Literal["", "any"] = "",
    description: str = "",
) -> FieldSpec:
    """True or false. Its sum counts the trues, its mean is their share."""
    field = Field("", "boolean", nullable=nullable, personal=personal, protected=protected, description=description)
    field = replace(field, changeable=changeable)
    return _spec(field, _UNBOUNDED, impute, on_null, placeholders, former)


def category(
    *values: str,
    nullable: bool = False,
    impute: str | None = None,
    on_null: OnNull | None = None,
    on_unknown: OnUnknown = "refuse",
    placeholders: Iterable[Numeral | str] = (),
    former: Iterable[str] = (),
    personal: bool = False,
    protected: bool = False,
    changeable: Literal["", "any"] = "",
    description: str = "",
) -> FieldSpec:
    """One of a closed vocabulary. Codes: 0 null, 1 unknown, then `values` in this order.

    A value outside it is refused, or read as `on_unknown="unknown"` (code 1) or `"missing"`, with a warning.
    """
    faults: tuple[Fault, ...] = ()
    words = tuple(normalize("NFC", value) for value in values if is_text(value))
    if len(words) != len(values) or not words:
        faults += (fault("value", "category() lists no texts", 'list them: category("grocery", "online")'),)
    twice = sorted({value for value in words if words.count(value) > 1}) if len(words) <= 1_000 else []
    if twice or len(set(words)) != len(words):
        faults += (fault("duplicate", f"category() lists {', '.join(twice) or 'a value'} twice", "list each once"),)
    if len(words) > LONGEST_VOCABULARY:
        faults += (fault("value", f"category() lists {len(words):,} values", "declare it as text()"),)
    field = Field("", "category", values=tuple(dict.fromkeys(words)), nullable=nullable, on_unknown=on_unknown)
    field = replace(field, personal=personal, protected=protected, description=description, changeable=changeable)
    return _spec(field, _UNBOUNDED, impute, on_null, placeholders, former, faults)


def text(
    *,
    max_length: int = 256,
    generated: bool = False,
    nullable: bool = False,
    impute: str | None = None,
    on_null: OnNull | None = None,
    placeholders: Iterable[Numeral | str] = (),
    former: Iterable[str] = (),
    personal: bool = False,
    protected: bool = False,
    description: str = "",
) -> FieldSpec:
    """Any text, kept as NFC, at most `max_length` bytes of UTF-8. A feature uses it through `length()` and the like.

    `generated=True`: an event's id that the server makes up when a request leaves it out.
    """
    field = Field("", "text", max_length=max_length, generated=generated, nullable=nullable)
    field = replace(field, personal=personal, protected=protected, description=description)
    faults: tuple[Fault, ...] = ()
    if not is_whole(max_length, 1, 65_536):
        faults = (fault("value", f"max_length={max_length!r}", "say a number of bytes from 1 to 65536"),)
    return _spec(field, _UNBOUNDED, impute, on_null, placeholders, former, faults)


def timestamp(
    *,
    zone: str | None = None,
    fold: Literal[0, 1] | None = None,
    generated: bool = False,
    nullable: bool = False,
    impute: str | None = None,
    on_null: OnNull | None = None,
    placeholders: Iterable[Numeral | str] = (),
    former: Iterable[str] = (),
    personal: bool = False,
    protected: bool = False,
    description: str = "",
) -> FieldSpec:
    """An instant, ISO 8601, to the microsecond.

    Times without an offset are refused unless `zone=` says where they are local; a local time that comes twice or
    not at all is refused unless `fold=` says which is meant. `generated=True`: an event's time that the server sets
    when a request leaves it out.
    """
    field = Field("", "timestamp", zone=zone, fold=fold, generated=generated, nullable=nullable)
    field = replace(field, personal=personal, protected=protected, description=description)
    faults: tuple[Fault, ...] = ()
    if zone is not None:
        faults = unknown_zone(zone)
        field = replace(field, zone=None) if faults else replace(field, calendar=freeze_zone(zone))
    elif fold is not None:
        faults = (fault("value", "fold= without zone=", "name the zone whose local times are meant"),)
    if fold not in (None, 0, 1):
        faults += (fault("value", f"fold={fold!r} is neither 0 (the first) nor 1 (the second)", "say fold=0"),)
        field = replace(field, fold=None)
    return _spec(field, _UNBOUNDED, impute, on_null, placeholders, former, faults)


def is_whole(value: object, low: int, high: int) -> bool:
    """A whole number within [low, high]; True and False are none."""
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def is_text(value: object) -> bool:
    return isinstance(value, str)


def unknown_zone(name: object) -> tuple[Fault, ...]:
    """What is wrong with a zone's name: nothing, or one fault."""
    try:
        freeze_zone(str(name))
    except KeyError:
        mend = suggest(name, sorted(zone_names()))
        return (fault("unknown_name", f"there is no time zone {name!r}", mend),)
    return ()


_UNBOUNDED = (None, None, None, None)
_CHOICES: dict[str, tuple[str, ...]] = {
    "on_null": ("refuse", "impute"),
    "on_odd": ("refuse", "missing", "impute", "keep"),
    "on_unknown": ("refuse", "unknown", "missing"),
}


def _spec(
    field: Field,
    bounds: tuple[Numeral | None, Numeral | None, Numeral | None, Numeral | None],
    impute: Numeral | bool | None,
    on_null: OnNull | None,
    placeholders: Iterable[Numeral | str],
    former: Iterable[str],
    faults: tuple[Fault, ...] = (),
) -> FieldSpec:
    """The rules every type shares, checked once."""
    found = list(faults)
    exact: dict[str, str] = {}
    for word, bound in zip(("above", "at_least", "below", "at_most"), bounds, strict=True):
        if bound is None:
            continue
        digits = _digits(bound)
        if digits is None:
            found.append(fault("value", f"{word}={bound!r} is not a number", f"say {word}=0, or another number"))
        else:
            exact[word] = digits
    field = replace(
        field,
        above=exact.get("above"),
        at_least=exact.get("at_least"),
        below=exact.get("below"),
        at_most=exact.get("at_most"),
        impute=None if impute is None else _json_text(impute, field.type),
        on_null=on_null or ("refuse" if impute is None else "impute"),
        placeholders=tuple(_json_text(item, field.type, guess=True) for item in _several(placeholders)),
        former=tuple(str(name) for name in _several(former)),
    )
    found += _check_policies(field)
    if field.type in ("integer", "decimal", "real"):
        low, high = real_bounds(field) if field.type == "real" else integer_bounds(field)
        if low > high:
            found.append(fault("value", "no number lies within the bounds", "correct above, at_least, below, at_most"))
    if field.impute is not None and not found:
        try:
            impute_cell(field)
        except (Refused, ValueError) as error:
            what = error.what if isinstance(error, Refused) else "cannot be read"
            found.append(fault("value", f"impute={impute!r} {what}", "impute a value that the field accepts"))
            field = replace(field, impute=None, on_null="refuse")
    return FieldSpec(field, here(), tuple(found))


def _check_policies(field: Field) -> list[Fault]:
    found = []
    for word, known in _CHOICES.items():
        chosen = getattr(field, word)
        if chosen not in known:
            found.append(fault("value", f"{word}={chosen!r} is unknown", suggest(chosen, known)))
    directions = ("", "any", "up", "down") if field.type in ("integer", "decimal", "real") else ("", "any")
    if field.changeable not in directions:
        found.append(
            fault("value", f"changeable={field.changeable!r} is unknown", suggest(field.changeable, directions))
        )
    if field.changeable and field.protected:
        what = "is a protected attribute, and nobody is told to change one"
        found.append(fault("value", what, "leave out changeable=, or protected="))
    if "impute" in (field.on_null, field.on_odd) and field.impute is None:
        found.append(fault("missing", "imputes, but not what", "say impute= with the value to put in"))
    found += [
        fault("value", f"the placeholder {item} is no JSON value", "null is always null; leave it out")
        for item in field.placeholders
        if item in ("null", "NaN")
    ]
    return found


def _several(items: object) -> tuple[Numeral, ...]:
    """A single text is one item, not its letters."""
    if isinstance(items, str | int | float | Decimal):
        return (items,)
    return tuple(items) if isinstance(items, Iterable) else ()


def _digits(value: Numeral) -> str | None:
    """A number as plain decimal text, or None where it is none."""
    try:
        number = Decimal(str(value)) if not isinstance(value, bool) else None
    except InvalidOperation:
        return None
    if number is None or not number.is_finite() or abs(number.adjusted()) > 300:
        return None
    return format(number, "f")


def _json_text(value: Numeral | bool | None, kind: str, *, guess: bool = False) -> str:
    """A policy's value as JSON text. Text stays text, except a decimal's digits written as text."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and (guess or kind in ("text", "category", "timestamp")):
        return json.dumps(normalize("NFC", value), ensure_ascii=False)
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN"
    return _digits(value) or json.dumps(str(value))

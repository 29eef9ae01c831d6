"""One reader per field type: from a strict JSON value to a cell, before any policy.

Each `read_*` builder answers a closure specialised for its field, because these run for every field of every request.
A closure raises Refused for a value of the wrong type (`type`) or one that cannot be stored; bounds and vocabularies
raise `OutOfBounds` and `UnknownValue`, which the policies in `values` may forgive.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from unicodedata import normalize

from holdfast.contract.json_text import Number
from holdfast.contract.model import FIRST_CODE, SECOND, Cell, Field
from holdfast.contract.zones import NoSuchTime, to_utc

INTEGER_LIMIT = 2**53
DECIMAL_LIMIT = 2**52
WIDEST = 20
"""Digits before the point past which no number is read any further."""

Scalar = Callable[[object], Cell]


class Refused(Exception):  # noqa: N818 - a verdict on a value, not a failure of the program
    """A value that cannot become a cell: a stable code, what is wrong, what to do."""

    def __init__(self, code: str, what: str, mend: str = "") -> None:
        super().__init__(what)
        self.code = code
        self.what = what
        self.mend = mend

    @property
    def status(self) -> int:
        """422 for a field that is absent or of the wrong type, 400 for a broken rule."""
        return 422 if self.code in ("missing", "type", "unknown_field") else 400


class OutOfBounds(Refused):
    """A number outside the field's bounds. `cell` is what it would have been."""

    def __init__(self, what: str, mend: str, cell: Cell) -> None:
        super().__init__("range", what, mend)
        self.cell = cell


class UnknownValue(Refused):
    """A text outside a category's vocabulary."""


def integer_bounds(field: Field) -> tuple[int, int]:
    """The smallest and largest accepted scaled integer of an integer or decimal field."""
    limit = DECIMAL_LIMIT if field.type == "decimal" else INTEGER_LIMIT + 1
    low, high = 1 - limit, limit - 1
    ten = 10**field.scale
    if field.above is not None:
        low = max(low, math.floor(Fraction(field.above) * ten) + 1)
    if field.at_least is not None:
        low = max(low, math.ceil(Fraction(field.at_least) * ten))
    if field.below is not None:
        high = min(high, math.ceil(Fraction(field.below) * ten) - 1)
    if field.at_most is not None:
        high = min(high, math.floor(Fraction(field.at_most) * ten))
    return low, high


def real_bounds(field: Field) -> tuple[float, float]:
    """The smallest and largest accepted float of a real field (both included)."""
    low, high = -math.inf, math.inf
    if field.above is not None:
        low = max(low, math.nextafter(float(field.above), math.inf))
    if field.at_least is not None:
        low = max(low, float(field.at_least))
    if field.below is not None:
        high = min(high, math.nextafter(float(field.below), -math.inf))
    if field.at_most is not None:
        high = min(high, float(field.at_most))
    return low, high


def shown(field: Field, raw: object) -> str:
    """A value as an error may quote it: short, and never a personal one."""
    if field.personal:
        return "the value"
    if isinstance(raw, int) and not isinstance(raw, bool) and raw.bit_length() > 256:
        return "a number of over 75 digits"
    text = str(raw) if isinstance(raw, Number) else repr(raw)
    return text if len(text) <= 60 else text[:57] + "..."


def allowed_range(field: Field) -> str:
    """The bounds in words, for a mend."""
    words = [
        f"{word} {bound}"
        for word, bound in (
            ("above", field.above),
            ("at least", field.at_least),
            ("below", field.below),
            ("at most", field.at_most),
        )
        if bound is not None
    ]
    return "send a number " + " and ".join(words) if words else "send a smaller number"


def scalar_reader(field: Field) -> Scalar:
    """The closure that reads one value of this field, null and policies aside."""
    return _BUILDERS[field.type](field)


def _wrong_type(field: Field, raw: object, wanted: str) -> Refused:
    kinds = {bool: "a boolean", int: "a number", str: "a text", Number: "a number", float: "a number"}
    kinds |= {list: "an array", dict: "an object"}
    found = kinds.get(type(raw), type(raw).__name__)
    value = "" if isinstance(raw, list | dict) or field.personal else f" {shown(field, raw)}"
    return Refused("type", f"is {found}{value}, not {wanted}", f"send {wanted}")


def _read_boolean(field: Field) -> Scalar:
    def read(raw: object) -> Cell:
        if raw is True:
            return 1
        if raw is False:
            return 0
        raise _wrong_type(field, raw, "true or false")

    return read


def _read_integer(field: Field) -> Scalar:
    low, high = integer_bounds(field)

    def checked(k: int, raw: object) -> Cell:
        if abs(k) > INTEGER_LIMIT:
            raise Refused("range", f"{shown(field, raw)} is beyond 2^53", "declare it as text() if it is an identifier")
        raise OutOfBounds(f"{shown(field, raw)} is out of range", allowed_range(field), k)

    def read(raw: object) -> Cell:
        if type(raw) is int:
            if low <= raw <= high:
                return raw
            return checked(raw, raw)
        if type(raw) is Number or type(raw) is float:
            k, exact = _scaled(field, raw, 0)
            if not exact:
                raise _wrong_type(field, raw, "a whole number")
            return k if low <= k <= high else checked(k, raw)
        raise _wrong_type(field, raw, "a whole number")

    return read


def _read_decimal(field: Field) -> Scalar:
    low, high = integer_bounds(field)
    scale = field.scale
    ten = 10**scale
    rounds = field.rounding is not None

    def checked(k: int, raw: object) -> Cell:
        if abs(k) >= DECIMAL_LIMIT:
            raise Refused("range", f"{shown(field, raw)} is too large for {scale} decimals", "lower the scale")
        raise OutOfBounds(f"{shown(field, raw)} is out of range", allowed_range(field), k)

    def read(raw: object) -> Cell:
        k: int
        if type(raw) is int:
            k = raw * ten
        elif type(raw) is Number:
            whole, point, fraction = raw.partition(".")
            digits = len(fraction)
            # The common spelling, "12.34"; an exponent or surplus digits take the long way.
            if point and digits <= scale and fraction.isdigit() and len(whole) <= WIDEST:
                k = int(whole + fraction) * 10 ** (scale - digits)
            else:
                k, exact = _scaled(field, raw, scale)
                if not exact and not rounds:
                    raise _surplus_digits(field, raw)
        elif type(raw) is float:
            k, exact = _scaled(field, raw, scale)
            if not exact and not rounds:
                raise _surplus_digits(field, raw)
        else:
            raise _wrong_type(field, raw, "a number")
        if low <= k <= high:
            return k
        return checked(k, raw)

    return read


def _surplus_digits(field: Field, raw: object) -> Refused:
    return Refused(
        "scale",
        f"{shown(field, raw)} has more than {field.scale} digits after the point",
        f"round it to {field.scale} digits, or declare rounding='half_even'",
    )


def _scaled(field: Field, raw: object, scale: int) -> tuple[int, bool]:
    """raw·10^scale rounded half-even to an integer, and whether it was one already."""
    try:
        number = Decimal(raw if isinstance(raw, Number) else repr(raw))
    except InvalidOperation:
        raise Refused("range", f"{shown(field, raw)} cannot be read", allowed_range(field)) from None
    if not number.is_finite():
        raise Refused("type", f"{shown(field, raw)} is not a number", "send a finite number, or null")
    if not number:
        return 0, True
    if number.adjusted() > WIDEST:
        raise Refused("range", f"{shown(field, raw)} is too large", allowed_range(field))
    if number.adjusted() < -scale - WIDEST:  # far too small to expand exactly, and rounds to nothing
        return 0, False
    exact = Fraction(number) * 10**scale
    k = round(exact)
    return k, k == exact


def _read_real(field: Field) -> Scalar:
    low, high = real_bounds(field)

    def read(raw: object) -> Cell:
        if type(raw) is Number:
            value = float(raw) + 0.0
        elif type(raw) is int:
            try:
                value = float(raw)
            except OverflowError:
                value = math.inf
        elif type(raw) is float:
            value = raw + 0.0
            if value != value:
                raise _wrong_type(field, raw, "a finite number")
        else:
            raise _wrong_type(field, raw, "a number")
        if low <= value <= high and -math.inf < value < math.inf:
            return value
        if math.isinf(value):
            raise Refused("range", f"{shown(field, raw)} is too large", allowed_range(field))
        raise OutOfBounds(f"{shown(field, raw)} is out of range", allowed_range(field), value)

    return read


def _read_category(field: Field) -> Scalar:
    codes = {value: FIRST_CODE + i for i, value in enumerate(field.values)}

    def read(raw: object) -> Cell:
        if type(raw) is not str:
            raise _wrong_type(field, raw, "a text")
        code: Cell = codes.get(raw)
        if code is None:
            code = codes.get(normalize("NFC", raw))
            if code is None:
                raise UnknownValue("unknown_value", f"{shown(field, raw)} is not a known value", _known(field, raw))
        return code

    return read


def _known(field: Field, raw: str) -> str:
    from difflib import get_close_matches  # only a refused value pays for it

    close = get_close_matches(raw[:100], field.values, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    listed = ", ".join(field.values[:12])
    return f"send one of {listed}" + (", ..." if len(field.values) > 12 else "")


def _read_text(field: Field) -> Scalar:
    longest = field.max_length

    def read(raw: object) -> Cell:
        if type(raw) is not str:
            raise _wrong_type(field, raw, "a text")
        if raw.isascii():
            size, text = len(raw), raw
        else:
            text = normalize("NFC", raw)
            try:
                size = len(text.encode("utf-8"))
            except UnicodeEncodeError:
                raise Refused("text", "holds a lone surrogate", "send whole characters") from None
        if size > longest:
            raise Refused("length", f"is {size} bytes long, over {longest}", f"send at most {longest} bytes of UTF-8")
        return text

    return read


_TIMESTAMP = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]+))?)?"
    r"(?:([Zz])|([+-])([0-9]{2}):?([0-9]{2}))?"
)
_UNIX_DAY = date(1970, 1, 1).toordinal()
EARLIEST = (1 - _UNIX_DAY) * 86_400 * SECOND
LATEST = (date.max.toordinal() + 1 - _UNIX_DAY) * 86_400 * SECOND
"""Instants are kept from the year 1 until the end of the year 9999."""

_HOW = "send ISO 8601 with an offset, such as 2026-01-31T08:30:00Z"


def _read_timestamp(field: Field) -> Scalar:
    calendar, fold = field.calendar, field.fold
    if field.zone is not None and calendar is None:
        raise ValueError(f"the zone {field.zone} of {field.name} is not frozen into the contract")

    def read(raw: object) -> Cell:
        if type(raw) is not str:
            raise _wrong_type(field, raw, "a timestamp text")
        parts = _TIMESTAMP.fullmatch(raw)
        if parts is None:
            raise Refused("timestamp", f"{shown(field, raw)} is not a timestamp", _HOW)
        day, hour, minute, second, fraction, zulu, sign, east_hours, east_minutes = parts.groups()
        h, m, s = int(hour), int(minute), int(second or 0)
        try:
            ordinal = date.fromisoformat(day).toordinal()
        except ValueError:
            raise Refused("timestamp", f"{shown(field, raw)} names no day of the calendar", _HOW) from None
        if h > 23 or m > 59 or s > 59:
            raise Refused("timestamp", f"{shown(field, raw)} names no time of day", _HOW)
        local = ((ordinal - _UNIX_DAY) * 86_400 + h * 3_600 + m * 60 + s) * SECOND
        if fraction:
            if len(fraction) > 6 and fraction[6:].strip("0"):
                raise Refused("timestamp", f"{shown(field, raw)} is finer than a microsecond", "round it")
            local += int(fraction[:6].ljust(6, "0"))
        if zulu:
            return local
        if sign:
            east = int(east_hours) * 60 + int(east_minutes)
            if east >= 1_440 or int(east_minutes) > 59:
                raise Refused("timestamp", f"{shown(field, raw)} has no such offset", _HOW)
            instant = local - (east if sign == "+" else -east) * 60 * SECOND
            if not EARLIEST <= instant < LATEST:
                raise Refused("timestamp", f"{shown(field, raw)} is outside the years 1 to 9999", _HOW)
            return instant
        if calendar is None:
            raise Refused("timestamp", f"{shown(field, raw)} has no offset from UTC", _HOW)
        try:
            return to_utc(calendar, local, fold)
        except NoSuchTime as error:
            raise Refused("ambiguous_time", f"{shown(field, raw)} {error}", "send it with an offset") from None

    return read


def timestamp_text(instant: int) -> str:
    """An instant (µs UTC) as ISO 8601 with Z, microseconds only where there are any."""
    days, rest = divmod(instant, 86_400 * SECOND)
    day = date.fromordinal(days + _UNIX_DAY).isoformat()
    seconds, micros = divmod(rest, SECOND)
    clock = f"{seconds // 3_600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{day}T{clock}.{micros:06}Z" if micros else f"{day}T{clock}Z"


_BUILDERS: dict[str, Callable[[Field], Scalar]] = {
    "boolean": _read_boolean,
    "integer": _read_integer,
    "decimal": _read_decimal,
    "real": _read_real,
    "category": _read_category,
    "text": _read_text,
    "timestamp": _read_timestamp,
}

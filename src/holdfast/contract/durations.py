"""Lengths of time, in exact microseconds."""

from __future__ import annotations

from dataclasses import dataclass

from holdfast.contract.faults import Fault, fault
from holdfast.contract.model import DAY, SECOND


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time in microseconds; adds and multiplies (``days(1) + hours(12)``, ``2 * days(7)``)."""

    microseconds: int
    faults: tuple[Fault, ...] = ()

    def __add__(self, other: Duration) -> Duration:
        return Duration(self.microseconds + other.microseconds, self.faults + other.faults)

    def __mul__(self, times: int) -> Duration:
        return Duration(self.microseconds * times, self.faults)

    __rmul__ = __mul__


def seconds(n: int) -> Duration:
    """`n` seconds."""
    return _length(n, SECOND, "seconds")


def minutes(n: int) -> Duration:
    """`n` × 60 seconds."""
    return _length(n, 60 * SECOND, "minutes")


def hours(n: int) -> Duration:
    """`n` × 3,600 seconds."""
    return _length(n, 3_600 * SECOND, "hours")


def days(n: int) -> Duration:
    """`n` × 86,400 seconds, whatever the calendar does."""
    return _length(n, DAY, "days")


def _length(n: object, unit: int, word: str) -> Duration:
    if isinstance(n, int) and not isinstance(n, bool) and 0 <= n <= 36_525 * DAY // unit:
        return Duration(n * unit)
    mend = f"write a whole number from 0, such as {word}(7), and a smaller unit for a part of one"
    return Duration(unit, (fault("value", f"{word}({n!r}) is not a length of time", mend),))


def length_of(value: object, word: str, *, at_least: int = 0) -> tuple[int, tuple[Fault, ...]]:
    """Microseconds of a parameter called `word`, with what is wrong with it."""
    if not isinstance(value, Duration):
        what = f"{word}= is missing" if value is None else f"{word}={value!r} is not a length of time"
        code = "missing" if value is None else "value"
        return DAY, (fault(code, what, f"say {word}=days(7), hours(1), minutes(5) or seconds(30)"),)
    if value.microseconds < at_least and not value.faults:
        return DAY, (fault("value", f"{word}= is an empty length of time", f"say {word}=days(7) or any other length"),)
    return value.microseconds, value.faults

"""Date parts of an instant in a frozen time zone, for one instant and for arrays: the same integers.

Instants are microseconds since 1970 UTC, local instants the same shifted by the zone's offset. Days to year, month and
day: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", in integers that floor.
"""

from __future__ import annotations

from bisect import bisect_right

import numpy as np
from numpy.typing import NDArray

from holdfast.contract.model import DAY, SECOND, Zone

Ints = NDArray[np.int64]
HOUR = 3600 * SECOND
MINUTE = 60 * SECOND
PARTS = ("hour", "minute", "weekday", "day", "month", "year", "day_of_year")


def local_one(t: int, zone: Zone) -> int:
    """The local instant of `t`."""
    return t + zone.offsets[bisect_right(zone.transitions, t)] * SECOND


def local_all(t: Ints, zone: Zone) -> Ints:
    """The local instants of `t`."""
    offsets = np.array(zone.offsets, dtype=np.int64) * SECOND
    return t + offsets[np.searchsorted(np.array(zone.transitions, dtype=np.int64), t, side="right")]


def part_one(name: str, local: int) -> int:
    """One date part of a local instant. weekday: Monday is 0. day_of_year: 1 January is 1."""
    if name == "hour":
        return local // HOUR % 24
    if name == "minute":
        return local // MINUTE % 60
    days = local // DAY
    if name == "weekday":
        return (days + 3) % 7
    year, month, day = _civil_one(days)
    if name == "day_of_year":
        return days - _first_day_one(year) + 1
    return {"year": year, "month": month, "day": day}[name]


def part_all(name: str, local: Ints) -> Ints:
    """One date part of each local instant."""
    if name == "hour":
        return local // HOUR % 24
    if name == "minute":
        return local // MINUTE % 60
    days = local // DAY
    if name == "weekday":
        return (days + 3) % 7
    year, month, day = _civil_all(days)
    if name == "day_of_year":
        return days - _first_day_all(year) + 1
    return {"year": year, "month": month, "day": day}[name]


def _civil_one(days: int) -> tuple[int, int, int]:
    era, doe = divmod(days + 719_468, 146_097)
    yoe = (doe - doe // 1_460 + doe // 36_524 - doe // 146_096) // 365
    doy = doe - (365 * yoe + yoe // 4 - yoe // 100)
    shifted = (5 * doy + 2) // 153  # months since March
    day = doy - (153 * shifted + 2) // 5 + 1
    month = shifted + 3 if shifted < 10 else shifted - 9
    return yoe + era * 400 + (1 if month <= 2 else 0), month, day


def _civil_all(days: Ints) -> tuple[Ints, Ints, Ints]:
    era, doe = np.divmod(days + 719_468, 146_097)
    yoe = (doe - doe // 1_460 + doe // 36_524 - doe // 146_096) // 365
    doy = doe - (365 * yoe + yoe // 4 - yoe // 100)
    shifted = (5 * doy + 2) // 153
    day = doy - (153 * shifted + 2) // 5 + 1
    month = np.where(shifted < 10, shifted + 3, shifted - 9)
    return yoe + era * 400 + (month <= 2), month, day


def _first_day_one(year: int) -> int:
    """Days since 1970 of 1 January."""
    before = year - 1
    return 365 * before + before // 4 - before // 100 + before // 400 - 719_162


def _first_day_all(year: Ints) -> Ints:
    before = year - 1
    return 365 * before + before // 4 - before // 100 + before // 400 - 719_162

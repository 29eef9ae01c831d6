"""Time zones, frozen: the offsets a zone had when the contract was written, whatever its government does later."""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from holdfast.contract.model import SECOND, Zone

FIRST_YEAR, LAST_YEAR = 1970, 2100
"""Transitions are frozen for these years; the first and last offsets hold before and after."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class NoSuchTime(ValueError):  # noqa: N818 - named for the verdict, like Refused
    """A local time that the zone skips or has twice."""


def offset_at(zone: Zone, instant: int) -> int:
    """Seconds east of UTC at an instant (µs UTC)."""
    return zone.offsets[bisect_right(zone.transitions, instant)]


def to_utc(zone: Zone, local: int, fold: int | None) -> int:
    """The instant (µs UTC) of a local time (µs as if it were UTC).

    A time that comes twice takes its first (fold 0) or second (fold 1) meaning; a skipped one the offset before
    (fold 0) or after (fold 1) the gap. Without a fold both raise NoSuchTime.
    """
    near = bisect_right(zone.transitions, local)
    spans = range(max(near - 2, 0), min(near + 2, len(zone.transitions)) + 1)
    instants = [local - zone.offsets[i] * SECOND for i in spans]
    found = [t for i, t in zip(spans, instants, strict=True) if bisect_right(zone.transitions, t) == i]
    if len(found) == 1:
        return found[0]
    if fold is None:
        raise NoSuchTime(f"comes twice in {zone.name}" if found else f"does not exist in {zone.name}")
    if found:
        return found[fold]
    gap = next(
        i
        for i in range(len(zone.transitions))
        if local - zone.offsets[i] * SECOND >= zone.transitions[i] > local - zone.offsets[i + 1] * SECOND
    )
    return local - zone.offsets[gap + fold] * SECOND


@lru_cache(maxsize=64)
def freeze_zone(name: str) -> Zone:
    """The transitions of an IANA zone from this machine's time zone data. An unknown name raises KeyError."""
    try:
        zone = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise KeyError(name) from None
    start = int((datetime(FIRST_YEAR, 1, 1, tzinfo=UTC) - _EPOCH).total_seconds())
    stop = int((datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC) - _EPOCH).total_seconds())
    offsets = [_offset(zone, start)]
    transitions: list[int] = []
    # No zone changes twice within a day, so a day's step sees every change; bisection then finds its second.
    for before in range(start, stop, 86_400):
        after = before + 86_400
        if _offset(zone, after) == offsets[-1]:
            continue
        low, high = before, after
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if _offset(zone, middle) == offsets[-1] else (low, middle)
        transitions.append(high * SECOND)
        offsets.append(_offset(zone, high))
    return Zone(name, tuple(transitions), tuple(offsets))


def zone_names() -> set[str]:
    """Every zone this machine knows, for suggestions."""
    return available_timezones()


def _offset(zone: ZoneInfo, second: int) -> int:
    offset = (_EPOCH + timedelta(seconds=second)).astimezone(zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())

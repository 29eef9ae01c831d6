"""How many decisions are usual: by hour of the week, from the weeks before, at the level of the last seven days.

Growth moves the level along; a project without two weeks behind it takes the hours' form from training.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from holdfast.monitoring.distance import MEAN_TO_MIDDLE, Floats
from holdfast.monitoring.expected import DAY, HOUR, season
from holdfast.monitoring.seen import Seen
from holdfast.monitoring.stretches import MINUTE

WEEK = 168
WEEKS = 4
UNKNOWN_SWING = 0.15
"""Standard deviation of a day's volume about what was expected, as a share, where the past does not tell yet."""
LEAST_SWING = 0.03


@dataclass(frozen=True)
class Usual:
    expected: float
    swing: float
    """Standard deviation of what is expected, as a share of it: by how much past stretches like it lay apart beyond
    chance, and how few decisions the expectation is made of."""


def usual_volume(seen: Seen, start: int, end: int) -> Usual | None:
    """Of a stretch of whole hours; None with less than a day before it."""
    hours, first = _past(seen, end)
    length, at = (end - start) // HOUR, (start - first) // HOUR
    known = (max(first, seen.first()) - first) // HOUR
    if at - known < 24 or length < 1:
        return None
    found = _expected(seen, hours, first, known, at, length)
    if found is None:
        return None
    expected, behind = found
    ratios = []
    own = -(-length // 24)  # what is judged must not say how far it may lie off
    for back in range(own, own + 14):
        then = at - back * 24
        told = _expected(seen, hours, first, known, then, length) if then - known >= WEEK else None
        if told is not None and told[0] >= 1:
            ratios.append((hours[then : then + length].sum() / told[0], 1 / told[0] + 1 / told[1]))
    if len(ratios) < 5:
        return Usual(expected, (UNKNOWN_SWING**2 + 1 / behind) ** 0.5)
    apart = [(ratio - 1) ** 2 for ratio, _ in ratios]
    # By the middle one where that is less: the first days of a change shall not excuse those after them.
    spread = min(float(np.mean(apart)), MEAN_TO_MIDDLE * float(np.median(apart)))
    spread -= float(np.mean([chance for _, chance in ratios]))
    few = 1 + 5 / len(ratios)  # what few days say of their spread is itself uncertain
    return Usual(expected, (few**2 * max(LEAST_SWING**2, spread) + 1 / behind) ** 0.5)


def _expected(seen: Seen, hours: Floats, first: int, known: int, at: int, length: int) -> tuple[float, float] | None:
    """(decisions, of how many past ones this is made) of hours [at, at + length), from those before `at`."""
    weeks = min(WEEKS, (at - known) // WEEK)
    if weeks >= 2:
        level = float(hours[at - WEEK : at].sum())
        share, behind = 0.0, 0.0
        for week in range(1, weeks + 1):
            then = hours[at - week * WEEK : at - (week - 1) * WEEK]
            if then.sum() > 0:
                own = float(np.resize(then, length).sum())
                share, behind = share + own / float(then.sum()) / weeks, behind + own
        return share * level, max(1.0, min(behind, level))
    form = seen.expected.traffic
    if form is None:
        span = min(at - known, WEEK)
        past = float(hours[at - span : at].sum())
        return (past / span * length, max(1.0, past)) if span >= WEEK else None
    past = sum(float(form[season(first + hour * HOUR)]) for hour in range(max(known, at - WEEK), at))
    coming = sum(float(form[season(first + hour * HOUR)]) for hour in range(at, at + length))
    level = float(hours[max(known, at - WEEK) : at].sum())
    return (level * coming / past, max(1.0, level)) if past > 0 else None


def _past(seen: Seen, end: int) -> tuple[Floats, int]:
    """(decisions by hour, where they begin) of the weeks before `end`."""
    key = f"volumes {end}"
    if key not in seen.memo:
        first = end - end % HOUR - ((WEEKS + 3) * WEEK) * HOUR
        volumes = seen.volumes(first, end)
        hours = np.zeros((WEEKS + 3) * WEEK + 1)
        for time, n in volumes:
            if 0 <= (time - first) // HOUR < len(hours):
                hours[(time - first) // HOUR] += n
        seen.memo[key] = (hours, first)
    told: tuple[Floats, int] = seen.memo[key]
    return told


def hours_of_day(seen: Seen, end: int) -> tuple[Floats, float, float] | None:
    """(shares of the 24 hours on days like the one from `end` on, their natural variation, decisions behind them)."""
    weekend = (end // DAY + 3) % 7 >= 5
    mixed = ((end + DAY - 1) // DAY + 3) % 7 >= 5
    aligned = end - end % HOUR
    hours, first = _past(seen, aligned)
    known = max(first, seen.first())
    days: list[Floats] = []
    for back in range(1, 29):
        begin = aligned - back * DAY
        same = ((begin // DAY + 3) % 7 >= 5, ((begin + DAY - 1) // DAY + 3) % 7 >= 5) == (weekend, mixed)
        if begin >= known + HOUR and same and begin % MINUTE == 0:
            at = (begin - first) // HOUR
            days.append(np.roll(hours[at : at + 24], (begin // HOUR) % 24))
    full = [day for day in days if day.sum() >= 50]
    if len(full) >= 3:
        total = np.sum(full, axis=0)
        shape = (total + 0.5) / (total + 0.5).sum()
        from holdfast.monitoring.fits import apart

        return shape, float(max(apart(shape, day) for day in full)), float(total.sum())
    form = seen.expected.traffic
    if form is None or weekend != mixed:
        return None
    shape = np.asarray(form[24:] if weekend else form[:24]) + 1e-6
    return shape / shape.sum(), 0.1, float(max(100, seen.expected.rows))


__all__ = ["Usual", "hours_of_day", "usual_volume"]

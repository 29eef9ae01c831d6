"""WATCH205: did a clock move: does traffic, or what depends on the hour, look like that of another hour?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from holdfast.monitoring.distance import Floats
from holdfast.monitoring.expected import DAY
from holdfast.monitoring.finding import Finding
from holdfast.monitoring.fits import apart, turned
from holdfast.monitoring.limits import Limits
from holdfast.monitoring.seen import Seen
from holdfast.monitoring.stretches import stretches, suspected
from holdfast.monitoring.usual_volume import hours_of_day
from holdfast.monitoring.watch import Watch

CODE = "WATCH205"
FEWEST = 100
"""Decisions in a day, for its hours to say something."""


def look(seen: Seen, limits: Limits) -> Iterator[Finding]:
    told: set[str] = set()
    for stretch, feature in suspected(seen, limits):
        name = seen.expected.names[feature]
        found = None if name in told else turned(stretch, feature)
        if found is None:
            continue
        told.add(name)
        by, left = found
        why = f"{name} looks like that of {abs(by)} h {'later' if by > 0 else 'earlier'} over {stretch.told()}"
        mend = f"see whether the time zone or the clock of who sends {name} changed"
        yield Finding(
            CODE, "alert", "time_zone", why, mend, name, "high",
            {"hours": by, "psi": round(float(stretch.psi[feature]), 4), "psi_so": round(left, 4)},
            stretch.start, stretch.n,
        )  # fmt: skip
    yield from _traffic(seen, limits)


def _traffic(seen: Seen, limits: Limits) -> Iterator[Finding]:
    """A whole day's traffic by the hour, against that of the same kind of days."""
    day = next((item for item in stretches(seen, limits) if item.name == "day"), None)
    usual = None if day is None else hours_of_day(seen, day.start)
    if day is None or usual is None or day.n < FEWEST or seen.now - seen.first() < DAY:
        return
    shape, swing, support = usual
    seasons = day.counts.seasons.astype(np.float64)
    found = seasons[:24] + seasons[24:]
    now = apart(shape, found)
    chance = swing + 60.0 * (1 / day.n + 1 / support)
    if now - chance <= limits.drift_psi:
        return
    tried = [(apart(_roll(shape, by), found), abs(by), by) for by in range(-12, 13) if by]
    after, _, by = min(tried)
    evidence = {"psi": round(now, 4), "usual": round(swing, 4), "hours": by, "psi_so": round(after, 4)}
    if after < 0.25 * now and after < max(0.1, swing):
        where = "later" if by > 0 else "earlier"
        why = f"the last day's traffic lies {abs(by)} h {where} than usual, as if the clock had moved"
        mend = "see whether the time zone of the events' times changed upstream"
        yield Finding(CODE, "alert", "time_zone", why, mend, "", "high", evidence, day.start, day.n)
        return
    share = found / found.sum()
    night, before = float(share[:6].sum()), float(shape[:6].sum())
    hour = int(np.argmax((share - shape) * np.log(np.maximum(share, 1e-4) / np.maximum(shape, 1e-4))))
    cause = "night_shift" if night > before + 0.05 else "hours"
    why = (
        f"the last day's traffic lies otherwise over the hours than usual (PSI {now:.2f}): {share[hour]:.0%} at "
        f"{hour} h UTC, usually {shape[hour]:.0%}"
        + (f"; {night:.0%} at night, usually {before:.0%}" if cause == "night_shift" else "")
    )
    mend = "find who asks at these hours, and whether they are customers: an attack, a batch job or a new market"
    yield Finding(CODE, "alert", cause, why, mend, "", "high", evidence, day.start, day.n)


def _roll(shape: Floats, by: int) -> Floats:
    return np.roll(shape, by)


WATCH = Watch(CODE, "inputs", "Clocks are right, and traffic comes at its hours", look)

"""What a watch of outcomes looks at: the stretch whose truth is settled, what came before it, and what still waits.

A week is compared, or four where a week has too few positives: so every weekday is in it as often as every other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from holdfast.intervals import Interval
from holdfast.monitoring.judged import Judged, Mask
from holdfast.monitoring.measured import error_of

if TYPE_CHECKING:
    from holdfast.contract.model import Label
    from holdfast.monitoring.limits import Limits
    from holdfast.monitoring.seen import Seen

DAY = 86_400_000_000
WEEK = 7 * DAY
LEAST = 20
"""Positives, and negatives, that a stretch must have to be judged."""
BACK = 12
"""Weeks of settled decisions that are looked back on."""
SHARE = 0.2
"""Of the false alarms that a model may raise, what its outcomes may: they are one pillar of five."""
SUPPOSED, WEIGHT = 3.0, 5.0
"""How many of a positive's kind come together before days tell, and how much of what they tell that weighs: as five
hits and misses by chance."""
QUESTIONS = 12
"""Questions asked of outcomes at each look, segments and groups apart."""


@dataclass(frozen=True)
class Matured:
    """`end` is where settled decisions end (µs UTC)."""

    now: int
    end: int
    label: Label
    whole: Judged
    """Settled, of up to twelve weeks."""
    waiting: Judged
    """Everything from `end` to now, whatever is known of it."""
    everything: Judged

    @cached_property
    def recent(self) -> Judged:
        """The last week, or four, or all there is, until both classes are enough."""
        for weeks in (1, 4, BACK):
            found = self.whole.between(self.end - weeks * WEEK, self.end)
            if enough(found):
                break
        return found

    @cached_property
    def stretches(self) -> tuple[Judged, ...]:
        """What is judged: `recent`, for what is sudden, and where that is a week four of them, for what is slow."""
        month = self.whole.between(self.end - 4 * WEEK, self.end)
        return (self.recent, month) if len(month) > len(self.recent) else (self.recent,)

    @cached_property
    def start(self) -> int:
        """Where `recent` begins."""
        return int(self.recent.times[0]) if len(self.recent) else self.end

    @cached_property
    def before(self) -> Judged:
        return self.whole.between(0, self.start)

    def weeks(self) -> Iterator[Judged]:
        """Settled weeks, the latest first, as long as there are any."""
        for at in range(BACK):
            found = self.whole.between(self.end - (at + 1) * WEEK, self.end - at * WEEK)
            if len(found):
                yield found


def matured(seen: Seen) -> Matured | None:
    """What this look sees; None where outcomes are not to be had. Computed once for all watches."""
    if "matured" not in seen.memo:
        label = seen.bundle.contract.target
        end = seen.now - label.settled_after
        found: Any = seen.outcomes(end - BACK * WEEK, seen.now)
        if isinstance(found, Judged):
            settled = found.between(0, end).settled
            seen.memo["matured"] = Matured(seen.now, end, label, settled, found.between(end, seen.now + 1), found)
        else:
            seen.memo["matured"] = None
    kept: Matured | None = seen.memo["matured"]
    return kept


def enough(rows: Judged, least: int = LEAST) -> bool:
    positives = int((rows.truth == 1).sum())
    return min(positives, int((rows.truth == 0).sum())) >= least


def natural_week(profile: Mapping[str, Any]) -> float:
    """How far weeks of training lay from each other in their share of positives, beyond chance, as an index; 0 where
    the bundle has not kept it."""
    return max(0.0, float(profile.get("weekly", {}).get("target", {}).get("mean", 0.0)))


def clustering(rows: Judged, inside: Mask) -> float:
    """How many times wider the share of hits among `inside` is than chance alone would have it, at least 1: a stolen
    card pays five times, and five payments of one thief are hardly more news than one.

    Told by how far days lie from their own week, so that a slow fall is none of it; supposed where few days tell.
    """
    if not inside.any():
        return 1.0
    day = (rows.times[-1] - rows.times[inside]) // DAY
    hits = (rows.truth == 1) & rows.decided
    n, k = np.bincount(day).astype(np.float64), np.bincount(day, hits[inside]).astype(np.float64)
    week = np.arange(len(n)) // 7
    of = np.bincount(week, n)[week]
    rate = np.bincount(week, k)[week] / np.maximum(of, 1.0)
    chance = float((n * rate * (1 - rate) * (1 - n / np.maximum(of, 1.0))).sum())
    apart = float(((k - rate * n) ** 2).sum())
    return float(np.sqrt(max(1.0, (apart + SUPPOSED * WEIGHT) / (chance + WEIGHT))))


def level_of(limits: Limits, among: int = 1) -> float:
    """The level of an interval beyond which something is told: of one look a day for a quarter, `among` in number, only
    the pillar's share of the false alarms allowed is due to chance."""
    return 1 - 2 * limits.false_alarms_a_quarter * SHARE / (90 * QUESTIONS * among)


def reference(seen: Seen, name: str) -> tuple[Interval, float] | None:
    """What a figure was on training's test rows, and its standard error with the natural variation over the folds."""
    training = seen.bundle.manifest.training
    told = training.get("metrics", {}).get("test", {}).get(name)
    if told is None:
        return None
    value = float(told["value"])
    low, high = (value if told[side] is None else float(told[side]) for side in ("low", "high"))
    figure = Interval(value, low, high)
    over = training.get("validation", {}).get("summary", {}).get(name, {})
    natural = float(over.get("sd") or 0.0)
    return figure, float(np.hypot(error_of(figure), natural))


def fall(
    seen: Seen, name: str, live: Interval, live_error: float, wide: float, usual: float | None = None
) -> Interval | None:
    """How far a figure fell below the reference, or below `usual` with its doubt, `wide` standard errors each way."""
    before = reference(seen, name)
    if before is None:
        return None
    value = (before[0].value if usual is None else usual) - live.value
    far = wide * float(np.hypot(before[1], live_error))
    return Interval(value, value - far, value + far)

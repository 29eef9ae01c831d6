"""Estimates before labels mature, as of any week, held against what turned out: how far they can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from holdfast.intervals import Interval, deviations
from holdfast.monitoring.estimated import Block, Reading, estimate, learn
from holdfast.monitoring.judged import Judged, truth_at
from holdfast.monitoring.matured import DAY, WEEK, Matured, enough
from holdfast.monitoring.measured import performance

if TYPE_CHECKING:
    from holdfast.contract.model import Label

MEASURES = ("roc_auc", "precision", "recall")
LEARNED = 8
"""Weeks of settled decisions that probabilities are read by."""
RECONCILED = 4
"""Weeks whose estimate is held against what turned out."""
MOST_ROWS = 20_000
"""Rows of one week that are learned from: of more, a sample that stays."""
LEVEL = 0.95
CALIBRATED = 0.5
"""How far the slope of told against true logits may lie from 1 before probabilities say too little."""


@dataclass(frozen=True)
class Foretold:
    """What was estimated of [start, end) by what had settled before, and what turned out, where it has."""

    start: int
    end: int
    rows: int
    reading: Reading
    estimated: dict[str, Interval]
    realised: dict[str, Interval] | None = None

    @property
    def missed(self) -> tuple[str, ...]:
        """Measures whose realised value lies outside."""
        if self.realised is None:
            return ()
        return tuple(
            name
            for name in MEASURES
            if not self.estimated[name].low <= self.realised[name].value <= self.estimated[name].high
        )


def foretell(rows: Judged, label: Label, start: int, end: int) -> Foretold | None:
    """Of the decisions in [start, end), by what was settled at `start` alone; None where nothing was asked then."""
    window = rows.between(start, end)
    if not len(window):
        return None
    reading = learn(_blocks(rows, label, start, end - start))
    estimated = estimate(window.probability, window.decided, reading, level=LEVEL, seed=start // DAY % 2**31)
    settled = window.settled
    # Half a week with its labels is another window than the whole.
    known = len(settled) >= 0.98 * len(window) and enough(settled, 5)
    return Foretold(start, end, len(window), reading, estimated, performance(settled) if known else None)


def reconciled(view: Matured) -> list[Foretold]:
    """The last weeks that are settled, the earliest first, each estimated as it would have been at its beginning."""
    found = []
    for at in range(RECONCILED, 0, -1):
        start = view.end - at * WEEK
        if len(view.whole) and view.whole.times[0] <= start - view.label.settled_after - WEEK:
            made = foretell(view.everything, view.label, start, start + WEEK)
            if made is not None and made.realised is not None:
                found.append(made)
    return found


def distrusted(reading: Reading, past: Sequence[Foretold], prior_moved: bool) -> list[str]:
    """Why an estimate cannot be trusted; empty where nothing speaks against it."""
    told = []
    if reading.positives < 20:
        told.append("nothing has matured yet that its probabilities could be read by")
    missed = [item for item in past if item.missed]
    if len(missed) * 2 > len(past) and len(past) > 1:
        told.append(f"{len(missed)} of the last {len(past)} settled weeks lay outside their estimate: concept drift")
    elif past and len(past[-1].missed) > 1:
        told.append(f"{' and '.join(past[-1].missed)} of the last settled week lay outside their estimate")
    if prior_moved:
        told.append("the share of positives moved in the part that has matured")
    if abs(reading.slope - 1) > CALIBRATED + deviations(LEVEL) * reading.slope_error:
        told.append(f"its probabilities are not calibrated (slope {reading.slope:.2f})")
    return told


def _blocks(rows: Judged, label: Label, now: int, length: int) -> list[Block]:
    """What was settled at `now`, in stretches as long as the one to be estimated, where there are enough of them."""
    end = now - label.settled_after
    past = rows.between(end - LEARNED * WEEK, end)
    truth = truth_at(now, label, past.times, past.truth, past.arrived)
    found = []
    stretch = length if len(past) and end - past.times[0] >= 4 * length else DAY
    for at in range(int((LEARNED * WEEK) // stretch), 0, -1):
        low, high = np.searchsorted(past.times, [end - at * stretch, end - (at - 1) * stretch]).tolist()
        inside = np.flatnonzero(truth[low:high] >= 0) + low
        if len(inside) > MOST_ROWS:
            inside = np.sort(np.random.default_rng(len(inside)).choice(inside, MOST_ROWS, replace=False))
        if len(inside):
            found.append(Block(past.probability[inside], truth[inside] == 1))
    return found

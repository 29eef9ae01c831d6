"""WATCH408: do labels come as the contract says, and as they used to? Fewer, later, or none at all.

Like is compared with like: of decisions as old as these, how many had an outcome by then, in the weeks before.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from holdfast.intervals import deviations
from holdfast.monitoring.finding import Finding
from holdfast.monitoring.judged import Judged, Mask
from holdfast.monitoring.limits import Limits
from holdfast.monitoring.matured import DAY, WEEK, Matured, level_of, matured, natural_week
from holdfast.monitoring.seen import Seen
from holdfast.monitoring.watch import Watch

CODE = "WATCH408"
CONTRACT = "say in the contract when labels come (known_after): by it training and estimates know what is settled"
TWICE = 2.0
"""How many times `known_after`, and a day at least, half of the outcomes may take."""
WEEKS = 8
FEWEST = 20
"""Outcomes in the weeks before, a week, from which on fewer of them say something."""
MEND = "ask who sends outcomes: until they come, performance is not known and retraining would learn from silence"


def look(seen: Seen, limits: Limits) -> Iterator[Finding]:
    view = matured(seen)
    if view is None:
        yield Finding(CODE, "not_applicable", "none", "outcomes are not to be had here")
        return
    wait = view.label.known_after
    now = _week(view, view.now - wait, view.now)
    weeks = [_week(view, view.now - wait - at * WEEK, view.now - at * WEEK) for at in range(1, WEEKS + 1)]
    weeks = [item for item in weeks if item[1]]
    decisions, came = now[1], now[0]
    before, of = sum(item[0] for item in weeks), sum(item[1] for item in weeks)
    name = view.label.name
    against = _against_contract(view)
    if against is not None:
        yield Finding(CODE, "alert", "labels_late", against, CONTRACT, name, "warning", since=view.end)
        return
    if not weeks or not decisions or before / len(weeks) < FEWEST:
        yield Finding(CODE, "too_few", "none", f"{before:,} outcomes came in the weeks before", "", name)
        return
    # The middle week: what is wrong for a while must not become what is usual, nor the doubt about it.
    usual = float(np.median([item[0] / item[1] for item in weeks]))
    expected = usual * decisions
    wide = deviations(level_of(limits))
    # Counts in clusters lie further apart than chance: as far as the weeks before did.
    spread = _spread(weeks, usual)
    error = spread * (expected * (1 + decisions / of)) ** 0.5
    if view.label.absent is not None:
        # Only one kind is told: weeks with few of them, as training had, are no weeks with few labels.
        few = float(np.hypot(error, decisions * (usual * natural_week(seen.bundle.profile)) ** 0.5))
    else:
        few = error
    told = f"{came:,} of {decisions:,} decisions of {_days(wait)} ago have an outcome, {usual:.2%} used to"
    evidence = {"came": came, "decisions": decisions, "usual_share": usual, "expected": expected}
    since = view.now - wait - WEEK
    # First, since what comes later is missing meanwhile.
    late = _late(view, wide)
    if late is not None and late[0] > late[1] * (1 + limits.labels_late) + DAY / 24:
        why = f"half of the outcomes that came last took {_days(late[0])}, {_days(late[1])} used to be the middle"
        evidence |= {"median_days": late[0] / DAY, "usual_days": late[1] / DAY}
        yield Finding(CODE, "alert", "labels_late", why, MEND, name, "warning", evidence, since, decisions)
        return
    stopped = came < 0.02 * expected
    if came < expected * (1 - limits.labels_fall) and expected - came > wide * (error if stopped else few):
        why = f"{told}: {'they stopped' if stopped else f'{1 - came / expected:.0%} too few'}"
        yield Finding(CODE, "alert", "labels_stopped" if stopped else "labels_fewer", why, MEND, name, "high",
                      evidence, since, decisions)  # fmt: skip
        return
    if late is not None:
        evidence["median_days"] = late[0] / DAY
    yield Finding(CODE, "ok", "none", told, "", name, evidence=evidence, since=since, predictions=decisions)


def _against_contract(view: Matured) -> str | None:
    """That labels come much later than the contract says, whatever they used to do."""
    rows = view.everything
    came = (rows.arrived > 0) & (rows.times <= view.now - WEEKS // 2 * WEEK)
    if int(came.sum()) < FEWEST:
        return None
    middle = float(np.median(_waits(rows, came)))
    if middle <= TWICE * max(view.label.known_after, DAY):
        return None
    return f"half of the outcomes take {_days(middle)} and more, the contract says {_days(view.label.known_after)}"


def _week(view: Matured, end: int, at: int) -> tuple[int, int]:
    """(outcomes that had come by `at`, decisions) of the week before `end`."""
    rows = view.everything.between(end - WEEK, end)
    return int(((rows.arrived > 0) & (rows.arrived <= at)).sum()), len(rows)


def _spread(weeks: list[tuple[int, int]], usual: float) -> float:
    """How many times further apart weeks lie than chance puts them, by the middle one; at least 1."""
    if len(weeks) < 3:
        return 1.5
    apart = [(came - usual * of) ** 2 / max(usual * of, 1e-9) for came, of in weeks]
    return float(max(1.0, (np.median(apart) / 0.455) ** 0.5))


def _late(view: Matured, wide: float) -> tuple[float, float] | None:
    """(median wait of outcomes that came in the last week, median of those in the weeks before); None for few, or where
    chance may have made the difference."""
    rows = view.everything
    came = rows.arrived > 0
    last = came & (rows.arrived > view.now - WEEK)
    earlier = came & ~last & (rows.arrived > view.now - (WEEKS + 1) * WEEK)
    if int(last.sum()) < FEWEST or int(earlier.sum()) < FEWEST:
        return None
    here, there = _waits(rows, last), _waits(rows, earlier)
    middle = float(np.median(there))
    above, n = int((here > middle * 1.2).sum()), len(here)
    if above - n / 2 <= wide * (n / 4) ** 0.5:
        return middle, middle
    return float(np.median(here)), middle


def _waits(rows: Judged, inside: Mask) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    waits: np.ndarray[tuple[int], np.dtype[np.int64]] = (rows.arrived - rows.times)[inside]
    return waits


def _days(span: float) -> str:
    return f"{span / DAY:.1f} days"


WATCH = Watch(CODE, "outcomes", "Labels come as they should", look)

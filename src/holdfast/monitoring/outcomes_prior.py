"""WATCH405: are as many positive as used to be? A shift of the prior is raised as what it is.

It is told apart whether the inputs foretold it (the mean probability moved along: other cases come) or not (equal
cases turn out otherwise, or a label is recorded otherwise).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from holdfast.intervals import deviations, share
from holdfast.monitoring.finding import Finding
from holdfast.monitoring.judged import Judged
from holdfast.monitoring.limits import Limits
from holdfast.monitoring.matured import DAY, enough, level_of, matured, natural_week
from holdfast.monitoring.measured import error_of
from holdfast.monitoring.seen import Seen
from holdfast.monitoring.watch import Watch

CODE = "WATCH405"
FEWEST = 20
LEAST_A_DAY = 5
FOREKNOWN = 0.5
"""Share of the change, in logits, that the probabilities must have made along for the inputs to have foretold it."""


def look(seen: Seen, limits: Limits) -> Iterator[Finding]:
    view = matured(seen)
    usual = float(seen.bundle.profile.get("positive_share", 0.0))
    if view is None or not 0 < usual < 1:
        yield Finding(CODE, "not_applicable", "none", "outcomes are not to be had here")
        return
    rows = view.recent
    # As many of either kind as there were, or should have been: none where twenty are usual says something, too.
    positives = float((rows.truth == 1).sum())
    if max(positives, len(rows) * usual) < FEWEST or max(len(rows) - positives, len(rows) * (1 - usual)) < FEWEST:
        yield Finding(CODE, "too_few", "none", f"{len(rows):,} settled decisions", predictions=len(rows))
        return
    live = share(float((rows.truth == 1).sum()), len(rows))
    trained = float(seen.bundle.profile.get("rows", 0))
    # Positives come in clusters: days differ by more than chance, and that much more is no shift.
    cluster = _cluster(view.before) if enough(view.before) else _cluster(rows)
    weeks = max(1.0, float(np.ptp(rows.times)) / (7 * DAY))
    wander = usual * (1 - usual) * natural_week(seen.bundle.profile) / weeks**0.5
    chance = float(np.hypot(error_of(live), (usual * (1 - usual) / max(trained, 1.0)) ** 0.5)) * cluster
    error = float(np.hypot(chance, wander**0.5))
    told = f"{live.value:.2%} of {len(rows):,} settled decisions turned out positive, {usual:.2%} in training"
    change = live.value / usual - 1
    evidence = {"share": live.as_dict(), "usual": usual, "change": change, "clustering": cluster,
                "weeks_differ_by": wander**0.5}  # fmt: skip
    far = abs(live.value - usual) > deviations(level_of(limits)) * error
    if not far or abs(change) <= limits.prior_change:
        yield Finding(CODE, "ok", "none", told, evidence=evidence, since=view.start, predictions=len(rows))
        return
    foretold = _logit(float(rows.probability.mean())) - _logit(usual)
    moved = _logit(live.value) - _logit(usual)
    along = foretold / moved >= FOREKNOWN
    evidence |= {"mean_probability": float(rows.probability.mean()), "foretold": along}
    mend = (
        "other cases come than did: see the drift of inputs (WATCH201), and ask whether costs and threshold still fit"
        if along
        else "equal cases turn out otherwise, or labels are recorded otherwise: ask who records them, then retrain"
    )
    why = f"{told}; the probabilities {'moved along' if along else 'did not'}"
    yield Finding(CODE, "alert", "prior_shift", why, mend, view.label.name, "high" if not along else "warning",
                  evidence, view.start, len(rows))  # fmt: skip


def _cluster(rows: Judged) -> float:
    """How many times further apart days lie than chance puts them; at least 1."""
    if not len(rows):
        return 1.0
    day = (rows.times - rows.times[0]) // DAY
    n = np.bincount(day).astype(np.float64)
    k = np.bincount(day, rows.truth == 1)[n >= LEAST_A_DAY]
    n = n[n >= LEAST_A_DAY]
    if len(n) < 6:
        return 1.0
    # One day against the next: a level that moves is a shift, and must not pass for what days do anyway.
    mean = (k[1:] + k[:-1] + 0.5) / (n[1:] + n[:-1] + 1.0)
    apart = (k[1:] / n[1:] - k[:-1] / n[:-1]) ** 2 / (mean * (1 - mean) * (1 / n[1:] + 1 / n[:-1]))
    return float(np.sqrt(max(1.0, np.median(apart) / 0.455)))


def _logit(value: float) -> float:
    edge = min(max(value, 1e-6), 1 - 1e-6)
    return float(np.log(edge / (1 - edge)))


WATCH = Watch(CODE, "outcomes", "As many are positive as used to be", look)

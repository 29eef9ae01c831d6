"""WATCH407: does it still lean on the same features? Permutation on settled decisions, as training measured it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from holdfast.intervals import deviations, roc_auc
from holdfast.monitoring.finding import Finding
from holdfast.monitoring.judged import Floats, Judged, Mask
from holdfast.monitoring.limits import Limits
from holdfast.monitoring.matured import BACK, WEEK, enough, level_of, matured
from holdfast.monitoring.seen import Seen
from holdfast.monitoring.watch import Watch

CODE = "WATCH407"
MOST_ROWS = 1_500
"""Of each class: every feature is shuffled, and all are scored again."""
FOLDS = 8
"""Parts of the rows, from which the doubt about a share is told."""
LEAST = 100


def look(seen: Seen, limits: Limits) -> Iterator[Finding]:
    view = matured(seen)
    if view is None:
        yield Finding(CODE, "not_applicable", "none", "outcomes are not to be had here")
        return
    recent = view.whole.between(view.end - BACK // 3 * WEEK, view.end)
    before = view.whole.between(0, view.end - BACK // 3 * WEEK)
    if not enough(recent, LEAST) or not enough(before, LEAST):
        why = f"less than {LEAST} settled decisions of each class in the last four weeks, or in those before"
        yield Finding(CODE, "too_few", "none", why, predictions=len(recent))
        return
    now, doubt_now = shares(seen, recent)
    then, doubt_then = shares(seen, before)
    wide = deviations(level_of(limits, len(now)))
    change = now - then
    sure = np.abs(change) > wide * np.hypot(doubt_now, doubt_then)
    bad = np.flatnonzero(sure & (np.abs(change) > limits.importance_change))
    names = seen.bundle.features
    for at in bad.tolist():
        why = f"{names[at]} made {then[at]:.0%} of what the model knows, and makes {now[at]:.0%} now"
        mend = "see whether it is filled as it was (WATCH101, WATCH201); a feature that lost its meaning is retrained"
        evidence = {"share": float(now[at]), "before": float(then[at])}
        yield Finding(CODE, "alert", "importance", why, mend, names[at], "warning", evidence,
                      view.end - BACK // 3 * WEEK, len(recent))  # fmt: skip
    if not len(bad):
        at = int(np.argmax(now))
        why = f"most of what it knows comes from {names[at]} ({now[at]:.0%}, before {then[at]:.0%})"
        yield Finding(CODE, "ok", "none", why, evidence={"shares": dict(zip(names, now.tolist(), strict=True))})


def shares(seen: Seen, rows: Judged) -> tuple[Floats, Floats]:
    """Each feature's share of what ROC-AUC loses when it is shuffled, and the doubt about it."""
    generator = np.random.default_rng(0)
    chosen = np.concatenate([
        generator.permutation(np.flatnonzero(rows.truth == value))[:MOST_ROWS] for value in (1, 0)
    ])  # fmt: skip
    chosen = generator.permutation(chosen)
    X, truth = rows.X[chosen], rows.truth[chosen] == 1
    told = seen.bundle.predict_matrix(np.ascontiguousarray(X))[1]
    shuffled = []
    for at in range(X.shape[1]):
        changed = X.copy()
        changed[:, at] = X[generator.permutation(len(X)), at]
        shuffled.append(seen.bundle.predict_matrix(changed)[1])
    part = np.arange(len(X)) % FOLDS
    found = np.array([_lost(truth, told, shuffled, part != fold) for fold in range(FOLDS)])
    # Jackknife: each leaves one part out.
    doubt = np.sqrt((FOLDS - 1) / FOLDS * ((found - found.mean(axis=0)) ** 2).sum(axis=0))
    return _lost(truth, told, shuffled, np.ones(len(X), np.bool_)), doubt


def _lost(truth: Mask, told: Floats, shuffled: list[Floats], inside: Mask) -> Floats:
    whole = roc_auc(truth[inside], told[inside]).value
    lost = np.array([max(0.0, whole - roc_auc(truth[inside], item[inside]).value) for item in shuffled])
    return lost / max(float(lost.sum()), 1e-9)


WATCH = Watch(CODE, "outcomes", "It leans on the same features", look)

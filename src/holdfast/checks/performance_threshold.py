"""GATE206: is the threshold right for rows it was not chosen on, by the very rule that chose it?

For `cost` and `f1` the best threshold of one half of the test rows judges the other half, and the other way round: what
the version's own threshold does worse than those is its regret. For `precision` and `recall` the target must be within
reach. A fixed threshold is nobody's choice but yours.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.checks.check import PERFORMANCE, Answer, Check, failed, passed
from holdfast.checks.limits import Limits
from holdfast.checks.subject import Subject
from holdfast.intervals import Interval
from holdfast.training.evaluate import confusion
from holdfast.training.rows import Floats
from holdfast.training.settings import TrainingSettings
from holdfast.training.split import Labels
from holdfast.training.threshold import choose

RESAMPLINGS = 200
STEPS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


def ask(subject: Subject, limits: Limits) -> Answer:
    settings, chosen = subject.settings, subject.bundle.threshold
    y, said = subject.split.test.y, subject.test_probability
    evidence: dict[str, Any] = {
        "rule": chosen.basis,
        "threshold": chosen.value,
        "table": [_line(y, said, at, settings) for at in sorted({*STEPS, chosen.value})],
    }
    if chosen.basis in ("precision", "recall"):
        return _reached(subject, chosen.basis, float(settings.target or 0.0), limits, evidence)
    if chosen.basis == "fixed":
        return passed(f"{chosen.value:g} was given, and nothing chose it", **evidence)
    best = _best_elsewhere(y, said, settings)
    regret = _regret(y, said >= chosen.value, best, settings)
    evidence["regret"] = regret.as_dict()
    what = "it costs" if chosen.basis == "cost" else "its F1 is"
    word = "more" if chosen.basis == "cost" else "lower"
    why = (
        f"{what} {regret.value:.1%} ({regret.low:.1%} to {regret.high:.1%}) {word} than by thresholds chosen on "
        f"other test rows"
    )
    if (regret.low or 0.0) > limits.most_threshold_regret:
        return failed(why, "train again: validation rows are unlike these; or calibrate, or set it (fixed)", **evidence)
    return passed(f"at {chosen.value:.3f}, {why}", **evidence)


def _reached(subject: Subject, rule: str, target: float, limits: Limits, evidence: dict[str, Any]) -> Answer:
    found = subject.test_metrics[rule]
    evidence |= {"target": target, "reached": found.as_dict()}
    why = (
        f"{rule} is {found.value:.3f} ({found.low:.3f} to {found.high:.3f}) on rows not seen, {target:g} was the target"
    )
    if (found.high or 0.0) < target * (1 - limits.most_threshold_regret):
        return failed(why, "lower the target, or find what differs between validation and test", **evidence)
    return passed(why, **evidence)


def _best_elsewhere(y: Labels, said: Floats, settings: TrainingSettings) -> NDArray[np.bool_]:
    """Each row decided by the best threshold of the half it is not in."""
    half = np.random.default_rng(settings.seed).permutation(len(y)) % 2
    decided = np.zeros(len(y), dtype=np.bool_)
    for side in (0, 1):
        inside = half == side
        at = choose(y[~inside], said[~inside], replace(settings, target=None)).value
        decided[inside] = said[inside] >= at
    return decided


def _regret(y: Labels, ours: NDArray[np.bool_], best: NDArray[np.bool_], settings: TrainingSettings) -> Interval:
    """What ours does worse, as a share of the better, with a bootstrap interval over the rows."""
    groups = y.astype(np.int64) * 4 + ours * 2 + best
    counts = np.bincount(groups, minlength=8)
    chance = np.random.default_rng(settings.seed)
    draws = chance.multinomial(len(y), counts / len(y), RESAMPLINGS)
    values = [_worse(item, settings) for item in draws]
    low, high = np.quantile(values, [0.025, 0.975])
    return Interval(_worse(counts, settings), float(low), float(high))


def _worse(counts: NDArray[np.int64], settings: TrainingSettings) -> float:
    """`counts` by label, our decision and the best one (bits 4, 2, 1)."""

    def of(bit: int) -> float:
        tp = sum(int(counts[4 + at]) for at in range(4) if at & bit)
        fp = sum(int(counts[at]) for at in range(4) if at & bit)
        fn = int(counts[4:].sum()) - tp
        if settings.threshold == "cost":
            return settings.cost_false_positive * fp + settings.cost_false_negative * fn
        return 2 * tp / max(1, 2 * tp + fp + fn)

    ours, best = of(2), of(1)
    if settings.threshold == "cost":
        return (ours - best) / best if best else 0.0
    return (best - ours) / best if best else 0.0


def _line(y: Labels, said: Floats, at: float, settings: TrainingSettings) -> dict[str, Any]:
    found = confusion(y, said, at)
    cost = settings.cost_false_positive * found.false_positive + settings.cost_false_negative * found.false_negative
    return {"threshold": at, **found.as_dict(), "cost": cost}


CHECK = Check("GATE206", PERFORMANCE, "The threshold holds on rows not seen", ask, "advised")

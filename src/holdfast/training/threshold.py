"""Where to say yes: by stated costs, by F1, or by a precision or recall to reach. Chosen on validation rows only."""

from __future__ import annotations

from typing import Any

import numpy as np

from holdfast.bundle.threshold import Threshold
from holdfast.errors import HoldfastError
from holdfast.training.rows import Floats
from holdfast.training.settings import TrainingSettings
from holdfast.training.split import Labels

NEVER = float(np.nextafter(1.0, 2.0))
"""No probability reaches it."""


def choose(y: Labels, probability: Floats, settings: TrainingSettings) -> Threshold:
    """The best threshold by the values validation rows took: the lowest cost, the highest F1, or the target reached.

    recall: the highest threshold that still reaches it. precision: of those that reach it the one with the most
    recall; HoldfastError when none does.
    """
    rule, target = settings.threshold, settings.target or 0.0
    if rule == "fixed":
        return Threshold(target, "fixed", {})
    levels, tp, fp = _levels(y, probability)
    positives = float(y.sum())
    fn = positives - tp
    precision, recall = tp / (tp + fp), tp / positives
    details: dict[str, Any] = {"rows": len(y), "positives": int(positives)}
    if rule == "cost":
        cost = settings.cost_false_positive * fp + settings.cost_false_negative * fn
        best, nothing = int(np.argmin(cost)), settings.cost_false_negative * positives
        details |= {
            "cost_false_positive": settings.cost_false_positive,
            "cost_false_negative": settings.cost_false_negative,
            "cost": float(min(cost[best], nothing)),
            "cost_of_flagging_nothing": nothing,
        }
        if cost[best] >= nothing:
            return Threshold(NEVER, "cost", details | {"note": "no threshold costs less than flagging nothing"})
    elif rule == "f1":
        best = int(np.argmax(2 * tp / (2 * tp + fp + fn)))
    elif rule == "recall":
        best = int(np.flatnonzero(recall >= target)[0])
    else:
        reaching = np.flatnonzero(precision >= target)
        if not len(reaching):
            raise HoldfastError(
                f"no threshold reaches a precision of {target} on validation; the best is {precision.max():.4f}",
                where="training.threshold",
                mend="lower the target, or choose the threshold by cost",
            )
        best = int(reaching[-1])
    if rule in ("precision", "recall"):
        details["target"] = target
    details |= {
        "precision": float(precision[best]),
        "recall": float(recall[best]),
        "f1": float(2 * tp[best] / (2 * tp[best] + fp[best] + fn[best])),
    }
    return Threshold(_between(levels, best), rule, details)


def _levels(y: Labels, probability: Floats) -> tuple[Floats, Floats, Floats]:
    """Distinct probabilities, falling, with the true and false positives of flagging everything from there up."""
    order = np.argsort(-probability, kind="stable")
    p, truth = probability[order], y[order].astype(np.float64)
    ends = np.flatnonzero(np.append(p[1:] != p[:-1], True))
    tp = np.cumsum(truth)[ends]
    return p[ends], tp, (ends + 1) - tp


def _between(levels: Floats, best: int) -> float:
    """Halfway to the next lower probability seen: a new row a hair below the best one is on its side."""
    if best + 1 == len(levels):
        return float(levels[best])
    value = float((levels[best] + levels[best + 1]) / 2)
    # Two neighbouring doubles have no number between them.
    return value if levels[best + 1] < value <= levels[best] else float(levels[best])

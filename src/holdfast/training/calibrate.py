"""From raw scores to probabilities, fitted on rows the model had not learned from."""

from __future__ import annotations

import math

import numpy as np

from holdfast.bundle.calibration import Calibration
from holdfast.training.rows import Floats
from holdfast.training.settings import CalibrationRule
from holdfast.training.split import Labels

STEPS = 200
"""Newton steps at most; a well-behaved fit takes about ten."""


def fit_calibration(method: CalibrationRule, scores: Floats, y: Labels) -> Calibration:
    """`scores` are raw (margins, or a forest's shares) of held-out rows. Both maps never fall as the score rises."""
    if method == "sigmoid":
        return _platt(scores, y.astype(np.float64))
    if method == "isotonic":
        return _isotonic(scores, y.astype(np.float64))
    return Calibration()


def _platt(scores: Floats, y: Floats) -> Calibration:
    """Platt's sigmoid with his smoothed targets, by Newton's method with step halving (Lin, Lin, Weng 2007)."""
    positives, negatives = float(y.sum()), float(len(y) - y.sum())
    target = np.where(y == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    centre, width = float(scores.mean()), float(scores.std()) or 1.0
    z = (scores - centre) / width
    slope, intercept = 0.0, math.log((positives + 1) / (negatives + 1))

    def loss(a: float, b: float) -> float:
        margin = a * z + b
        return float(np.sum(np.logaddexp(0.0, margin) - target * margin))

    now = loss(slope, intercept)
    for _ in range(STEPS):
        p = 1 / (1 + np.exp(-(slope * z + intercept)))
        d, w = p - target, p * (1 - p)
        ga, gb = float(np.sum(d * z)), float(np.sum(d))
        if abs(ga) < 1e-9 * len(y) and abs(gb) < 1e-9 * len(y):
            break
        haa, hab, hbb = float(np.sum(w * z * z)) + 1e-12, float(np.sum(w * z)), float(np.sum(w)) + 1e-12
        det = haa * hbb - hab * hab
        da, db = -(hbb * ga - hab * gb) / det, -(haa * gb - hab * ga) / det
        step = 1.0
        while step > 1e-10 and loss(slope + step * da, intercept + step * db) > now:
            step /= 2
        if step <= 1e-10:
            break
        slope, intercept = slope + step * da, intercept + step * db
        now = loss(slope, intercept)
    # A falling sigmoid would turn the model's order round: then the scores say nothing, and the share says it all.
    slope = max(slope, 0.0)
    return Calibration("sigmoid", slope=slope / width, intercept=intercept - slope * centre / width)


def _isotonic(scores: Floats, y: Floats) -> Calibration:
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(scores, y)
    return Calibration(
        "isotonic",
        scores=tuple(float(value) for value in fitted.X_thresholds_),
        probabilities=tuple(float(value) for value in fitted.y_thresholds_),
    )

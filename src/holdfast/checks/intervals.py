"""How far an estimate may lie from the truth: what a check subtracts from a figure before it fails anybody for it."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from statistics import NormalDist

import numpy as np

from holdfast.training.evaluate import Metric, Ranked
from holdfast.training.rows import Floats
from holdfast.training.split import Labels


def share(count: int, rows: int, level: float = 0.95) -> Metric:
    """A share with Wilson's interval; of nothing it is 0, somewhere between 0 and 1."""
    if rows == 0:
        return Metric(0.0, 0.0, 1.0)
    z, found = _z(level), count / rows
    middle = (found + z * z / (2 * rows)) / (1 + z * z / rows)
    wide = z / (1 + z * z / rows) * sqrt(found * (1 - found) / rows + z * z / (4 * rows * rows))
    return Metric(found, max(0.0, middle - wide), min(1.0, middle + wide))


def roc_auc(y: Labels, score: Floats, level: float = 0.95) -> Metric:
    """ROC-AUC with DeLong's interval; 0.5, anywhere, where there is one class only."""
    positive, negative = score[y == 1], score[y != 1]
    if not len(positive) or not len(negative):
        return Metric(0.5, 0.0, 1.0)
    of_positive, of_negative = _placed(positive, negative), 1 - _placed(negative, positive)
    value = float(of_positive.mean())
    wide = _z(level) * sqrt(float(of_positive.var()) / len(positive) + float(of_negative.var()) / len(negative))
    return Metric(value, max(0.0, value - wide), min(1.0, value + wide))


def apart(
    y: Labels, ours: Floats, theirs: Floats, measure: Callable[[dict[str, float], dict[str, float]], float],
    *, thresholds: tuple[float, float] = (0.5, 0.5), resamplings: int, seed: int,
) -> Metric:  # fmt: skip
    """What `measure` makes of both models' metrics, on the same rows, with a bootstrap interval over those rows."""
    mine, other = Ranked(y, ours, thresholds[0]), Ranked(y, theirs, thresholds[1])
    generator, n = np.random.default_rng(seed), len(y)
    draws = []
    for _ in range(resamplings):
        weight = np.bincount(generator.integers(0, n, n), minlength=n).astype(np.float64)
        draws.append(measure(mine.metrics(weight[mine.order]), other.metrics(weight[other.order])))
    low, high = np.quantile(draws, [0.025, 0.975])
    return Metric(measure(mine.metrics(), other.metrics()), float(low), float(high))


def _placed(ours: Floats, theirs: Floats) -> Floats:
    """For each of ours the share of theirs that lies below; a tie counts half."""
    ordered = np.sort(theirs)
    below, upto = np.searchsorted(ordered, ours, "left"), np.searchsorted(ordered, ours, "right")
    return (below + upto) / (2.0 * len(ordered))


def _z(level: float) -> float:
    return NormalDist().inv_cdf(0.5 + level / 2)

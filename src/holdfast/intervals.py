"""Figures with how far they may lie from the truth: shares, their ratios and differences, and ROC-AUC."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Interval:
    """A value, and the interval that the true one lies in at the level asked for."""

    value: float
    low: float
    high: float

    def as_dict(self) -> dict[str, float]:
        return {"value": self.value, "low": self.low, "high": self.high}

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


def deviations(level: float) -> float:
    """How many standard deviations hold this share, both sides together."""
    return NormalDist().inv_cdf(0.5 + level / 2)


def share(count: float, rows: float, level: float = 0.95) -> Interval:
    """A share with Wilson's interval; of nothing it is 0, somewhere between 0 and 1."""
    return wilson(count, rows, deviations(level))


def wilson(count: float, rows: float, z: float) -> Interval:
    """`share` with the interval's width in standard deviations."""
    if rows <= 0:
        return Interval(0.0, 0.0, 1.0)
    found = count / rows
    middle = (found + z * z / (2 * rows)) / (1 + z * z / rows)
    wide = z / (1 + z * z / rows) * sqrt(found * (1 - found) / rows + z * z / (4 * rows * rows))
    return Interval(found, max(0.0, middle - wide), min(1.0, middle + wide))


def ratio(own: tuple[int, int], most: tuple[int, int], level: float) -> Interval:
    """A share by another, each (count, rows), with Katz's interval; half a case is added where a count is nought."""
    (a, n), (b, m) = own, most
    add = 0.5 if 0 in (a, b) else 0.0
    value = ((a + add) / (n + add)) / ((b + add) / (m + add))
    wide = deviations(level) * sqrt(max(0.0, 1 / (a + add) - 1 / (n + add) + 1 / (b + add) - 1 / (m + add)))
    return Interval(value, exp(log(value) - wide), exp(log(value) + wide))


def gap(own: tuple[int, int], most: tuple[int, int], level: float) -> Interval:
    """How much larger the second share is than the first, each (count, rows), with Newcombe's interval."""
    p, q = share(*most, level), share(*own, level)
    value = p.value - q.value
    low = value - sqrt((p.value - p.low) ** 2 + (q.high - q.value) ** 2)
    return Interval(value, low, value + sqrt((p.high - p.value) ** 2 + (q.value - q.low) ** 2))


def roc_auc(truth: Mask, score: Floats, level: float = 0.95) -> Interval:
    """ROC-AUC with DeLong's interval; 0.5, anywhere, where there is one class only."""
    positive, negative = score[truth], score[~truth]
    if not len(positive) or not len(negative):
        return Interval(0.5, 0.0, 1.0)
    of_positive, of_negative = _placed(positive, negative), 1 - _placed(negative, positive)
    value = float(of_positive.mean())
    wide = deviations(level) * sqrt(float(of_positive.var()) / len(positive) + float(of_negative.var()) / len(negative))
    return Interval(value, max(0.0, value - wide), min(1.0, value + wide))


def _placed(ours: Floats, theirs: Floats) -> Floats:
    """For each of ours the share of theirs that lies below; a tie counts half."""
    ordered = np.sort(theirs)
    below, upto = np.searchsorted(ordered, ours, "left"), np.searchsorted(ordered, ours, "right")
    return (below + upto) / (2.0 * len(ordered))

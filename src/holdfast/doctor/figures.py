"""The statistics of a finding: intervals for shares and distributions, wide enough for all that is looked at together.

Every bound here holds with probability 1 - ALPHA for a whole family of `tests` comparisons at once (Bonferroni), so a
clean pair of sides is called different less than once in ten thousand runs for each cause.
"""

from __future__ import annotations

from math import log, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
ALPHA = 1e-4


def z_of(tests: int) -> float:
    return NormalDist().inv_cdf(1 - ALPHA / (2 * max(1, tests)))


def wilson(count: float, of: float, z: float) -> tuple[float, float]:
    """Wilson's interval of a share; (0, 1) of nothing."""
    if of <= 0:
        return 0.0, 1.0
    share, square = count / of, z * z
    middle = share + square / (2 * of)
    half = z * sqrt(share * (1 - share) / of + square / (4 * of * of))
    return max(0.0, (middle - half) / (1 + square / of)), min(1.0, (middle + half) / (1 + square / of))


def more(count: float, of: float, usual: float, out_of: float, tests: int) -> float:
    """Lower bound of how much larger the first share is than the second one (Newcombe); negative: perhaps not."""
    if of <= 0 or out_of <= 0:
        return -1.0
    z = z_of(tests)
    here, there = count / of, usual / out_of
    low, high = wilson(count, of, z)[0], wilson(usual, out_of, z)[1]
    return (here - there) - sqrt((here - low) ** 2 + (high - there) ** 2)


def surely_more(count: float, of: float, usual: float, out_of: float, tests: int) -> bool:
    """Whether the first share is the larger one beyond chance: both counts together, dealt out by the sizes (Chernoff).

    Unlike an interval it is not blunt where one count is zero.
    """
    total = count + usual
    if of <= 0 or out_of <= 0 or total <= 0:
        return False
    here, chance = count / total, of / (of + out_of)
    if here <= chance:
        return False
    away = here * log(here / chance) + (0.0 if here == 1 else (1 - here) * log((1 - here) / (1 - chance)))
    return -total * away < log(ALPHA / max(1, tests))


def apart(largest: float, n: float, m: float, tests: int) -> float:
    """Lower bound of the distance of two distributions whose samples of n and m lie `largest` apart (Kolmogorov)."""
    if n <= 0 or m <= 0:
        return -1.0
    return largest - sqrt(log(2 * max(1, tests) / ALPHA) / 2) * sqrt(1 / n + 1 / m)


def roc_auc(labels: Floats, scores: Floats) -> float:
    """Ties count half; NaN with one class only."""
    positive = labels == 1
    p, n = int(positive.sum()), int((~positive).sum())
    if not p or not n:
        return float("nan")
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks = (ends - (counts - 1) / 2)[place]
    return float((ranks[positive].sum() - p * (p + 1) / 2) / (p * n))


def auc_error(auc: float, positives: int, negatives: int) -> float:
    """Hanley and McNeil's standard error."""
    q1, q2 = auc / (2 - auc), 2 * auc * auc / (1 + auc)
    inside = auc * (1 - auc) + (positives - 1) * (q1 - auc * auc) + (negatives - 1) * (q2 - auc * auc)
    return sqrt(max(inside, 0.0) / (positives * negatives))

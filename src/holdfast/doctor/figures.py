"""The statistics of a finding: intervals for shares and distributions, wide enough for all that is looked at together.

Every bound here holds with probability 1 - ALPHA for a whole family of `tests` comparisons at once (Bonferroni), so a
clean pair of sides is called different less than once in ten thousand runs for each cause.
"""

from __future__ import annotations

from math import log, sqrt
from statistics import NormalDist

from holdfast.intervals import wilson

ALPHA = 1e-4


def z_of(tests: int) -> float:
    return NormalDist().inv_cdf(1 - ALPHA / (2 * max(1, tests)))


def more(count: float, of: float, usual: float, out_of: float, tests: int) -> float:
    """Lower bound of how much larger the first share is than the second one (Newcombe); negative: perhaps not."""
    if of <= 0 or out_of <= 0:
        return -1.0
    z = z_of(tests)
    here, there = count / of, usual / out_of
    low, high = wilson(count, of, z).low, wilson(usual, out_of, z).high
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


def auc_error(auc: float, positives: int, negatives: int) -> float:
    """Hanley and McNeil's standard error."""
    q1, q2 = auc / (2 - auc), 2 * auc * auc / (1 + auc)
    inside = auc * (1 - auc) + (positives - 1) * (q1 - auc * auc) + (negatives - 1) * (q2 - auc * auc)
    return sqrt(max(inside, 0.0) / (positives * negatives))

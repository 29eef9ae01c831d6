"""How far counts lie from what was expected, and how far chance alone takes them.

Cells of all features lie side by side in one array; `starts` says where each feature begins. All logarithms natural.
"""

from __future__ import annotations

from math import erfc, exp, lgamma, log, log1p, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
MEAN_TO_MIDDLE = 2.2
"""Of the square of a normal variable: what its mean is of its median."""
HALF = 0.5
"""What stands in each cell beforehand, so that an empty one costs much and not everything."""


def stability(expected: Floats, found: Floats, starts: Ints) -> Floats:
    """Population stability index of each feature: expected shares, found counts; 0 where nothing was found."""
    sizes = np.diff(np.append(starts, len(expected)))
    total = np.repeat(np.add.reduceat(found, starts), sizes)
    prior = HALF * np.repeat(sizes, sizes) * np.maximum(expected, 1e-9)  # drawn to what is expected, not to evenness
    q = (found + prior) / np.maximum(total + HALF * np.repeat(sizes, sizes), 1e-12)
    p = np.maximum(expected, 1e-9)
    parts = np.where(total > 0, (q - p) * np.log(np.maximum(q, 1e-12) / p), 0.0)
    return np.asarray(np.add.reduceat(parts, starts), dtype=np.float64)


def jensen_shannon(p: Floats, q: Floats) -> float:
    """Distance between two shares, base 2: 0 the same, 1 nothing in common."""
    middle = (p + q) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        left = np.where(p > 0, p * np.log2(p / middle), 0.0)
        right = np.where(q > 0, q * np.log2(q / middle), 0.0)
    return float(sqrt(max(0.0, (left.sum() + right.sum()) / 2)))


def kolmogorov(p: Floats, q: Floats) -> float:
    """Largest gap between two cumulated shares, at the bins' edges."""
    return float(np.abs(np.cumsum(p) - np.cumsum(q)).max(initial=0.0))


def wasserstein(p: Floats, q: Floats) -> float:
    """How far values moved on average, in ranks of the reference (0 to 1): bins stand as wide as they were full."""
    gap = np.abs(np.cumsum(q) - np.cumsum(p))
    return float((gap * p).sum())


def chi_square(expected: Floats, found: Floats) -> tuple[float, float]:
    """(statistic, p-value) of found counts against expected shares; cells that nothing is expected in left out."""
    n, there = found.sum(), expected > 0
    if n == 0 or there.sum() < 2:
        return 0.0, 1.0
    e = expected[there] * n
    value = float(((found[there] - e) ** 2 / e).sum())
    return value, chi_tail(value, int(there.sum()) - 1)


def chi_tail(value: float, freedom: int) -> float:
    """Probability of a chi-square at least so large, by Wilson and Hilferty."""
    if value <= 0 or freedom < 1:
        return 1.0
    part = 2.0 / (9.0 * freedom)
    return 0.5 * erfc(((value / freedom) ** (1 / 3) - (1 - part)) / sqrt(2 * part))


def chi_point(freedom: float, tail: float) -> float:
    """The value that a chi-square exceeds with probability `tail`, by Wilson and Hilferty."""
    if freedom <= 0:
        return 0.0
    if freedom == 1:
        return NormalDist().inv_cdf(1 - tail / 2) ** 2 if tail > 1e-14 else 60.0
    part = 2.0 / (9.0 * freedom)
    return float(freedom * (1.0 - part + NormalDist().inv_cdf(1 - max(tail, 1e-15)) * part**0.5) ** 3)


def binomial_tail(count: int, n: int, share: float) -> float:
    """An upper bound of the probability of `count` or more in `n` where each has `share`.

    The probability of `count` itself, and a geometric series for the others: each is less likely than the one before
    by no less than the second is than the first.
    """
    if count <= n * share:
        return 1.0
    if share <= 0:
        return 0.0
    if count >= n:
        return exp(n * log(share))
    itself = ways(n, count) + count * log(share) + (n - count) * log1p(-share)
    less = (n - count) / (count + 1) * share / (1 - share)
    return min(1.0, exp(itself) / (1 - less))


def count_tail(count: float, expected: float, swing: float) -> float:
    """An upper bound (Chernoff's) of the probability of a count as far from `expected`, on that side.

    `swing` is the standard deviation of what is expected, as a share of it: a negative binomial's.
    """
    if expected <= 0:
        return 0.0 if count > 0 else 1.0
    size = 1 / max(swing, 1e-6) ** 2
    near = 0.0 if count <= 0 else count * log(count / expected)
    return exp(min(0.0, (count + size) * log((count + size) / (expected + size)) - near))


def ways(n: int, k: int) -> float:
    """How many subsets of size `k` there are, as a logarithm."""
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)

"""Means, totals and deviations, finished once from exact integers: for one window and for columns of windows.

n is the count, S the sum and Q the sum of squares of integers k = value · 10**scale. Each answer is one correctly
rounded division (and, for the deviation, one square root of it): nothing is rounded before. Null is NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from holdfast.features.kernel.limbs import EXACT, Ints
from holdfast.features.kernel.limbs import Limbs as Limbs

Floats = NDArray[np.float64]
NAN = float("nan")


def total(s: int, scale: int = 0) -> float:
    """S / 10**scale."""
    return s / int(10**scale)


def mean(n: int, s: int, scale: int = 0) -> float:
    """S / (n · 10**scale); null without points."""
    return s / (n * 10**scale) if n else NAN


def deviation(n: int, s: int, q: int, scale: int = 0) -> float:
    """Sample deviation sqrt((nQ − S²) / (n(n − 1) · 10**2scale)); null for fewer than two points."""
    return sqrt((n * q - s * s) / (n * (n - 1) * 10 ** (2 * scale))) if n > 1 else NAN


def totals(s: Limbs | Ints, scale: int = 0) -> Floats:
    """`total` of each row."""
    s = s if isinstance(s, Limbs) else Limbs.of(s)
    values, exact = s.small()
    answer = values / float(10**scale)
    return _mend(answer, ~exact, lambda s: total(s, scale), s)


def means(n: Ints, s: Limbs | Ints, scale: int = 0) -> Floats:
    """`mean` of each row."""
    s = s if isinstance(s, Limbs) else Limbs.of(s)
    values, exact = s.small()
    with np.errstate(invalid="ignore", divide="ignore"):
        answer = np.where(n == 0, NAN, values / (n.astype(np.float64) * float(10**scale)))
    hard = (~exact | (n > EXACT // 10**scale)) & (n != 0)
    return _mend(answer, hard, lambda n, s: mean(n, s, scale), Limbs.of(n), s)


def deviations(n: Ints, s: Limbs | Ints, q: Limbs | Ints, scale: int = 0) -> Floats:
    """`deviation` of each row."""
    s = s if isinstance(s, Limbs) else Limbs.of(s)
    q = q if isinstance(q, Limbs) else Limbs.of(q)
    many = n > 1
    wide, exact = s.small()
    plain = len(q.limbs) == 1 and len(n) > 0
    if not plain:
        q_values, q_exact = q.small()
    else:
        q_values, q_exact = q.limbs[0].astype(np.float64), np.ones(len(n), dtype=np.bool_)
    # nQ and S² are exact in int64 where both are below 2**62; their difference, if below 2**53, is a double.
    fits = exact & q_exact & (np.abs(wide) < 2**31) & (n.astype(np.float64) * np.abs(q_values) < 2**62 - 2**10)
    roots = np.where(fits, wide, 0.0).astype(np.int64)
    if plain:
        squares = np.where(fits, q.limbs[0], 0)
    else:
        squares = np.where(fits, q_values, 0.0).astype(np.int64)
    top = n * squares - roots * roots
    bottom = n.astype(np.float64) * (n - 1).astype(np.float64)
    fits &= (top < EXACT) & (bottom <= EXACT // 10 ** (2 * scale))
    with np.errstate(invalid="ignore", divide="ignore"):
        answer = np.where(many, np.sqrt(top.astype(np.float64) / (bottom * float(10 ** (2 * scale)))), NAN)
    return _mend(answer, ~fits & many, lambda n, s, q: deviation(n, s, q, scale), Limbs.of(n), s, q)


def _mend(answer: Floats, hard: NDArray[np.bool_], one: Callable[..., float], *columns: Limbs) -> Floats:
    """Rows whose integers are no doubles, one by one in Python's own integers."""
    rows = np.flatnonzero(hard)
    if len(rows):
        answer[rows] = [one(*row) for row in zip(*(column[rows].ints() for column in columns), strict=True)]
    return answer

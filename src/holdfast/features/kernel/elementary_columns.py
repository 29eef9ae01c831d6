"""The steps of `elementary` over float64 arrays, one for one: the same bits as one value at a time.

Shapes: any; NaN in and, where there is no finite value, NaN out. Both branches of a choice are computed and one is
taken, so warnings of the other are silenced.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from holdfast.features.kernel.elementary import (
    ATANH_TERMS,
    EXP_TERMS,
    LARGEST,
    LN2_HI,
    LN2_LO,
    LOG2_E,
    LOG_TERMS,
    NAN,
    ROOT_HALF,
    SMALLEST,
    SPLIT,
    STEEPEST,
    THIRD_HI,
    THIRD_LO,
    TINY,
)

Floats = NDArray[np.float64]
FINITE = 1.7976931348623157e308


def exp(x: Floats) -> Floats:
    """e**x; NaN where that is no finite double."""
    with np.errstate(all="ignore"):
        return _exp_sum(x, np.zeros_like(x))


def log(x: Floats) -> Floats:
    """The natural logarithm; NaN for x ≤ 0 and for infinity."""
    with np.errstate(all="ignore"):
        m, e = _mantissa(x)
        l1, l2, l3, l4, l5, l6, l7 = LOG_TERMS
        f = m - 1.0
        s = f / (2.0 + f)
        z = s * s
        w = z * z
        r = w * (l2 + w * (l4 + w * l6)) + z * (l1 + w * (l3 + w * (l5 + w * l7)))
        half = 0.5 * f * f
        y = e * LN2_HI - ((half - (s * (half + r) + e * LN2_LO)) - f)
        return np.where((x > 0.0) & (x <= FINITE), y, NAN)


def power(x: Floats, y: Floats) -> Floats:
    """x**y, exact where the result is a double; NaN for 0 to a negative power and for a root of a negative."""
    with np.errstate(all="ignore"):
        x, y = np.broadcast_arrays(x, y)
        size = np.abs(x)
        steep = np.minimum(np.maximum(y, -STEEPEST), STEEPEST)
        h, low = _log_sum(size)
        ph, pl = _product(steep, h)
        result = _exp_sum(ph, pl + steep * low)
        negative = x < 0.0
        result = np.where(negative & (np.fmod(y, 2.0) != 0.0), -result, result)
        bad = (negative & (np.fmod(y, 1.0) != 0.0)) | ~(size <= FINITE)
        result = np.where(bad, NAN, result)
        result = np.where(x == 0.0, np.where(y > 0.0, 0.0, NAN), result)
        result = np.where((y == 0.0) | (x == 1.0), 1.0, result)
        return np.where(np.isnan(x) | np.isnan(y), NAN, result)


def _mantissa(x: Floats) -> tuple[Floats, Floats]:
    m, e = np.frexp(x)
    low = m < ROOT_HALF
    return np.where(low, m + m, m), (e - low).astype(np.float64)


def _product(a: Floats, b: Floats | float) -> tuple[Floats, Floats]:
    p = a * b
    t = SPLIT * a
    ah = t - (t - a)
    al = a - ah
    u = SPLIT * b
    bh = u - (u - b)
    bl = b - bh
    return p, ((ah * bh - p) + ah * bl + al * bh) + al * bl


def _exp_sum(h: Floats, low: Floats) -> Floats:
    inside = (h >= SMALLEST) & (h <= LARGEST)
    n = np.floor(np.where(inside, h, 0.0) * LOG2_E + 0.5)
    a = h - n * LN2_HI
    b = low - n * LN2_LO
    r = a + b
    rest = (a - r) + b
    p = r * EXP_TERMS[0] + EXP_TERMS[1]
    for term in EXP_TERMS[2:]:
        p *= r
        p += term
    s = 1.0 + r
    y = s + (((1.0 - s) + r) + (r * r * p + rest * s))
    k = n.astype(np.int64)
    deep = k < -1000
    scaled = np.ldexp(y, np.where(deep, k + 100, k))
    scaled = np.where(deep, scaled * TINY, scaled)
    scaled = np.where((k >= 1024) & ~(y < 1.0), NAN, scaled)
    return np.where(inside, scaled, np.where(h < SMALLEST, 0.0, NAN))


def _log_sum(x: Floats) -> tuple[Floats, Floats]:
    m, e = _mantissa(x)
    f = m - 1.0
    d = m + 1.0
    t = d - m
    dl = (m - (d - t)) + (1.0 - t)
    s = f / d
    p, q = _product(s, d)
    sl = (((f - p) - q) - s * dl) / d
    z, zl = _product(s, s)
    zl = zl + 2.0 * s * sl
    u, ul = _product(z, THIRD_HI)
    ul = ul + (z * THIRD_LO + zl * THIRD_HI)
    t = z * ATANH_TERMS[0] + ATANH_TERMS[1]
    for term in ATANH_TERMS[2:]:
        t = t * z + term
    ul = ul + t * z * z
    p, q = _product(s, u)
    q = q + (s * ul + sl * u)
    h = s + p
    low = (s - h) + p + (q + sl)
    a = e * LN2_HI
    b = 2.0 * h
    total = a + b
    rest = ((a - total) + b) + (2.0 * low + e * LN2_LO)
    head = total + rest
    return head, (total - head) + rest

"""Round to a number of decimal digits, half to even, of the exact decimal value a double stands for.

2.675 is the double 2.67499999999999982236431605997495353221893310546875, so it rounds to 2.67 at 2 digits; 0.125, which
is exact, rounds to 0.12. The result is the double nearest to the rounded decimal. Python's `round` is that by
definition (correctly rounded both ways); `round_all` gives the same bits over arrays, by an argument given there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from holdfast.features.kernel.elementary import SPLIT

Floats = NDArray[np.float64]
MOST_DIGITS = 22
"""10**22 is the largest power of ten that is a double."""
EXACT = 2.0**52


def round_one(x: float, digits: int) -> float:
    """x rounded half-even to 0 ≤ digits ≤ 22; NaN stays NaN."""
    return round(x, digits)


def round_all(x: Floats, digits: int) -> Floats:
    """The same over an array.

    With p = 10**digits (exact), x·p = y + e exactly, y the rounded product and |e| ≤ ulp(y)/2 (Dekker). Let r = rint(y)
    and |y| < 2**52: y − r is exact and a multiple of ulp(y) or r is 0, hence either |y − r| = ½, and the sign of e
    says on which side of the tie x·p lies (e = 0: rint already took the even one), or |y − r| ≤ ½ − ulp(y) and r is the
    nearest integer to x·p too. r and p are exact, so r / p is the nearest double. Larger products go one by one.
    """
    p = 10.0**digits
    with np.errstate(all="ignore"):
        y = x * p
        t = SPLIT * x
        xh = t - (t - x)
        xl = x - xh
        u = SPLIT * p
        ph = u - (u - p)
        pl = p - ph
        e = ((xh * ph - y) + xh * pl + xl * ph) + xl * pl
        r = np.rint(y)
        side = y - r
        r = np.where((side == 0.5) & (e > 0.0), r + 1.0, r)
        r = np.where((side == -0.5) & (e < 0.0), r - 1.0, r)
        rounded = r / p
        large = np.flatnonzero(~(np.abs(y) < EXACT))
    rounded[large] = [round(v, digits) for v in x[large].tolist()]
    return rounded

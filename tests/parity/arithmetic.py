"""The oracle's numbers: each operation is exact in fractions and then rounded once, which is what IEEE 754 says.

null is None; a result that no finite double holds is null. exp, log and pow are what `features/kernel/elementary.py`
says they are; `exponential`, `logarithm` and `power` are the same steps written out a second time, over fractions.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction

Number = float | None
LN2_HI, LN2_LO = float.fromhex("0x1.62e42fee00000p-1"), float.fromhex("0x1.a39ef35793c76p-33")
LOG2_E = float.fromhex("0x1.71547652b82fep+0")


def rounded(exact: Fraction) -> Number:
    """The nearest double, ties to even; null beyond the largest."""
    try:
        return exact.numerator / exact.denominator
    except OverflowError:
        return None


def _both(step: Callable[[Fraction, Fraction], Fraction]) -> Callable[[Number, Number], Number]:
    def apply(a: Number, b: Number) -> Number:
        return None if a is None or b is None else rounded(step(Fraction(a), Fraction(b)))

    return apply


add = _both(lambda a, b: a + b)
subtract = _both(lambda a, b: a - b)
multiply = _both(lambda a, b: a * b)


def divide(a: Number, b: Number) -> Number:
    return None if a is None or b is None or b == 0 else rounded(Fraction(a) / Fraction(b))


def floor(a: Number) -> Number:
    return None if a is None else float(math.floor(a))


def ceil(a: Number) -> Number:
    return None if a is None else float(math.ceil(a))


def root(a: Number) -> Number:
    return None if a is None or a < 0 else math.sqrt(a)


def half_even(a: Number, digits: int) -> Number:
    """The exact decimal of the double, rounded half to even, as the nearest double."""
    if a is None:
        return None
    with localcontext() as context:
        context.prec = 800
        return float(Decimal(a).quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_EVEN))


class _Step:
    """A double whose operators round once: the definitions below read as formulas."""

    def __init__(self, value: float) -> None:
        self.value = value

    def __add__(self, other: _Step | float) -> _Step:
        return _Step(_sure(add(self.value, _plain(other))))

    def __sub__(self, other: _Step | float) -> _Step:
        return _Step(_sure(subtract(self.value, _plain(other))))

    def __mul__(self, other: _Step | float) -> _Step:
        return _Step(_sure(multiply(self.value, _plain(other))))

    def __truediv__(self, other: _Step | float) -> _Step:
        return _Step(_sure(divide(self.value, _plain(other))))


def _plain(value: _Step | float) -> float:
    return value.value if isinstance(value, _Step) else value


def _sure(value: Number) -> float:
    assert value is not None
    return value


def _times(a: _Step, b: _Step) -> tuple[_Step, _Step]:
    """The rounded product and its error, which is a double."""
    product = a * b
    error = Fraction(a.value) * Fraction(b.value) - Fraction(product.value)
    return product, _Step(_sure(rounded(error)))


def exponential(x: Number) -> Number:
    """exp: the argument less n·ln 2, Taylor's series to the 14th power, 2**n."""
    return None if x is None else _exp_of_sum(_Step(x), _Step(0.0))


def _exp_of_sum(high: _Step, low: _Step) -> Number:
    if high.value < -745.1332191019412:
        return 0.0
    if high.value > 709.782712893384:
        return None
    n = math.floor((high * LOG2_E + 0.5).value)
    a = high - _Step(float(n)) * LN2_HI
    b = low - _Step(float(n)) * LN2_LO
    r = a + b
    rest = (a - r) + b
    series = _Step(_sure(rounded(Fraction(1, math.factorial(14)))))
    for power_ in range(13, 1, -1):
        series = series * r + _sure(rounded(Fraction(1, math.factorial(power_))))
    one = _Step(1.0)
    s = one + r
    y = s + (((one - s) + r) + (r * r * series + rest * s))
    return rounded(Fraction(y.value) * Fraction(2) ** n)


def _mantissa(x: float) -> tuple[_Step, _Step]:
    m, e = math.frexp(x)
    if m < 0.7071067811865476:
        m, e = 2 * m, e - 1
    return _Step(m), _Step(float(e))


def logarithm(x: Number) -> Number:
    """log: e·ln 2 and the minimax polynomial of msun's e_log.c in f/(2 + f)."""
    if x is None or x <= 0:
        return None
    m, e = _mantissa(x)
    one = [0.6666666666666735, 0.3999999999940942, 0.2857142874366239, 0.22222198432149784]
    c1, c2, c3, c4, c5, c6, c7 = [*one, 0.1818357216161805, 0.15313837699209373, 0.14798198605116586]
    f = m - 1.0
    s = f / (_Step(2.0) + f)
    z = s * s
    w = z * z
    even = w * (_Step(c2) + w * (_Step(c4) + w * c6))
    odd = z * (_Step(c1) + w * (_Step(c3) + w * (_Step(c5) + w * c7)))
    r = even + odd
    half = _Step(0.5) * f * f
    return (e * LN2_HI - ((half - (s * (half + r) + e * LN2_LO)) - f)).value


def power(x: Number, y: Number) -> Number:
    """pow: exp(y · log|x|), the logarithm carried as the sum of two doubles."""
    if x is None or y is None:
        return None
    if y == 0 or x == 1:
        return 1.0
    if x == 0:
        return 0.0 if y > 0 else None
    if x < 0 and y != math.floor(y):
        return None
    negative = x < 0 and int(y) % 2 == 1
    high, low = _log_sum(abs(x))
    steep = _Step(min(max(y, -(2.0**64)), 2.0**64))
    product, error = _times(steep, high)
    size = _exp_of_sum(product, error + steep * low)
    return None if size is None else -size if negative else size


def _log_sum(x: float) -> tuple[_Step, _Step]:
    m, e = _mantissa(x)
    f, d = m - 1.0, m + 1.0
    below = _Step(_sure(rounded(Fraction(m.value) + 1 - Fraction(d.value))))
    s = f / d
    p, q = _times(s, d)
    s_low = (((f - p) - q) - s * below) / d
    z, z_low = _times(s, s)
    z_low = z_low + _Step(2.0) * s * s_low
    third = 1 / 3
    third_low = _sure(rounded(Fraction(1, 3) - Fraction(third)))
    u, u_low = _times(z, _Step(third))
    u_low = u_low + (z * third_low + z_low * third)
    series = _Step(1 / 29)
    for odd in range(27, 4, -2):
        series = series * z + 1 / odd
    u_low = u_low + series * z * z
    p, q = _times(s, u)
    q = q + (s * u_low + s_low * u)
    h = s + p
    low = (s - h) + p + (q + s_low)
    a, b = e * LN2_HI, _Step(2.0) * h
    total = a + b
    rest = ((a - total) + b) + (_Step(2.0) * low + e * LN2_LO)
    head = total + rest
    return head, (total - head) + rest

"""The logistic function, and exp, log and power beside it, for one float or an array: the same bits."""

from __future__ import annotations

from typing import overload

import numpy as np

from holdfast.features.kernel import elementary, elementary_columns
from holdfast.features.kernel.elementary_columns import Floats


@overload
def exp(x: float) -> float: ...
@overload
def exp(x: Floats) -> Floats: ...
def exp(x: float | Floats) -> float | Floats:
    """e**x; NaN where that is no finite double."""
    return elementary_columns.exp(x) if isinstance(x, np.ndarray) else elementary.exp(x)


@overload
def log(x: float) -> float: ...
@overload
def log(x: Floats) -> Floats: ...
def log(x: float | Floats) -> float | Floats:
    """The natural logarithm; NaN for x ≤ 0."""
    return elementary_columns.log(x) if isinstance(x, np.ndarray) else elementary.log(x)


@overload
def power(x: float, y: float) -> float: ...
@overload
def power(x: Floats, y: Floats | float) -> Floats: ...
def power(x: float | Floats, y: float | Floats) -> float | Floats:
    """x**y; NaN for 0 to a negative power and for a root of a negative."""
    if isinstance(x, np.ndarray):
        return elementary_columns.power(x, np.asarray(y, dtype=np.float64))
    assert not isinstance(y, np.ndarray)
    return elementary.power(x, y)


@overload
def sigmoid(x: float) -> float: ...
@overload
def sigmoid(x: Floats) -> Floats: ...
def sigmoid(x: float | Floats) -> float | Floats:
    """1 / (1 + e**−x), without overflow at either end; NaN for NaN."""
    if isinstance(x, np.ndarray):
        z = elementary_columns.exp(-np.abs(x))
        return np.where(x >= 0.0, 1.0, z) / (1.0 + z)
    if x >= 0.0:
        return 1.0 / (1.0 + elementary.exp(-x))
    one = elementary.exp(x)
    return one / (1.0 + one)

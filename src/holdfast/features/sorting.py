"""Distinct values by sorting, which for millions of integers is many times faster than numpy's hashing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def distinct(values: NDArray[Any]) -> NDArray[Any]:
    """Each value once, ascending."""
    if len(values) < 2 or bool((values[1:] > values[:-1]).all()):
        return values
    ordered = np.sort(values)
    once: NDArray[Any] = ordered[np.append(True, ordered[1:] != ordered[:-1])]
    return once


def ranked(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Each value once, ascending, and where each of `values` stands among them."""
    if not len(values):
        return values, np.zeros(0, dtype=np.int64)
    order = np.argsort(values)
    ordered = values[order]
    new = np.append(True, ordered[1:] != ordered[:-1])
    rank = np.empty(len(values), dtype=np.int64)
    rank[order] = np.cumsum(new) - 1
    return ordered[new], rank

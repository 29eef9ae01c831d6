"""Which positions of a window are known: counted and reduced exactly for many windows at once.

A wavelet matrix, level by level. Positions carry a `level` (when they became known), windows a `cut`; the positions of
[lo, hi) whose level is below the cut fall into at most one piece per bit, each contiguous after that bit's stable
partition. So n positions and Q windows cost O((n + Q) log n) time and O(n + Q) memory, however long the windows are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.features.kernel.limbs import Limbs
from holdfast.features.sorting import ranked

Ints = NDArray[np.int64]
Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Piece:
    """For each window the positions `order[lo:hi]`, ascending; lo == hi where it has none here."""

    order: Ints
    lo: Ints
    hi: Ints


def pieces(levels: Ints, lo: Ints, hi: Ints, cuts: Ints) -> Iterator[Piece]:
    """Disjoint pieces that together are the positions of [lo, hi) with a level below the window's cut."""
    known, rank = ranked(levels)
    below = np.searchsorted(known, cuts, side="left")
    order = np.arange(len(levels), dtype=np.int64)
    for bit in range(len(known).bit_length() - 1, -1, -1):
        ones = (rank >> bit) & 1 == 1
        zeros = np.zeros(len(rank) + 1, dtype=np.int64)
        np.cumsum(~ones, out=zeros[1:])
        parted = np.concatenate([np.flatnonzero(~ones), np.flatnonzero(ones)])
        order, rank = order[parted], rank[parted]
        left, right = zeros[lo], zeros[hi]
        above = (below >> bit) & 1 == 1
        yield Piece(order, left, np.where(above, right, left))
        middle = zeros[-1]
        lo = np.where(above, middle + lo - left, left)
        hi = np.where(above, middle + hi - right, right)


def count_below(levels: Ints, lo: Ints, hi: Ints, cuts: Ints) -> Ints:
    """How many positions of each window have a level below its cut."""
    total = np.zeros(len(lo), dtype=np.int64)
    for piece in pieces(levels, lo, hi, cuts):
        total += piece.hi - piece.lo
    return total


def sum_below(weights: Limbs, levels: Ints, lo: Ints, hi: Ints, cuts: Ints) -> Limbs:
    """The exact sum of the weights of those positions."""
    total = Limbs.of(np.zeros(len(lo), dtype=np.int64))
    for piece in pieces(levels, lo, hi, cuts):
        running = weights[piece.order].cumulative().padded()
        total = total + (running[piece.hi] - running[piece.lo])
    return total


def ends_below(levels: Ints, lo: Ints, hi: Ints, cuts: Ints) -> tuple[Ints, Ints]:
    """The first and the last of those positions; -1 where there are none."""
    size = len(levels)
    first = np.full(len(lo), size, dtype=np.int64)
    last = np.full(len(lo), -1, dtype=np.int64)
    for piece in pieces(levels, lo, hi, cuts):
        some = np.flatnonzero(piece.hi > piece.lo)
        first[some] = np.minimum(first[some], piece.order[piece.lo[some]])
        last[some] = np.maximum(last[some], piece.order[piece.hi[some] - 1])
    return np.where(last < 0, -1, first), last


def extreme_below(values: NDArray[Any], levels: Ints, lo: Ints, hi: Ints, cuts: Ints, *, largest: bool) -> NDArray[Any]:
    """The smallest (or largest) value at those positions; anything where there are none."""
    answer = np.zeros(len(lo), dtype=values.dtype)
    seen = np.zeros(len(lo), dtype=np.bool_)
    choose = np.maximum if largest else np.minimum
    for piece in pieces(levels, lo, hi, cuts):
        some = np.flatnonzero(piece.hi > piece.lo)
        found = extreme(values[piece.order], piece.lo[some], piece.hi[some], largest=largest)
        answer[some] = np.where(seen[some], choose(answer[some], found), found)
        seen[some] = True
    return answer


def extreme(values: NDArray[Any], lo: Ints, hi: Ints, *, largest: bool) -> NDArray[Any]:
    """The smallest (or largest) of values[lo:hi] for each window; anything for an empty one.

    A sparse table kept one level at a time: a window of length L is two overlapping blocks of 2**floor(log2 L).
    """
    choose = np.maximum if largest else np.minimum
    answer = np.zeros(len(lo), dtype=values.dtype)
    length = hi - lo
    some = np.flatnonzero(length > 0)
    power = np.frexp(length[some].astype(np.float64))[1] - 1  # floor(log2), exact below 2**53
    by_power = some[np.argsort(power, kind="stable")]
    starts = np.searchsorted(np.sort(power), np.arange(power.max() + 2)) if len(some) else np.zeros(1, dtype=np.intp)
    table = values
    for level in range(len(starts) - 1):
        rows = by_power[starts[level] : starts[level + 1]]
        block = 1 << level
        answer[rows] = choose(table[lo[rows]], table[hi[rows] - block])
        if level + 2 < len(starts):
            table = choose(table[:-block], table[block:])
    return answer

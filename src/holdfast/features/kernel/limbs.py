"""Columns of exact integers of any size: sums that cannot overflow, their differences, and the way to floats.

An integer is a sum of limbs, `Σ limbs[i] · 2**(30 i)`, each limb an int64 array: the lower ones in [0, 2**30), the top
one signed. Where everything fits one int64 there is one limb, and the arithmetic is numpy's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
BITS = 30
BASE = 1 << BITS
MASK = BASE - 1
SAFE = 1 << 62
"""A single limb stays below this, so that one addition of two cannot overflow."""
EXACT = 1 << 53
"""Integers up to this are doubles."""
MOST_ROWS = 1 << 31
"""Limbs below 2**30 of so many rows add up to less than `SAFE`."""


@dataclass(frozen=True, slots=True)
class Limbs:
    """One exact integer per row."""

    limbs: tuple[Ints, ...]

    @staticmethod
    def of(values: Ints) -> Limbs:
        """int64 values as they are."""
        values = np.asarray(values, dtype=np.int64)
        return Limbs((values,)) if _largest(values) < SAFE else _normal([values & MASK, values >> BITS])

    @staticmethod
    def from_ints(values: Sequence[int]) -> Limbs:
        """Python integers of any size."""
        if all(-SAFE < item < SAFE for item in values):
            return Limbs((np.array(values, dtype=np.int64),))
        rest = list(values)
        limbs = []
        while any(not -SAFE < item < SAFE for item in rest):
            limbs.append(np.array([item & MASK for item in rest], dtype=np.int64))
            rest = [item >> BITS for item in rest]
        return Limbs((*limbs, np.array(rest, dtype=np.int64)))

    @staticmethod
    def squares(values: Ints) -> Limbs:
        """The squares of int64 values, |value| < 2**59."""
        values = np.abs(np.asarray(values, dtype=np.int64))
        if _largest(values) < 1 << 31:
            return Limbs((values * values,))
        low, high = values & MASK, values >> BITS
        return _normal([low * low, 2 * (low * high), high * high])

    def __len__(self) -> int:
        return len(self.limbs[0])

    def __getitem__(self, rows: slice | Ints | NDArray[np.bool_]) -> Limbs:
        return Limbs(tuple(limb[rows] for limb in self.limbs))

    def cumulative(self) -> Limbs:
        """Running sums: row i holds the sum of rows 0 to i."""
        rows = len(self)
        if rows >= MOST_ROWS:
            raise ValueError(f"running sums of {rows:,} rows at once: at most {MOST_ROWS - 1:,}")
        if len(self.limbs) == 1 and _largest(self.limbs[0]) * max(rows, 1) < SAFE:
            return Limbs((np.cumsum(self.limbs[0]),))
        return _normal([np.cumsum(limb) for limb in self._split()])

    def padded(self) -> Limbs:
        """The same after a leading 0: `prefix[end] - prefix[start]` of padded running sums is the sum of a window."""
        return Limbs(tuple(np.concatenate([np.zeros(1, dtype=np.int64), limb]) for limb in self.limbs))

    def __add__(self, other: Limbs) -> Limbs:
        return self._combine(other, 1)

    def __sub__(self, other: Limbs) -> Limbs:
        return self._combine(other, -1)

    def times(self, factors: Ints) -> Limbs:
        """Row by row with int64 factors, 0 ≤ factor < 2**59."""
        factors = np.asarray(factors, dtype=np.int64)
        if len(self.limbs) == 1 and _largest(self.limbs[0]) * _largest(factors) < SAFE:
            return Limbs((self.limbs[0] * factors,))
        low, high = factors & MASK, factors >> BITS
        parts = self._split()
        wide = [np.zeros(len(self), dtype=np.int64) for _ in range(len(parts) + 2)]
        for i, limb in enumerate(parts):
            for j, factor in enumerate((low, high)):
                product = limb * factor
                wide[i + j] = wide[i + j] + (product & MASK)
                wide[i + j + 1] = wide[i + j + 1] + (product >> BITS)
        return _normal(wide)

    def ints(self) -> list[int]:
        """Python integers."""
        answer: list[int] = self.limbs[-1].tolist()
        for limb in reversed(self.limbs[:-1]):
            answer = [(high << BITS) + low for high, low in zip(answer, limb.tolist(), strict=True)]
        return answer

    def small(self) -> tuple[Floats, NDArray[np.bool_]]:
        """The values as doubles, and where that is exact (|value| < 2**53); elsewhere the double means nothing."""
        if len(self.limbs) == 1:
            values = self.limbs[0]
            return values.astype(np.float64), (values > -EXACT) & (values < EXACT)
        low, second = self.limbs[0], self.limbs[1]
        value = low + ((second & MASK) << BITS)
        # The limbs above two must be the sign alone; then two limbs and the sign are the whole value.
        sign = self.limbs[-1] >> 62 if len(self.limbs) > 2 else second >> BITS
        fits = np.ones(len(low), dtype=np.bool_)
        for limb in self.limbs[2:-1]:
            fits &= limb == (sign & MASK)
        if len(self.limbs) > 2:
            fits &= self.limbs[-1] == sign
        else:
            fits &= (sign == 0) | (sign == -1)
        value = value + (sign << (2 * BITS))
        fits &= (sign == 0) | (sign == -1)
        fits &= (value > -EXACT) & (value < EXACT)
        return value.astype(np.float64), fits

    def _split(self) -> list[Ints]:
        """Limbs small enough for sums and products: the top one cut until it is below 2**30 in size."""
        limbs = list(self.limbs)
        while _largest(limbs[-1]) > BASE:
            top = limbs.pop()
            limbs += [top & MASK, top >> BITS]
        return limbs

    def _combine(self, other: Limbs, sign: int) -> Limbs:
        single = len(self.limbs) == 1 and len(other.limbs) == 1
        if single and _largest(self.limbs[0]) + _largest(other.limbs[0]) < SAFE:
            return Limbs((self.limbs[0] + sign * other.limbs[0],))
        left, right = self._split(), other._split()
        zero = np.zeros(len(self), dtype=np.int64)
        size = max(len(left), len(right))
        left += [zero] * (size - len(left))
        right += [zero] * (size - len(right))
        return _normal([a + sign * b for a, b in zip(left, right, strict=True)])


def _largest(values: Ints) -> int:
    """The largest size in a column, as a Python integer; 0 when there are no rows."""
    return max(abs(int(values.max())), abs(int(values.min()))) if len(values) else 0


def _normal(limbs: list[Ints]) -> Limbs:
    """Carry what exceeds 30 bits upwards; a top limb that is nothing but sign is folded back."""
    answer = []
    carry = np.zeros(len(limbs[0]), dtype=np.int64)
    for limb in limbs[:-1]:
        limb = limb + carry
        answer.append(limb & MASK)
        carry = limb >> BITS
    answer.append(limbs[-1] + carry)
    while len(answer) > 1 and _largest(answer[-1]) < 1 << 31:
        top = answer.pop()
        answer[-1] = answer[-1] + (top << BITS)
    return Limbs(tuple(answer))

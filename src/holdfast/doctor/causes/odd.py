"""What of a difference is odd values in production: nulls, unseen words and placeholders have causes of their own."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from holdfast.doctor.gaps import Gap
from holdfast.doctor.pair import Pair, oddities
from holdfast.doctor.shapes import is_words, null

OFTEN = 5


def ordinary(pair: Pair, gap: Gap) -> Gap:
    """The gap without the rows in which production holds a value that training never had in this column."""
    shape = pair.reference.get(gap.name)
    if shape is None or not gap.count:
        return gap
    odd = oddities(gap.production, shape, pair.vocabulary.get(gap.name, ()))
    keep = ~odd["null"] & ~odd.get("unseen", np.zeros(len(gap.mask), np.bool_))
    outside = odd.get("outside")
    if outside is not None:
        keep &= ~(outside & _repeated(gap, outside))
    return gap.only(keep)


def _repeated(gap: Gap, outside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Values outside of the range that come again and again: a code that stands for something."""
    if is_words(gap.production):
        return np.zeros(len(gap.mask), np.bool_)
    there = gap.production[outside & gap.mask & ~null(gap.production)]
    codes = [value for value, count in Counter(there.tolist()).items() if count >= OFTEN]
    found: NDArray[np.bool_] = np.isin(gap.production.astype(np.float64), codes)
    return found

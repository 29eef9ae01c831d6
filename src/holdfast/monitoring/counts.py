"""What was counted of some stretch of live traffic: exact integers, so any two may be added in any order.

A cell is one feature in one bin. Bins are those of the bundle's reference (`reference.Bins`): for numbers the profile's
edges with both ends open, for categories the contract's codes; null has a bin of its own (the first).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]


@dataclass
class Counts:
    """Of one version, in event time from `start` (µs UTC, included) to `end` (excluded).

    Shapes: `bins` holds for each feature, in contract order, an array of counts (null first); `score` the same for the
    probability. All integers; sums of values are in `sums`, by feature, as exact fractions of what the features allow.
    """

    version: str
    contract: str
    start: int
    end: int
    decisions: int = 0
    positive: int = 0
    """Decisions that were positive."""
    bins: tuple[Integers, ...] = ()
    score: Integers = field(default_factory=lambda: np.zeros(0, np.int64))
    below: Integers = field(default_factory=lambda: np.zeros(0, np.int64))
    """By feature: values under the smallest of training."""
    above: Integers = field(default_factory=lambda: np.zeros(0, np.int64))
    warnings: Counter[str] = field(default_factory=Counter)
    """By the words of the decision's own warnings (``merchant_category: unknown``, …)."""
    unknown: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(field, word) of values the vocabulary lacks; at most so many words are told apart, the rest count as ``…``."""
    refusals: Counter[str] = field(default_factory=Counter)
    """Requests that got no answer, by the code of their first problem."""

    def __add__(self, other: Counts) -> Counts:
        """Both together: of the same version, their stretches side by side or one over the other."""
        raise NotImplementedError

    def as_dict(self) -> dict[str, Any]:
        raise NotImplementedError

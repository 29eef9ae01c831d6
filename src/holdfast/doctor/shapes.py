"""How one column looks: nulls, words with their counts, or numbers as a curve over a few edges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Values = Floats | NDArray[np.object_]
"""Numbers (NaN is null), or words (None is null)."""
BINS = 40


@dataclass(frozen=True)
class Shape:
    """A column of `rows` values, `nulls` of them null. Of numbers, `below[i]` is the share at most `edges[i]`."""

    rows: int
    nulls: float
    words: Mapping[str, float] | None = None
    edges: Floats = field(default_factory=lambda: np.zeros(0))
    below: Floats = field(default_factory=lambda: np.zeros(0))
    values: Floats | None = None
    """The numbers themselves, sorted, where they are at hand."""

    @property
    def present(self) -> float:
        return self.rows - self.nulls

    @property
    def low(self) -> float:
        return float(self.edges[0])

    @property
    def high(self) -> float:
        return float(self.edges[-1])


def is_words(values: Values) -> bool:
    return values.dtype == object


def null(values: Values) -> NDArray[np.bool_]:
    """Which values are null."""
    if is_words(values):
        return np.fromiter((item is None for item in values), np.bool_, len(values))
    return np.isnan(values.astype(np.float64))


def shape_of(values: Values) -> Shape:
    gone = null(values)
    there = values[~gone]
    if is_words(values):
        words, counts = np.unique(there.astype(np.str_), return_counts=True)
        told = dict(zip(words.tolist(), map(float, counts), strict=True))
        return Shape(len(values), int(gone.sum()), told)
    numbers = np.sort(there.astype(np.float64))
    if not len(numbers):
        return Shape(len(values), int(gone.sum()))
    edges = np.unique(np.quantile(numbers, np.linspace(0, 1, BINS + 1), method="inverted_cdf"))
    return Shape(len(values), int(gone.sum()), None, edges, below(numbers, edges), numbers)


def below(numbers: Floats, edges: Floats) -> Floats:
    """Share of sorted numbers at most each edge."""
    found: Floats = np.searchsorted(numbers, edges, side="right") / len(numbers)
    return found


def from_profile(told: Mapping[str, Any], rows: int, words: tuple[str, ...]) -> Shape:
    """The shape of a feature from a bundle's profile. A category's code 0 is null, 1 unknown, 2 its first word."""
    nulls = float(told.get("null_share", 0.0)) * rows
    if told["kind"] == "category":
        counts = {word_of(int(code), words): float(count) for code, count in told["codes"].items()}
        counts.pop("", None)
        return Shape(rows, nulls, counts)
    if "edges" not in told:
        return Shape(rows, nulls)
    # A bin counts from its edge on, the next one left out: the share at most an edge is not known, below it is.
    edges, counts_ = np.asarray(told["edges"], dtype=np.float64), np.asarray(told["counts"], dtype=np.float64)
    at_most = np.nextafter(edges[1:], -np.inf)
    at_most[-1] = edges[-1]
    share = np.cumsum(counts_) / max(1.0, counts_.sum())
    return Shape(rows, nulls, None, np.append(edges[:1], at_most), np.append(np.nan, share))


def word_of(code: int, words: tuple[str, ...]) -> str:
    """What a category code stands for; empty for null."""
    if code == 0:
        return ""
    if code == 1:
        return "(unknown)"
    return words[code - 2] if code - 2 < len(words) else f"code {code}"

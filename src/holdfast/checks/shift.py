"""How far two sets of values lie apart: the population stability index, less what chance alone makes of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from holdfast.monitoring.distance import chi_point
from holdfast.training.rows import Floats

BINS = 10
CHANCE = 0.001


@dataclass(frozen=True)
class Shift:
    """`value` as usually computed; `beyond` what is left of it when what chance may make of it is taken off."""

    value: float
    beyond: float
    missing: tuple[float, float]
    """Share that is null, then and now."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def shift(then: Floats, now: Floats, *, category: bool) -> Shift:
    """Values, null as NaN (a category's codes as they are). Numbers are binned at the tenths of `then`, null apart.

    Without a shift the index is (1/n + 1/m) times a chi-square of bins − 1: its 99.9 % point is what chance may do.
    """
    if not len(then) or not len(now):
        return Shift(0.0, 0.0, (0.0, 0.0))
    a, b = _groups(then, now, category)
    size = int(max(a.max(), b.max())) + 1
    old, new = np.bincount(a, minlength=size), np.bincount(b, minlength=size)
    used = (old + new) > 0
    bins = int(used.sum())
    p, q = (old[used] + 0.5) / (len(a) + 0.5 * bins), (new[used] + 0.5) / (len(b) + 0.5 * bins)
    value = float(((q - p) * np.log(q / p)).sum())
    chance = chi_point(bins - 1, CHANCE) * (1 / len(a) + 1 / len(b))
    gone = (float((then == 0).mean()), float((now == 0).mean())) if category else (
        float(np.isnan(then).mean()), float(np.isnan(now).mean()))  # fmt: skip
    return Shift(value, max(0.0, value - chance), gone)


def _groups(then: Floats, now: Floats, category: bool) -> tuple[Any, Any]:
    if category:
        words = np.unique(np.concatenate([then, now]))
        return np.searchsorted(words, then), np.searchsorted(words, now)
    there = then[~np.isnan(then)]
    points = np.linspace(0, 1, BINS + 1)[1:-1]
    edges = np.unique(np.quantile(there, points, method="inverted_cdf")) if len(there) else np.zeros(0)

    def binned(values: Floats) -> Any:
        return np.where(np.isnan(values), 0, np.searchsorted(edges, values, "left") + 1)

    return binned(then), binned(now)

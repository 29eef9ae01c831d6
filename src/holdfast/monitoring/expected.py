"""What is expected of a stretch of traffic: the reference, hour by hour and weekend apart, mixed as the traffic was.

A season is an hour of the day on a working day (0 to 23) or on a weekend (24 to 47), UTC. Hours that the reference
hardly saw are drawn towards all hours, the more so the less a feature depends on the hour: this is learned by feature.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from holdfast.monitoring.distance import Floats, Ints

SEASONS = 48
HOUR = 3_600_000_000
DAY = 24 * HOUR
SCORE = "score"
"""What the model's own probability is called among the features; it stands last."""


def season(time: int) -> int:
    """Of an instant in µs UTC. Day 0 was a Thursday."""
    return (time // HOUR) % 24 + 24 * ((time // DAY + 3) % 7 >= 5)


@dataclass(frozen=True)
class Shape:
    """How one feature lay in training. Cells: null first; then bins between `edges`, the outer ones open, or codes."""

    name: str
    kind: str
    """``number``, ``boolean``, ``category`` …"""
    total: Ints
    edges: tuple[float, ...] = ()
    """Of numbers, from the smallest to the largest of training; one more than bins."""
    words: tuple[str, ...] = ()
    """Of categories: what cell i means, null and unknown first."""
    seasons: Ints | None = None
    """(48, cells); None where the bundle did not keep them."""
    daily: float | None = None
    """Natural variation: mean stability index of one day against the others, less what chance makes of it."""
    weekly: float | None = None
    """The same of one week, as it usually is: what grows slowly in training shall not hide what changes in live."""
    hourly: float | None = None
    """The same of one hour, like with like."""
    outside: tuple[float, float] = (0.0, 0.0)
    """Share of values below the first, and above the last edge: none, where the edges are training's own."""
    octaves: tuple[int, ...] = ()
    """How many values of training lay in each octave of size, zeros first; see `bundle.bins`."""
    suspects: tuple[int, ...] = ()
    """How often each of `bundle.bins.SUSPECTS` occurred in training."""

    @property
    def rows(self) -> int:
        return int(self.total.sum())


class Expected:
    """The shapes of all features in the contract's order and of the score, side by side in one array of cells."""

    def __init__(
        self,
        shapes: Sequence[Shape],
        *,
        rows_an_hour: float = 0.0,
        traffic: Floats | None = None,
        hours: float = 0.0,
        decision: Shape | None = None,
    ) -> None:
        """`traffic`: decisions of training by season per hour of that season, the form of a usual week. `hours`: how
        long training lasted. `decision`: how the share of positive decisions varied (nothing else of it)."""
        self.shapes = tuple(shapes)
        self.names = tuple(item.name for item in shapes)
        self.at = {name: i for i, name in enumerate(self.names)}
        sizes = np.array([len(item.total) for item in shapes])
        self.starts: Ints = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
        self.ends: Ints = self.starts + sizes
        self.total: Floats = np.concatenate([_share(item.total.astype(np.float64)) for item in shapes])
        self.rows = max((item.rows for item in shapes), default=0)
        self.rows_an_hour = rows_an_hour
        self.traffic = traffic
        self.hours = hours
        self._decision = decision
        self._by_season, self._weight = self._seasons()
        self._pooled: dict[float, tuple[Ints, Ints]] = {}

    def cells(self, name: str) -> slice:
        at = self.at[name]
        return slice(int(self.starts[at]), int(self.ends[at]))

    def mixed(self, weights: Floats) -> Floats:
        """Expected shares of all cells for traffic that lay in the seasons by these shares (48, summing to 1)."""
        if self._by_season is None:
            return self.total
        return np.asarray(weights @ self._by_season)

    def turned(self, weights: Floats, hours: int) -> Floats:
        """The same if the clock had gone `hours` ahead: what a shifted hour or time zone would look like."""
        return self.mixed(np.concatenate([np.roll(weights[:24], hours), np.roll(weights[24:], hours)]))

    def support(self, weights: Floats) -> Floats:
        """For each feature, of how many rows the expectation is made."""
        if self._weight is None:
            return np.full(len(self.shapes), float(max(self.rows, 1)))
        return np.asarray(1.0 / np.maximum((weights[:, None] ** 2 / self._weight).sum(axis=0), 1e-12))

    def natural(self, days: float, n: int, fallback: float) -> Floats:
        """Natural variation of each feature over a stretch of so many days and decisions, as a mean index.

        What one hour varied by beyond its day is the work of few customers who come often: it shrinks with decisions.
        """
        return self._natural(self.shapes, days, n, fallback)

    def natural_decision(self, days: float, n: int, fallback: float) -> float:
        """The same of the share of positive decisions, as an index; the score's where the bundle has not kept it."""
        return float(self._natural((self._decision or self.shapes[-1],), days, n, fallback)[0])

    def _natural(self, shapes: Sequence[Shape], days: float, n: int, fallback: float) -> Floats:
        daily = np.array([fallback if item.daily is None else max(0.0, item.daily) for item in shapes])
        if days >= 1:
            # Days make a week steadier, unless what makes them differ lasts for weeks.
            weekly = np.array([max(0.0, item.weekly or 0.0) for item in shapes])
            return np.asarray(np.maximum(daily / days**0.5, weekly * min(1.0, days / 7)))
        hourly = np.array([fallback if item.hourly is None else max(0.0, item.hourly) for item in shapes])
        measured = max(1.0, self.rows / self.hours if self.hours else self.rows_an_hour)
        often = measured / max(1, n)
        return np.asarray(daily + np.maximum(0.0, hourly - daily) * (often if often < 1 else often**0.5))

    def pooled(self, least: float) -> tuple[Ints, Ints]:
        """(where groups of neighbouring cells begin, where features begin among groups): each with that share."""
        if least not in self._pooled:
            begins: list[int] = []
            features: list[int] = []
            for start, end in zip(self.starts.tolist(), self.ends.tolist(), strict=True):
                features.append(len(begins))
                first, held = len(begins), 0.0
                for cell in range(start, end):
                    if held >= least or cell == start:
                        begins.append(cell)
                        held = 0.0
                    held += float(self.total[cell])
                if held < least and len(begins) > first + 1:
                    begins.pop()
            self._pooled[least] = (np.array(begins, dtype=np.int64), np.array(features, dtype=np.int64))
        return self._pooled[least]

    def _seasons(self) -> tuple[Floats | None, Floats | None]:
        if not self.shapes or all(item.seasons is None for item in self.shapes):
            return None, None
        parts, support = [], []
        for item in self.shapes:
            overall = _share(item.total.astype(np.float64))
            counts = np.zeros((SEASONS, len(overall))) if item.seasons is None else item.seasons.astype(np.float64)
            rows = counts.sum(axis=1)
            drawn = _drawn(counts, overall)
            parts.append((counts + drawn * _near(counts, overall, drawn)) / (rows + drawn)[:, None])
            support.append(np.minimum(rows + drawn, max(item.rows, 1)))
        return np.concatenate(parts, axis=1), np.stack(support, axis=1)


def _share(counts: Floats) -> Floats:
    return counts / max(1.0, float(counts.sum()))


def _near(counts: Floats, overall: Floats, drawn: float) -> Floats:
    """What each hour is drawn towards: the hours beside it and the same hour of other days, these towards all hours.

    Drawn to all hours at once, a seldom one that is unlike the rest would be expected to be half like them.
    """
    days, ends = counts[:24], counts[24:]
    near = np.concatenate([np.roll(days, 1, 0) + np.roll(days, -1, 0) + ends,
                           np.roll(ends, 1, 0) + np.roll(ends, -1, 0) + days])  # fmt: skip
    return np.asarray((near + drawn * overall) / (near.sum(axis=1) + drawn)[:, None])


def _drawn(counts: Floats, overall: Floats) -> float:
    """How many rows of all hours stand beside those of each hour: few where hours differ, many where they do not.

    Under a Dirichlet-multinomial the chi-square of a season of R rows is 1 + (R − 1) / (m + 1) times its freedom.
    """
    rows, there = counts.sum(axis=1), overall > 0
    used = rows > 1
    freedom = (int(there.sum()) - 1) * max(1, int(used.sum()) - 1)
    if freedom < 1 or not used.any():
        return 1e6
    e = rows[used, None] * overall[None, there]
    excess = float(((counts[used][:, there] - e) ** 2 / e).sum()) / freedom - 1
    noise = 3 * (2 / freedom) ** 0.5
    if excess <= noise:
        return 1e6
    return max(0.5, (float(rows[used].mean()) - 1) / excess - 1)


def shape_of_profile(name: str, told: Mapping[str, Any], codes: int = 0) -> Shape:
    """From one column of a bundle's profile of the first format, which knows no seasons. `codes`: of a category."""
    if told.get("kind") == "category":
        total = np.zeros(max(codes, 2, *(int(code) + 1 for code in told["codes"])), np.int64)
        for code, count in told["codes"].items():
            total[int(code)] = count
        return Shape(name, "category", total)
    if "counts" not in told:
        return Shape(name, str(told.get("kind", "number")), np.array([1, 0], np.int64))
    there = np.array(told["counts"], np.int64)
    share = min(0.999999, float(told["null_share"]))
    null = round(share / (1 - share) * int(there.sum()))
    edges = tuple(float(edge) for edge in told["edges"])
    return Shape(name, str(told.get("kind", "number")), np.append(np.int64(null), there), edges)

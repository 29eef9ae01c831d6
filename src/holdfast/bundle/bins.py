"""How feature values become bin numbers: one way for the training rows in a bundle's profile and for live traffic.

All counts of one stretch of rows are one flat row of integers (*cells*), so counting is one `bincount` whatever the
number of features, and adding two stretches is one addition. `Layout` says which cell means what:

- for each column its bins, null first: numbers by the profile's edges with both ends open, categories by code
- for each column how many values lie far under the first edge, and how many far over the last (`outer_of`)
- for each column of numbers its octaves: how many values are 0, and how many in [2**(k-1), 2**k) apart from their sign
- for each column of numbers how its values spread over `SPREAD` buckets of a hash: a single value fills one of them
- for each column of numbers how often each of `SUSPECTS` occurs to the bit
- rows by season

The columns are the features in contract order, and last the probability.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.contract.model import DAY, SECOND, Contract
from holdfast.contract.words import vocabulary_of

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

BINS = 20
"""Bins of equal count in a profile, fewer where values tie."""
SEASONS = 48
"""Hours of a working day, then those of Saturday and Sunday, in UTC."""
HOURS_OF_WEEK = 168
"""From Monday 00:00 on, in UTC."""
OCTAVES = 44
_LOWEST = -11
"""Octave 1 holds all below 2**-10."""
SPREAD = 8
SUSPECTS = (-999_999.0, -99_999.0, -9_999.0, -999.0, -99.0, -1.0, 99.0, 999.0, 9_999.0, 99_999.0, 999_999.0)
"""Numbers that people write where they know none."""

_HOUR = 3_600 * SECOND
_MOST = 4_000_000
"""Cells counted at once: 32 MB."""
_ODD, _UPPER = np.uint64(0x9E3779B97F4A7C15), np.uint64(61)


def hour_of_week(times: Integers) -> Integers:
    """0 to 167 for instants in µs UTC."""
    # The first of January 1970 was a Thursday.
    return (times // DAY + 3) % 7 * 24 + times // _HOUR % 24


def season(times: Integers) -> Integers:
    """0 to 23 on working days, 24 to 47 on Saturday and Sunday, for instants in µs UTC."""
    return times // _HOUR % 24 + 24 * ((times // DAY + 3) % 7 >= 5)


def edges_of(present: Floats, most: int = BINS) -> Floats:
    """Edges of bins of equal count, or of one bin for each value where there are few; a heavy largest value is apart.

    `present` holds no null and at least one value.
    """
    points = np.quantile(present, np.linspace(0, 1, most + 1), method="inverted_cdf")
    edges = np.unique(points)
    if len(edges) <= most // 2:
        distinct = np.unique(present)
        edges = distinct if len(distinct) <= most else edges
    top = edges[-1]
    if len(edges) == 1 or 2 * most * int((present == top).sum()) >= len(present):
        edges = np.append(edges, np.nextafter(top, np.inf))
    return edges


def outer_of(edges: Floats) -> tuple[float, float]:
    """Between what values lie where training's lay: an outer bin's width beyond its smallest and its largest.

    The largest that a sample has is passed by one in so many rows of the next, and for weeks by a slow total. Where
    each value has a bin of its own there is no such margin.
    """
    low, high = float(edges[0]), float(edges[-1])
    if len(edges) <= BINS // 2:
        return low, high
    return low - float(edges[1] - edges[0]), high + float(edges[-1] - edges[-2])


@dataclass(frozen=True)
class Column:
    """One feature, or the probability. `bins` counts null's too; `edges` is None where codes are bins."""

    bins: int
    edges: Floats | None = None
    octaves: bool = False
    """Whether it holds numbers, whose size and single values mean something."""

    @cached_property
    def outer(self) -> tuple[float, float]:
        assert self.edges is not None
        return outer_of(self.edges)

    def place(self, values: Floats) -> Integers:
        """Bin numbers: 0 for null."""
        if self.edges is None:
            codes = np.where(np.isnan(values), 0.0, values)
            return np.clip(codes, 0, self.bins - 1).astype(np.int64)
        at = np.searchsorted(self.edges, values, side="right")
        found = np.minimum(np.maximum(at, 1), self.bins - 1)
        found[np.isnan(values)] = 0
        return found


def number(edges: Floats, *, octaves: bool = True) -> Column:
    return Column(len(edges), edges, octaves)


def present_or_not(*, octaves: bool = True) -> Column:
    """Of a feature that the profile knows nothing of: null, or not."""
    return Column(2, np.array([-np.inf, np.inf]), octaves)


def codes(words: int) -> Column:
    """A category with so many declared values: null, unknown, then those."""
    return Column(2 + words)


@dataclass(frozen=True)
class Places:
    """Where in a row of cells lies what; `shape` is the number of bins of each column, the probability's last."""

    shape: tuple[int, ...]

    @cached_property
    def starts(self) -> Integers:
        """Where the bins of each column begin."""
        return np.concatenate([[0], np.cumsum(self.shape)]).astype(np.int64)

    @cached_property
    def at(self) -> dict[str, int]:
        """Where each part begins; `end` is how many cells there are."""
        n = len(self.shape)
        sizes = {
            "below": n, "above": n, "octaves": n * OCTAVES, "spread": n * SPREAD, "suspects": n * len(SUSPECTS),
            "seasons": SEASONS,
        }  # fmt: skip
        found, at = {}, int(self.starts[-1])
        for name, size in sizes.items():
            found[name] = at
            at += size
        return found | {"end": at}

    def bins(self, cells: Integers, column: int) -> Integers:
        return cells[..., self.starts[column] : self.starts[column + 1]]

    def table(self, cells: Integers, name: str, width: int = 1) -> Integers:
        """A part with so many cells for each column, shape (columns, width)."""
        start = self.at[name]
        return cells[start : start + len(self.shape) * width].reshape(-1, width)


@lru_cache(maxsize=64)
def places(shape: tuple[int, ...]) -> Places:
    return Places(shape)


@dataclass(frozen=True)
class Layout:
    """The columns of one bundle; counts rows of theirs."""

    columns: tuple[Column, ...]

    @cached_property
    def shape(self) -> tuple[int, ...]:
        return tuple(column.bins for column in self.columns)

    @cached_property
    def places(self) -> Places:
        return places(self.shape)

    def count(self, matrix: Floats, seasons: Integers, groups: Integers, many: int) -> Integers:
        """Cells of each of `many` groups, shape (groups, cells).

        `matrix` has shape (rows, columns), null is NaN; the other two say of each row its season, and its group from 0
        on.
        """
        width = self.places.at["end"]
        step = max(1, _MOST // width)
        found = np.zeros((many, width), np.int64)
        for first in range(0, many, step):
            size = min(step, many - first)
            if size == many:
                self._count(matrix, seasons, groups, found)
            else:
                inside = (groups >= first) & (groups < first + size)
                self._count(matrix[inside], seasons[inside], groups[inside] - first, found[first : first + size])
        return found

    def _count(self, matrix: Floats, seasons: Integers, groups: Integers, into: Integers) -> None:
        """Column by column, so that what is worked on stays near the processor."""
        at, starts = self.places.at, self.places.starts.tolist()
        alone = len(into) == 1

        def add(slots: Integers, own: Integers, first: int, size: int) -> None:
            if alone:
                into[0, first : first + size] += np.bincount(slots, minlength=size)
            else:
                counted = np.bincount(own * size + slots, minlength=len(into) * size)
                into[:, first : first + size] += counted.reshape(len(into), size)

        add(seasons, groups, at["seasons"], SEASONS)
        for number, column in enumerate(self.columns):
            values = np.ascontiguousarray(matrix[:, number])
            add(column.place(values), groups, starts[number], column.bins)
            if column.edges is None:
                continue
            for name, outside in (("below", values < column.outer[0]), ("above", values > column.outer[1])):
                if outside.any():
                    into[:, at[name] + number] += np.bincount(groups[outside], minlength=len(into))
            if not column.octaves:
                continue
            null, own = np.isnan(values), groups
            if null.any():
                values, own = values[~null], groups[~null]
            bits = values.view(np.int64)
            octaves = np.minimum(np.maximum((bits >> 52 & 2047) - (1_022 + _LOWEST), 1), OCTAVES - 1)
            octaves[values == 0] = 0
            add(octaves, own, at["octaves"] + number * OCTAVES, OCTAVES)
            # The upper bits of a product depend on all bits of the value; -0.0 never occurs in a feature row.
            spread = (values.view(np.uint64) * _ODD >> _UPPER).view(np.int64)
            add(spread, own, at["spread"] + number * SPREAD, SPREAD)
            low, high = values.min(initial=np.inf), values.max(initial=-np.inf)
            for which, suspect in enumerate(SUSPECTS):
                if low <= suspect <= high and len(found := own[values == suspect]):
                    cell = at["suspects"] + number * len(SUSPECTS) + which
                    into[:, cell] += np.bincount(found, minlength=len(into))


def layout_of(contract: Contract, profile: Mapping[str, Any]) -> Layout:
    """The columns of a bundle: by its profile of either format; of what that does not know, null or not."""
    known = profile.get("features", {})
    columns = []
    for feature in contract.features:
        told = known.get(feature.name, {})
        octaves = feature.expr.kind != "boolean"
        if feature.expr.kind == "category":
            seen = max((int(code) for code in told.get("codes", ())), default=0)
            columns.append(codes(max(len(vocabulary_of(contract, feature.expr)), seen - 1)))
        elif "edges" in told:
            columns.append(number(np.array(told["edges"]), octaves=octaves))
        else:
            columns.append(present_or_not(octaves=octaves))
    score = score_of(profile)
    columns.append(number(np.array(score["edges"])) if "edges" in score else present_or_not())
    return Layout(tuple(columns))


def score_of(profile: Mapping[str, Any]) -> Mapping[str, Any]:
    """How the probability lay: on rows the model had not learned from, where the profile has that."""
    found: Mapping[str, Any] = profile.get("score", profile.get("probability", {}))
    return found

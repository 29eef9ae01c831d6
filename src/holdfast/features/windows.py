"""Windows over points ordered by (entity, time, id): two searches each, and what was not known yet taken out exactly.

Everything here is integer positions. A window of a row is [lo, hi) among the points; the rows in which some point of
the window may not have been known by their cut are listed as `late`, and only they pay for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.features import dominance
from holdfast.features.kernel.limbs import Limbs
from holdfast.features.sorting import ranked

Ints = NDArray[np.int64]
PACKED = 1 << 62


@dataclass(frozen=True)
class Asking:
    """Rows in order of (entity, time): entity code (-1: has no events), decision time, and knowledge cut."""

    order: Ints
    """Position of each among the rows as given."""
    codes: Ints
    times: Ints
    cuts: Ints

    def __len__(self) -> int:
        return len(self.order)


@dataclass(frozen=True)
class Window:
    """Positions [lo, hi) of each row; `late` are rows where known has to be looked at point by point."""

    lo: Ints
    hi: Ints
    late: Ints


@dataclass
class Points:
    """Points of one series, ordered by (entity, time, id): code, time, known, and the event each belongs to."""

    codes: Ints
    times: Ints
    known: Ints
    at: Ints
    entities: int
    """Codes are below this, here and among the rows that ask."""
    _searches: dict[Any, Ints] = field(default_factory=dict, repr=False)
    _windows: dict[Any, Window] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.codes)

    def __post_init__(self) -> None:
        self._first = int(self.times.min()) if len(self) else 0
        self._span = (int(self.times.max()) - self._first + 2) if len(self) else 1
        self._moments: Ints | None = None
        if self.entities * self._span >= PACKED:  # too wide for one integer: times by rank
            self._moments, rank = ranked(self.times)
            self._span = len(self._moments) + 1
            self._packed = self.codes * self._span + rank
        else:
            self._packed = self.codes * self._span + (self.times - self._first)
        same = self.codes[1:] == self.codes[:-1]
        self._in_order = bool((~same | (self.known[1:] >= self.known[:-1])).all())
        self._peak: Ints | None = None

    def before(self, asking: Asking, back: int) -> Ints:
        """For each row, the first position of its entity at or after its time minus `back`."""
        key = (id(asking), back)
        if key not in self._searches:
            self._searches[key] = self._search(asking.codes, asking.times - back)
        return self._searches[key]

    def window(self, asking: Asking, start: int, end: int) -> Window:
        """Points with t − start ≤ time < t − end that may be known; empty where end is further back than start."""
        key = (id(asking), start, end)
        if key not in self._windows:
            lo = self.before(asking, start)
            hi = np.maximum(self.before(asking, end), lo)
            self._windows[key] = self._known_part(asking, lo, hi)
        return self._windows[key]

    def _search(self, codes: Ints, moments: Ints) -> Ints:
        if self._moments is None:
            offset = np.clip(moments - self._first, 0, self._span - 1)
        else:
            offset = np.searchsorted(self._moments, moments)
        found = np.searchsorted(self._packed, codes * self._span + offset)
        # A row without an entity finds the start of everything on both sides: an empty window.
        return np.where(codes < 0, 0, found)

    def _known_part(self, asking: Asking, lo: Ints, hi: Ints) -> Window:
        """Cut off what is not known yet where known follows time; else tell which rows have to look."""
        none = np.zeros(0, dtype=np.int64)
        if not len(self):
            return Window(lo, hi, none)
        if self._peak is None:
            self._peak = self.known if self._in_order else running_peak(self.codes, self.known)
        late = np.flatnonzero((hi > lo) & (self._peak[hi - 1] >= asking.cuts))
        if not len(late):
            return Window(lo, hi, none)
        if not self._in_order:
            return Window(lo, hi, late)
        hi = hi.copy()
        hi[late] = np.maximum(np.minimum(hi[late], self._known_before(asking.codes[late], asking.cuts[late])), lo[late])
        return Window(lo, hi, none)

    def _known_before(self, codes: Ints, cuts: Ints) -> Ints:
        moments, rank = ranked(self.known)
        span = len(moments) + 1
        packed = self.codes * span + rank
        return np.searchsorted(packed, codes * span + np.searchsorted(moments, cuts))

    # What a window holds

    def count(self, asking: Asking, window: Window) -> Ints:
        n = window.hi - window.lo
        if len(window.late):
            part = self._late(asking, window)
            n[window.late] = dominance.count_below(part.known, part.lo, part.hi, part.cuts)
        return n

    def total(self, asking: Asking, window: Window, running: Limbs, weights: Limbs) -> Limbs:
        """Exact sums of `weights`, whose padded running sums are `running`."""
        sums = running[window.hi] - running[window.lo]
        if not len(window.late):
            return sums
        part = self._late(asking, window)
        late = dominance.sum_below(weights[part.at], part.known, part.lo, part.hi, part.cuts)
        return replaced(sums, window.late, late)

    def ends(self, asking: Asking, window: Window) -> tuple[Ints, Ints]:
        """First and last position of each window; -1 where it is empty."""
        some = window.hi > window.lo
        first, last = np.where(some, window.lo, -1), np.where(some, window.hi - 1, -1)
        if len(window.late):
            part = self._late(asking, window)
            early, late = dominance.ends_below(part.known, part.lo, part.hi, part.cuts)
            first[window.late] = np.where(early < 0, -1, part.at[early])
            last[window.late] = np.where(late < 0, -1, part.at[late])
        return first, last

    def extreme(self, asking: Asking, window: Window, values: NDArray[Any], *, largest: bool) -> NDArray[Any]:
        answer = dominance.extreme(values, window.lo, window.hi, largest=largest)
        if len(window.late):
            part = self._late(asking, window)
            answer[window.late] = dominance.extreme_below(
                values[part.at], part.known, part.lo, part.hi, part.cuts, largest=largest
            )
        return answer

    def _late(self, asking: Asking, window: Window) -> _Part:
        """The late rows' windows among the points of their own entities alone."""
        chosen = np.zeros(self.entities, dtype=np.bool_)
        chosen[asking.codes[window.late]] = True
        kept = chosen[self.codes]
        moved = np.zeros(len(self) + 1, dtype=np.int64)
        np.cumsum(kept, out=moved[1:])
        at = np.flatnonzero(kept)
        return _Part(
            at, self.known[at], moved[window.lo[window.late]], moved[window.hi[window.late]], asking.cuts[window.late]
        )


@dataclass(frozen=True)
class _Part:
    at: Ints
    known: Ints
    lo: Ints
    hi: Ints
    cuts: Ints


def running_peak(codes: Ints, known: Ints) -> Ints:
    """The latest known so far within each entity."""
    moments, rank = ranked(known)
    span = len(moments) + 1
    ranks = codes * span + rank
    peak: Ints = moments[np.maximum.accumulate(ranks) - codes * span]
    return peak


def replaced(column: Limbs, rows: Ints, values: Limbs) -> Limbs:
    """The column with other integers in these rows."""
    size = max(len(column.limbs), len(values.limbs))
    if size == 1:
        answer = column.limbs[0].copy()
        answer[rows] = values.limbs[0]
        return Limbs((answer,))
    gap = Limbs.of(np.zeros(len(rows), dtype=np.int64)) + values - column[rows]
    spread = []
    for limb in gap.limbs:
        wide = np.zeros(len(column), dtype=np.int64)
        wide[rows] = limb
        spread.append(wide)
    return column + Limbs(tuple(spread))

"""How many different values a window holds, exactly.

A position counts when the value's previous occurrence for the entity lies before the window: one dominance count for
all windows. Rows where some point was not known by the cut look at their points one by one, some millions at a time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from holdfast.features import dominance
from holdfast.features.columns import Column
from holdfast.features.entities import factorise
from holdfast.features.sorting import distinct, ranked
from holdfast.features.windows import Asking, Points, Window

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
AT_ONCE = 4_000_000
"""Points looked at together."""


def distinct_counts(
    points: Points, asking: Asking, window: Window, values: Column, current: Flags | None, own: Column | None
) -> Ints:
    """Distinct `values` of each window, and the row's `own` value with them where `current`."""
    codes, own_codes, size = factorise(values, own if own is not None else values)
    entity_value = points.codes * size + codes
    order = np.argsort(entity_value, kind="stable")
    grouped = entity_value[order]
    previous = np.full(len(points), -1, dtype=np.int64)
    again = grouped[1:] == grouped[:-1]
    previous[order[1:][again]] = order[:-1][again]
    quick = window.hi > window.lo
    quick[window.late] = False
    counts = np.zeros(len(asking), dtype=np.int64)
    rows = np.flatnonzero(quick)
    lo, hi = window.lo[rows], window.hi[rows]
    counts[rows] = dominance.count_below(previous, lo, hi, lo)
    if current is not None and own is not None:
        fresh = current.copy()
        fresh[window.late] = False
        asked = np.flatnonzero(fresh & (own_codes >= 0) & quick)
        if len(asked):
            there, dense = ranked(entity_value)
            wanted = asking.codes[asked] * size + own_codes[asked]
            at = np.minimum(np.searchsorted(there, wanted), len(there) - 1)
            known = there[at] == wanted
            span = len(points) + 1
            spots = dense[order] * span + order
            end = np.searchsorted(spots, at * span + window.hi[asked])
            start = np.searchsorted(spots, at * span + window.lo[asked])
            fresh[asked[known & (end > start)]] = False
        counts += fresh
    if len(window.late):
        mine = own_codes if own is not None else None
        counts[window.late] = _one_by_one(points, asking, window, codes, current, mine)
    return counts


def _one_by_one(
    points: Points, asking: Asking, window: Window, codes: Ints, current: Flags | None, own: Ints | None
) -> Ints:
    """The late rows' windows, point by point."""
    lengths = (window.hi - window.lo)[window.late]
    bounds = np.concatenate([[0], np.cumsum(lengths)])
    counts = np.zeros(len(lengths), dtype=np.int64)
    start = 0
    while start < len(lengths):
        stop = max(int(np.searchsorted(bounds, bounds[start] + AT_ONCE, side="right")) - 1, start + 1)
        rows = window.late[start:stop]
        size = lengths[start:stop]
        row = np.repeat(np.arange(len(rows)), size)
        at = np.arange(int(size.sum())) - np.repeat(bounds[start:stop] - bounds[start], size) + window.lo[rows][row]
        seen = points.known[at] < asking.cuts[rows][row]
        row, value = row[seen], codes[at[seen]]
        if current is not None and own is not None:
            mine = np.flatnonzero(current[rows])
            # A value no point has is one of its own: any code above all others.
            codes_there = np.where(own[rows[mine]] < 0, int(codes.max()) + 1, own[rows[mine]])
            row, value = np.append(row, mine), np.append(value, codes_there)
        widest = int(value.max()) + 1 if len(value) else 1
        pairs = distinct(row * widest + value)
        counts[start:stop] = np.bincount(pairs // widest, minlength=len(rows))
        start = stop
    return counts

"""Windows by search, and knowledge by dominance, against counting one by one."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from holdfast.features import dominance
from holdfast.features.columns import Column
from holdfast.features.distinct import distinct_counts
from holdfast.features.kernel.limbs import Limbs
from holdfast.features.windows import Asking, Points, Window, running_peak

SEEDS = st.integers(0, 2**32 - 1)


def _drawn(seed: int, monotone: bool = False) -> tuple[Points, Asking, np.random.Generator]:
    """Points of a few entities with ties and late arrivals, and rows that ask about them (some of no entity)."""
    rng = np.random.default_rng(seed)
    n, q, entities = int(rng.integers(0, 40)), int(rng.integers(1, 30)), int(rng.integers(1, 5))
    codes = rng.integers(0, entities, n)
    times = rng.integers(-20, 60, n) * (10**16 if seed % 5 == 0 else 1)
    order = np.lexsort((times, codes))
    codes, times = codes[order], times[order]
    known = times + (3 if monotone else rng.integers(0, 30, n))
    points = Points(codes, times, known, np.arange(n), entities)
    asked = np.sort(rng.integers(-1, entities, q))
    t = rng.integers(-25, 90, q) * (10**16 if seed % 5 == 0 else 1)
    return points, Asking(np.arange(q), asked, t, t + rng.integers(-20, 5, q)), rng


def _inside(points: Points, asking: Asking, row: int, start: int, end: int) -> list[int]:
    """Positions in the window of a row that it knows, by looking at every point."""
    t, cut = int(asking.times[row]), int(asking.cuts[row])
    return [
        i
        for i in range(len(points))
        if points.codes[i] == asking.codes[row] and t - start <= points.times[i] < t - end and points.known[i] < cut
    ]


@given(SEEDS, st.booleans())
def test_counts_sums_ends_extremes_and_distinct_are_those_of_looking_at_every_point(seed: int, monotone: bool) -> None:
    points, asking, rng = _drawn(seed, monotone)
    start, end = int(rng.integers(0, 50)), int(rng.integers(0, 20))
    values = rng.integers(-(2**51), 2**51, len(points)) if seed % 2 else rng.integers(-3, 3, len(points))
    weights = Limbs.squares(values) if seed % 3 == 0 else Limbs.of(values)
    window = points.window(asking, start, end)
    n = points.count(asking, window).tolist()
    total = points.total(asking, window, weights.cumulative().padded(), weights).ints()
    first, last = points.ends(asking, window)
    low = points.extreme(asking, window, values, largest=False)
    high = points.extreme(asking, window, values, largest=True)
    kinds = Column(rng.integers(2, 5, len(points)).astype(np.int32))
    different = distinct_counts(points, asking, window, kinds, None, None)
    exact = weights.ints()
    for row in range(len(asking)):
        inside = _inside(points, asking, row, start, end)
        assert n[row] == len(inside)
        assert total[row] == sum(exact[i] for i in inside)
        assert (first[row], last[row]) == ((inside[0], inside[-1]) if inside else (-1, -1))
        assert different[row] == len({int(kinds.values[i]) for i in inside})
        if inside:
            assert low[row] == min(values[i] for i in inside)
            assert high[row] == max(values[i] for i in inside)


@given(SEEDS)
def test_the_row_itself_adds_a_distinct_value_only_when_no_point_has_it(seed: int) -> None:
    points, asking, rng = _drawn(seed)
    window = points.window(asking, 30, 0)
    kinds = Column(rng.integers(2, 5, len(points)).astype(np.int32))
    own = Column(rng.integers(2, 7, len(asking)).astype(np.int32))
    current = rng.random(len(asking)) < 0.6
    found = distinct_counts(points, asking, window, kinds, current, own)
    for row in range(len(asking)):
        seen = {int(kinds.values[i]) for i in _inside(points, asking, row, 30, 0)}
        assert found[row] == len(seen | ({int(own.values[row])} if current[row] else set()))


@given(SEEDS)
def test_pieces_are_disjoint_and_hold_exactly_what_is_below_the_cut(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, q = int(rng.integers(1, 50)), int(rng.integers(1, 20))
    levels = rng.integers(0, 12, n)
    ends = np.sort(rng.integers(0, n + 1, (q, 2)), axis=1)
    cuts = rng.integers(-1, 14, q)
    lo, hi = ends[:, 0], ends[:, 1]
    found: list[list[int]] = [[] for _ in range(q)]
    for piece in dominance.pieces(levels, lo, hi, cuts):
        for row in range(q):
            held = piece.order[piece.lo[row] : piece.hi[row]].tolist()
            assert held == sorted(held)
            found[row] += held
    for row in range(q):
        assert sorted(found[row]) == [i for i in range(lo[row], hi[row]) if levels[i] < cuts[row]]


def test_only_rows_that_may_not_know_a_point_pay_for_looking() -> None:
    codes, times = np.zeros(6, dtype=np.int64), np.array([0, 10, 20, 30, 40, 50])
    known = times + np.array([0, 0, 25, 0, 0, 0])  # the third point came late
    points = Points(codes, times, known, np.arange(6), 1)
    at = np.array([15, 25, 35, 60])
    asking = Asking(np.arange(4), np.zeros(4, dtype=np.int64), at, at)
    window = points.window(asking, 100, 0)
    assert window.late.tolist() == [1, 2]
    assert points.count(asking, window).tolist() == [2, 2, 3, 6]


def test_a_window_that_ends_before_it_begins_is_empty() -> None:
    points = Points(np.zeros(3, dtype=np.int64), np.arange(3), np.arange(3), np.arange(3), 1)
    asking = Asking(np.arange(1), np.zeros(1, dtype=np.int64), np.array([10]), np.array([10]))
    assert points.count(asking, points.window(asking, 8, 9)).tolist() == [0]


def test_running_peaks_do_not_reach_into_the_next_entity() -> None:
    codes, known = np.array([0, 0, 1, 1]), np.array([9, 3, 1, 2])
    assert running_peak(codes, known).tolist() == [9, 9, 1, 2]


def test_a_short_and_a_very_long_window_have_their_extremes() -> None:
    values = np.random.default_rng(3).integers(0, 10**6, 70_000)
    lo = np.array([0, 5, 69_999, 3, 1])
    hi = np.array([70_000, 5, 70_000, 65_539, 65_537])
    expected = [values[a:b].min() if b > a else None for a, b in zip(lo, hi, strict=True)]
    found = dominance.extreme(values, lo, hi, largest=False).tolist()
    assert [item for item, want in zip(found, expected, strict=True) if want is not None] == [
        item for item in expected if item is not None
    ]


def test_windows_of_no_points_are_empty_and_kept_once() -> None:
    none = np.zeros(0, dtype=np.int64)
    points = Points(none, none, none, none, 1)
    asking = Asking(np.arange(2), np.array([-1, 0]), np.array([1, 2]), np.array([1, 2]))
    window = points.window(asking, 5, 0)
    assert isinstance(window, Window)
    assert points.window(asking, 5, 0) is window
    assert points.count(asking, window).tolist() == [0, 0]

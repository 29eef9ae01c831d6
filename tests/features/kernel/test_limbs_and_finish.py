"""Sums are exact at every size, and finished once, correctly rounded."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import accumulate, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.features.kernel.finish import deviation, deviations, mean, means, total, totals
from holdfast.features.kernel.limbs import Limbs

sizes = st.sampled_from([1, 10, 2**20, 2**31, 2**40, 2**52, 2**53, 2**58])


@st.composite
def points(draw: st.DrawFn) -> list[int]:
    size = draw(sizes)
    return draw(st.lists(st.integers(-size, size), max_size=40))


@settings(max_examples=300, deadline=None)
@given(values=points(), scale=st.sampled_from([0, 2, 6]), cuts=st.lists(st.integers(0, 40), min_size=2, max_size=12))
def test_windows_of_running_sums_are_exact_and_finished_as_single_windows_are(
    values: list[int], scale: int, cuts: list[int]
) -> None:
    column = np.array(values, dtype=np.int64)
    running, squares = Limbs.of(column).cumulative(), Limbs.squares(column).cumulative()
    assert running.ints() == list(accumulate(values))
    assert squares.ints() == list(accumulate(v * v for v in values))
    edges = sorted(min(cut, len(values)) for cut in cuts)
    start, end = np.array(edges[:-1]), np.array(edges[1:])
    s = running.padded()[end] - running.padded()[start]
    q = squares.padded()[end] - squares.padded()[start]
    windows = [values[a:b] for a, b in pairwise(edges)]
    assert s.ints() == [sum(window) for window in windows]
    assert q.ints() == [sum(v * v for v in window) for window in windows]
    n = end - start
    one = [(len(w), sum(w), sum(v * v for v in w)) for w in windows]
    assert totals(s, scale).tobytes() == np.array([total(a, scale) for _, a, _ in one]).tobytes()
    assert means(n, s, scale).tobytes() == np.array([mean(c, a, scale) for c, a, _ in one]).tobytes()
    assert deviations(n, s, q, scale).tobytes() == np.array([deviation(*item, scale) for item in one]).tobytes()


@settings(max_examples=300, deadline=None)
@given(values=points(), scale=st.integers(0, 8))
def test_what_is_finished_is_the_fraction_rounded_once(values: list[int], scale: int) -> None:
    n, s, q = len(values), sum(values), sum(v * v for v in values)
    assert total(s, scale) == float(Fraction(s, 10**scale))
    if n:
        assert mean(n, s, scale) == float(Fraction(s, n * 10**scale))
    if n > 1:
        exact = [Fraction(v, 10**scale) for v in values]
        centre = sum(exact) / n
        variance = sum((v - centre) ** 2 for v in exact) / (n - 1)
        assert deviation(n, s, q, scale) == math.sqrt(float(variance))


def test_no_points_have_no_mean_and_one_point_no_deviation() -> None:
    assert math.isnan(mean(0, 0))
    assert math.isnan(deviation(1, 5, 25))
    assert total(0) == 0.0
    assert np.isnan(means(np.array([0, 1]), np.array([0, 3]))).tolist() == [True, False]
    both = deviations(np.array([1, 2]), np.array([5, 10]), np.array([25, 50]))
    assert np.isnan(both[0])
    assert both[1] == 0.0


def test_a_nan_of_a_finished_column_is_the_canonical_one() -> None:
    nan = np.array([math.nan]).tobytes()
    assert means(np.array([0]), np.array([0])).tobytes() == nan
    assert deviations(np.array([1]), np.array([5]), np.array([25])).tobytes() == nan


@settings(max_examples=200, deadline=None)
@given(
    a=st.lists(st.integers(-(2**150), 2**150), min_size=1, max_size=5),
    factor=st.integers(0, 2**59 - 1),
    small=st.booleans(),
)
def test_integers_of_any_size_add_subtract_and_multiply_exactly(a: list[int], factor: int, small: bool) -> None:
    values = [v % 1000 for v in a] if small else a
    b = [v // 3 - 7 for v in reversed(values)]
    left, right = Limbs.from_ints(values), Limbs.from_ints(b)
    assert left.ints() == values
    assert (left + right).ints() == [x + y for x, y in zip(values, b, strict=True)]
    assert (left - right).ints() == [x - y for x, y in zip(values, b, strict=True)]
    assert left.times(np.full(len(values), factor)).ints() == [v * factor for v in values]
    floats, exact = (left - right).small()
    for x, y, value, fits in zip(values, b, floats.tolist(), exact.tolist(), strict=True):
        assert fits == (abs(x - y) < 2**53)
        assert not fits or value == x - y


@pytest.mark.parametrize("value", [2**62, -(2**63), 2**63 - 1])
def test_the_widest_integers_are_kept(value: int) -> None:
    column = Limbs.of(np.array([value, 1, value], dtype=np.int64))
    assert column.ints() == [value, 1, value]
    assert column.cumulative().ints() == [value, value + 1, 2 * value + 1]

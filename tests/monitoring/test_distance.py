"""Tails that decide of alarms: never smaller than the true probability, and not idle."""

from __future__ import annotations

import pytest
from scipy import stats

from holdfast.monitoring.distance import binomial_tail, count_tail


@pytest.mark.parametrize("expected", [0.5, 1.07, 6.0, 260.0, 1_800.0])
@pytest.mark.parametrize("swing", [0.0001, 0.05, 0.3, 1.0])
def test_the_tail_of_a_count_bounds_the_negative_binomials_on_both_sides(expected: float, swing: float) -> None:
    size = 1 / swing**2
    true = stats.nbinom(size, size / (size + expected))
    for share in (0.0, 0.2, 0.6, 1.5, 3.0, 7.0):
        count = round(expected * share)
        exact = true.sf(count - 1) if count > expected else true.cdf(count)
        told = count_tail(count, expected, swing)
        assert told >= exact * (1 - 1e-6)
        if 1e-200 < exact < 1e-6:
            assert told < exact**0.6, "a bound that is too wide hides what it should show"


def test_seven_where_one_is_usual_is_no_alarm_and_a_silent_day_is() -> None:
    assert count_tail(7, 1.07, 0.5) > 1e-4
    assert count_tail(0, 260, 0.2) < 1e-8
    assert count_tail(0, 0.0, 0.2) == 1.0
    assert count_tail(1, 0.0, 0.2) == 0.0


@pytest.mark.parametrize(("n", "share"), [(50, 0.02), (203, 0.07), (1_800, 0.0005), (100_000, 0.3), (10, 0.9)])
def test_the_tail_of_a_share_bounds_the_binomials_closely(n: int, share: float) -> None:
    for more in (1.01, 1.3, 2.0, 5.0):
        count = min(n, round(n * share * more) + 1)
        exact = float(stats.binom(n, share).sf(count - 1))
        told = binomial_tail(count, n, share)
        assert told >= exact * (1 - 1e-6)
        if exact < 0.01:
            assert told < 1.5 * exact + 1e-300
    assert binomial_tail(int(n * share), n, share) == 1.0

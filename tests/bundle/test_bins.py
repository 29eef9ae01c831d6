"""Where training's values lay: the largest of a sample is no bound of the next one."""

from __future__ import annotations

import numpy as np

from holdfast.bundle.bins import edges_of, outer_of


def test_the_next_sample_of_the_same_lies_where_trainings_did() -> None:
    random = np.random.default_rng(1)
    for both in (random.normal(size=6_000), random.lognormal(3, 1.2, 6_000), random.uniform(0, 9, 6_000)):
        low, high = outer_of(edges_of(both[:3_000]))
        assert float(((both[3_000:] < low) | (both[3_000:] > high)).mean()) < 0.001


def test_a_total_that_grew_by_a_hundredth_lies_within_and_one_that_doubled_does_not() -> None:
    total = 1_000.0 + np.arange(5_000) / 10
    low, high = outer_of(edges_of(total))
    assert total.max() * 1.01 < high < total.max() * 1.1
    assert low > 0.9 * total.min()


def test_where_each_value_has_a_bin_there_is_no_margin() -> None:
    low, high = outer_of(edges_of(np.tile(np.arange(8.0), 100)))
    assert low == 0.0
    assert 7.0 <= high < 7.0001

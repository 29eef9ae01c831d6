"""How far figures may lie from the truth: as scipy, scikit-learn and a paper have it, and as often right as told."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest, norm
from sklearn.metrics import roc_auc_score

from holdfast.intervals import Interval, deviations, gap, ratio, roc_auc, share, wilson


@pytest.mark.parametrize(("count", "rows"), [(0, 10), (10, 10), (3, 7), (81, 263), (1, 100_000)])
@pytest.mark.parametrize("level", [0.9, 0.95, 0.9999])
def test_a_share_has_wilsons_interval(count: int, rows: int, level: float) -> None:
    told = binomtest(count, rows).proportion_ci(level, method="wilson")
    found = share(count, rows, level)
    assert (found.value, found.low, found.high) == pytest.approx((count / rows, told.low, told.high), abs=1e-12)
    assert found == wilson(count, rows, deviations(level))


def test_of_nothing_nothing_is_known() -> None:
    assert share(0, 0) == Interval(0.0, 0.0, 1.0)


def test_a_difference_has_newcombes_interval_as_published() -> None:
    found = gap((48, 80), (56, 70), 0.95)
    assert (found.value, found.low, found.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)


def test_a_ratio_is_that_of_the_shares_and_has_ends_where_a_count_is_nought() -> None:
    found = ratio((30, 100), (60, 100), 0.95)
    assert found.value == pytest.approx(0.5)
    assert found.high / found.value == pytest.approx(found.value / found.low)  # alike to both sides as a logarithm
    none = ratio((0, 50), (25, 50), 0.95)
    assert 0 < none.low < none.value < 0.1 < none.high


def test_roc_auc_is_that_of_scikit_learn_ties_and_all() -> None:
    dice = np.random.default_rng(3)
    truth = dice.random(500) < 0.3
    score = np.round(dice.normal(size=500) + truth, 1)
    assert roc_auc(truth, score).value == pytest.approx(roc_auc_score(truth, score), abs=1e-12)
    assert roc_auc(np.ones(5, np.bool_), score[:5]) == Interval(0.5, 0.0, 1.0)


def test_intervals_hold_the_truth_about_as_often_as_their_level_says() -> None:
    dice = np.random.default_rng(11)
    rounds, auc = 600, float(norm.cdf(1 / np.sqrt(2)))
    held = np.zeros(4)
    for _ in range(rounds):
        few, many = int(dice.binomial(200, 0.2)), int(dice.binomial(300, 0.4))
        truth = np.arange(300) < 90
        found = (
            (share(few, 200, 0.9), 0.2),
            (ratio((few, 200), (many, 300), 0.9), 0.5),
            (gap((few, 200), (many, 300), 0.9), 0.2),
            (roc_auc(truth, dice.normal(size=300) + truth, 0.9), auc),
        )
        held += [item.low <= true <= item.high for item, true in found]
    assert ((held / rounds > 0.86) & (held / rounds < 0.94)).all(), held / rounds

"""Metrics beside scikit-learn's, and intervals that cover."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as theirs

from holdfast.training.evaluate import confusion, evaluate


def _case(seed: int, n: int = 4_000, digits: int = 2) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    p = np.round(generator.beta(1, 12, n), digits)
    return (generator.random(n) < p).astype(np.int8), p


@pytest.mark.parametrize("seed", range(5))
def test_metrics_equal_scikit_learns_with_ties(seed: int) -> None:
    y, p = _case(seed)
    found = {name: item.value for name, item in evaluate(y, p, 0.2, resamplings=0, seed=0).items()}
    said = p >= 0.2
    assert found["roc_auc"] == pytest.approx(theirs.roc_auc_score(y, p), abs=1e-12)
    assert found["average_precision"] == pytest.approx(theirs.average_precision_score(y, p), abs=1e-12)
    assert found["precision"] == pytest.approx(theirs.precision_score(y, said))
    assert found["recall"] == pytest.approx(theirs.recall_score(y, said))
    assert found["f1"] == pytest.approx(theirs.f1_score(y, said))
    assert found["accuracy"] == pytest.approx(theirs.accuracy_score(y, said))
    assert found["balanced_accuracy"] == pytest.approx(theirs.balanced_accuracy_score(y, said))
    assert found["brier"] == pytest.approx(theirs.brier_score_loss(y, p))
    clipped = np.clip(p, 1e-15, 1 - 1e-15)
    assert found["log_loss"] == pytest.approx(theirs.log_loss(y, clipped), rel=1e-9)


def test_a_probability_at_the_threshold_is_a_yes() -> None:
    y, p = np.asarray([1, 0, 1, 0], dtype=np.int8), np.asarray([0.5, 0.5, 0.4, 0.1])
    assert confusion(y, p, 0.5).as_dict() == {
        "true_positive": 1,
        "false_positive": 1,
        "false_negative": 1,
        "true_negative": 1,
    }
    assert evaluate(y, p, 0.5, resamplings=0, seed=0)["precision"].value == 0.5


def test_intervals_are_seeded_and_cover_the_truth_about_as_often_as_they_say() -> None:
    y, p = _case(0)
    assert evaluate(y, p, 0.2, resamplings=50, seed=3) == evaluate(y, p, 0.2, resamplings=50, seed=3)
    assert evaluate(y, p, 0.2, resamplings=50, seed=3) != evaluate(y, p, 0.2, resamplings=50, seed=4)
    big_y, big_p = _case(99, n=400_000)
    truth = evaluate(big_y, big_p, 0.2, resamplings=0, seed=0)["roc_auc"].value
    covered = 0
    for seed in range(40):
        y, p = _case(seed, n=1_500)
        found = evaluate(y, p, 0.2, resamplings=100, seed=seed)["roc_auc"]
        assert found.low is not None
        assert found.high is not None
        assert found.low <= found.value <= found.high
        covered += found.low <= truth <= found.high
    assert 33 <= covered <= 40, covered


def test_nothing_flagged_and_everything_flagged_give_numbers() -> None:
    y, p = _case(1)
    assert evaluate(y, p, 1.5, resamplings=5, seed=0)["precision"].value == 0.0
    assert evaluate(y, p, 0.0, resamplings=5, seed=0)["recall"].value == 1.0

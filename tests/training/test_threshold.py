"""Where to say yes."""

from __future__ import annotations

import numpy as np
import pytest

from holdfast.errors import HoldfastError
from holdfast.training.evaluate import confusion, evaluate
from holdfast.training.settings import TrainingSettings
from holdfast.training.threshold import NEVER, choose


def _case() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(5)
    p = np.round(generator.beta(1, 9, 3_000), 3)
    return (generator.random(3_000) < p).astype(np.int8), p


def test_the_cheapest_threshold_is_the_cheapest_of_all() -> None:
    y, p = _case()
    settings = TrainingSettings(threshold="cost", cost_false_positive=2, cost_false_negative=9)
    chosen = choose(y, p, settings)

    def cost(threshold: float) -> float:
        seen = confusion(y, p, threshold)
        return 2.0 * seen.false_positive + 9.0 * seen.false_negative

    assert cost(chosen.value) == min(cost(value) for value in [*np.unique(p), 2.0])
    assert chosen.details["cost"] == cost(chosen.value)
    assert chosen.value == pytest.approx(2 / 11, abs=0.06)


def test_when_nothing_is_worth_flagging_nothing_is_flagged() -> None:
    y, p = _case()
    settings = TrainingSettings(threshold="cost", cost_false_positive=1_000, cost_false_negative=1)
    assert choose(y, p, settings).value == NEVER
    assert not choose(y, p, settings).decide(1.0)


def test_the_highest_f1_is_the_highest_of_all() -> None:
    y, p = _case()
    chosen = choose(y, p, TrainingSettings(threshold="f1"))

    def f1(threshold: float) -> float:
        return evaluate(y, p, threshold, resamplings=0, seed=0)["f1"].value

    assert f1(chosen.value) == max(f1(value) for value in np.unique(p)) == chosen.details["f1"]


def test_targets_are_reached_and_not_by_more_than_needed() -> None:
    y, p = _case()
    recall = choose(y, p, TrainingSettings(threshold="recall", target=0.8))
    assert evaluate(y, p, recall.value, resamplings=0, seed=0)["recall"].value >= 0.8
    above = np.unique(p)[np.unique(p) > recall.value][1]
    assert evaluate(y, p, above, resamplings=0, seed=0)["recall"].value < 0.8
    precision = choose(y, p, TrainingSettings(threshold="precision", target=0.3))
    assert evaluate(y, p, precision.value, resamplings=0, seed=0)["precision"].value >= 0.3


def test_a_precision_out_of_reach_says_what_is_in_reach() -> None:
    y, p = np.asarray([0, 1, 0, 1], dtype=np.int8), np.asarray([0.9, 0.8, 0.2, 0.1])
    with pytest.raises(HoldfastError, match=r"the best is 0\.5000"):
        choose(y, p, TrainingSettings(threshold="precision", target=0.9))


def test_neighbouring_doubles_keep_the_decision_on_validation() -> None:
    low = 0.3
    high = float(np.nextafter(low, 1))
    y, p = np.asarray([1, 0, 1, 0], dtype=np.int8), np.asarray([high, low, high, low])
    chosen = choose(y, p, TrainingSettings(threshold="f1"))
    assert chosen.value == high

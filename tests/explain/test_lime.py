"""The second opinion: the same for the same seed, near the truth where it is a sum, honest where it is not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.explain.made import bundle, rows

from holdfast.bundle.bundle import Bundle
from holdfast.explain.lime import TRUSTED, second_opinion
from holdfast.explain.reasons import reasoner


@pytest.fixture(scope="module")
def linear(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return bundle(tmp_path_factory.mktemp("linear"), family="logistic_regression")


@pytest.fixture(scope="module")
def boosted(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return bundle(tmp_path_factory.mktemp("boosted"))


def _row(made: Bundle, seed: int = 0) -> list[float]:
    matrix, _ = rows()
    _, probabilities = made.predict_matrix(matrix)
    found: list[float] = matrix[np.flatnonzero(probabilities >= 0.6)[seed]].tolist()
    return found


def test_the_same_seed_gives_the_same_opinion_and_another_one_nearly_so(boosted: Bundle) -> None:
    row = _row(boosted)
    first, second, other = (second_opinion(boosted, row, seed) for seed in (1, 1, 2))
    assert first is not None
    assert other is not None
    assert first == second
    assert first != other
    assert first.effects[0].group == other.effects[0].group


def test_a_sum_is_found_to_be_one_and_its_parts_are_named(linear: Bundle) -> None:
    for seed in range(5):
        told = second_opinion(linear, _row(linear, seed))
        assert told is not None
        assert told.trusted, told.says
        exact = {
            group.name: own
            for group, own, _ in reasoner(linear).grouped(linear.predictor.contributions(_row(linear, seed)))
        }
        strongest = max(exact, key=lambda name: abs(exact[name]))
        assert strongest in {item.group for item in told.effects[:2]}


class _Parity:
    """Raises the score exactly when an odd number of values lie above their middle: no sum at all."""

    method, tolerance, base_value = "none", 0.0, 0.0

    def __init__(self, middle: NDArray[np.float64]) -> None:
        self._middle = middle

    def score(self, row: Sequence[float]) -> float:
        return float(self.scores(np.asarray([row]))[0])

    def scores(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray((matrix > self._middle).sum(axis=1) % 2, dtype=np.float64)

    def contributions(self, row: Sequence[float]) -> list[float]:
        return [self.score(row) / len(row)] * len(row)


def test_a_score_that_is_no_sum_is_not_to_be_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, (matrix, _) = bundle(tmp_path), rows()
    monkeypatch.setattr(made, "predictor", _Parity(np.median(matrix, axis=0)))
    monkeypatch.setattr(made, "predict", lambda row: (1.0, 1.0))
    told = second_opinion(made, matrix[0].tolist())
    assert told is not None
    assert told.fit < TRUSTED
    assert not told.trusted
    assert "not to be trusted" in told.says


def test_nulls_and_a_score_that_never_moves_do_no_harm(boosted: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    told = second_opinion(boosted, [float("nan")] * len(boosted.features))
    assert told is not None
    shape: dict[str, Any] = told.as_dict()
    assert all(np.isfinite(item["effect"]) for item in shape["effects"])
    row = _row(boosted)
    monkeypatch.setattr(boosted.predictor, "scores", lambda matrix: np.zeros(len(matrix)), raising=False)
    flat = second_opinion(boosted, row)
    assert flat is not None
    assert (flat.fit, flat.trusted) == (0.0, False)


def test_without_a_profile_there_is_no_opinion(boosted: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boosted, "profile", {})
    assert second_opinion(boosted, _row(boosted)) is None

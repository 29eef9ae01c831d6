"""From scores to probabilities."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from holdfast.training.calibrate import fit_calibration


def _case(seed: int = 2, n: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    scores = generator.normal(-3, 2, n)
    truth = 1 / (1 + np.exp(-(0.6 * scores - 0.4)))
    return scores, (generator.random(n) < truth).astype(np.int8)


def test_a_sigmoid_finds_the_slope_and_intercept_that_made_the_labels() -> None:
    scores, y = _case()
    found = fit_calibration("sigmoid", scores, y)
    assert found.slope == pytest.approx(0.6, abs=0.03)
    assert found.intercept == pytest.approx(-0.4, abs=0.06)
    model = LogisticRegression(C=1e12, tol=1e-10, max_iter=1_000).fit(scores[:, None], y)
    assert found.slope == pytest.approx(float(model.coef_[0, 0]), abs=1e-3)


def test_a_sigmoid_survives_scores_that_separate_and_scores_that_say_nothing() -> None:
    y = np.asarray([0] * 50 + [1] * 50, dtype=np.int8)
    apart = fit_calibration("sigmoid", np.where(y == 1, 5.0, -5.0), y).apply(np.asarray([-5.0, 5.0]), "sigmoid")
    assert apart[0] < 0.05
    assert apart[1] > 0.95
    flat = fit_calibration("sigmoid", np.zeros(100), y).apply(np.zeros(3), "sigmoid")
    assert flat == pytest.approx(0.5, abs=1e-6)
    turned = fit_calibration("sigmoid", np.where(y == 1, -1.0, 1.0) + np.linspace(0, 1e-3, 100), y)
    assert turned.slope == 0.0


def test_isotonic_steps_give_scikit_learns_probabilities() -> None:
    scores, y = _case()
    found = fit_calibration("isotonic", scores, y)
    model = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(scores, y)
    grid = np.linspace(-15, 10, 5_001)
    assert found.apply(grid, "sigmoid") == pytest.approx(model.predict(grid), abs=1e-12)


def test_a_map_never_falls() -> None:
    scores, y = _case()
    grid = np.sort(np.concatenate([scores, np.linspace(-20, 20, 1_000)]))
    for method in ("sigmoid", "isotonic"):
        assert (np.diff(fit_calibration(method, scores, y).apply(grid, "sigmoid")) >= 0).all()

"""Calibration and threshold: one score and many give the same bits, and stay what they say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from holdfast.bundle.calibration import Calibration, calibration_from
from holdfast.bundle.predictors.spec import Link
from holdfast.bundle.threshold import Threshold, threshold_from
from holdfast.errors import HoldfastError

SOME = (
    Calibration(),
    Calibration("sigmoid", slope=1.7, intercept=-0.3),
    Calibration("isotonic", scores=(-1.0, 0.0, 0.5, 3.0), probabilities=(0.1, 0.1, 0.4, 0.9)),
    Calibration("isotonic", scores=(0.25,), probabilities=(0.5,)),
    # 0.094 + (0.42 - 0.094) is not 0.42: which side a knot belongs to shows in the bits.
    Calibration("isotonic", scores=(0.0, 1.0, 2.0), probabilities=(0.094, 0.42, 1.0)),
)


@pytest.mark.parametrize("calibration", SOME)
@pytest.mark.parametrize("link", ["sigmoid", "identity"])
@given(st.lists(st.floats(-50, 50), min_size=1))
def test_one_score_and_an_array_give_the_same_bits(calibration: Calibration, link: Link, scores: list[float]) -> None:
    scores += list(calibration.scores)
    alone = [calibration.compile(link)(score) for score in scores]
    assert np.asarray(alone).tobytes() == calibration.apply(np.asarray(scores), link).tobytes()
    read = calibration_from(calibration.as_json())
    assert read == calibration


def test_isotonic_steps_agree_with_scikit_learn() -> None:
    draw = np.random.default_rng(3)
    scores = draw.normal(size=500)
    labels = (draw.random(500) < 1 / (1 + np.exp(-scores))).astype(np.float64)
    fitted = IsotonicRegression(out_of_bounds="clip").fit(scores, labels)
    ours = Calibration(
        "isotonic", scores=tuple(fitted.X_thresholds_.tolist()), probabilities=tuple(fitted.y_thresholds_.tolist())
    )
    asked = np.linspace(-5, 5, 2_001)
    np.testing.assert_allclose(ours.apply(asked, "sigmoid"), fitted.predict(asked), atol=1e-12)
    assert (np.diff(ours.apply(asked, "sigmoid")) >= 0).all()


@pytest.mark.parametrize(
    ("scores", "probabilities"),
    [((), ()), ((0.0, 0.0), (0.1, 0.2)), ((0.0, 1.0), (0.1,)), ((0.0, 1.0), (0.1, 1.1)), ((0.0, 1.0), (0.9, 0.1))],
)
def test_points_that_are_no_calibration_are_refused(
    scores: tuple[float, ...], probabilities: tuple[float, ...]
) -> None:
    with pytest.raises(HoldfastError):
        Calibration("isotonic", scores=scores, probabilities=probabilities)


def test_a_threshold_is_reached_at_its_own_value() -> None:
    threshold = Threshold(0.3, "cost", {"missed": 10})
    assert threshold.decide(0.3)
    assert not threshold.decide(np.nextafter(0.3, 0.0))
    assert threshold_from(threshold.as_json()) == threshold
    for value in (-0.1, 1.5, float("nan")):
        with pytest.raises(HoldfastError, match="no probability"):
            Threshold(value)

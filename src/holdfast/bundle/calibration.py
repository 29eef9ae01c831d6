"""From a raw score to a probability: the link alone, a sigmoid (Platt), or isotonic steps, by our own kernel."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from holdfast.bundle.predictors.spec import Link, Vector
from holdfast.errors import HoldfastError
from holdfast.features.kernel.sigmoid import sigmoid

Method = Literal["none", "sigmoid", "isotonic"]


@dataclass(frozen=True)
class Calibration:
    """A map from raw scores to probabilities.

    none: the model's link. sigmoid: ``sigmoid(slope * score + intercept)``. isotonic: straight lines between the
    points (`scores`, strictly increasing; `probabilities`), constant outside them.
    """

    method: Method = "none"
    slope: float = 1.0
    intercept: float = 0.0
    scores: tuple[float, ...] = ()
    probabilities: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Raises HoldfastError for points that are no map to probabilities."""
        if self.method not in ("none", "sigmoid", "isotonic"):
            raise HoldfastError(f"no calibration method {self.method!r}", mend="use none, sigmoid or isotonic")
        if self.method == "isotonic":
            rising = all(a < b for a, b in pairwise(self.scores))
            steps = (0.0, *self.probabilities, 1.0)
            level = all(a <= b for a, b in pairwise(steps))
            if not self.scores or len(self.scores) != len(self.probabilities) or not rising or not level:
                raise HoldfastError(
                    "isotonic calibration needs strictly increasing scores and as many probabilities, none falling, "
                    "in [0, 1]"
                )

    def compile(self, link: Link) -> Callable[[float], float]:
        """The map for one score; the same bits as `apply`."""
        slope, intercept = self.slope, self.intercept
        if self.method == "isotonic":
            return _steps(self.scores, self.probabilities)
        if self.method == "sigmoid":
            return lambda score: sigmoid(slope * score + intercept)
        return sigmoid if link == "sigmoid" else float

    def apply(self, scores: Vector, link: Link) -> Vector:
        """The map for an array of scores."""
        if self.method == "sigmoid":
            return sigmoid(self.slope * scores + self.intercept)
        if self.method == "isotonic":
            xs, ys = np.asarray(self.scores), np.asarray(self.probabilities)
            right = np.clip(np.searchsorted(xs, scores, side="right"), 1, max(1, len(xs) - 1))
            left, right = right - 1, np.minimum(right, len(xs) - 1)
            with np.errstate(invalid="ignore", divide="ignore"):
                found: Vector = ys[left] + (ys[right] - ys[left]) * ((scores - xs[left]) / (xs[right] - xs[left]))
            found[scores <= xs[0]] = ys[0]
            found[scores >= xs[-1]] = ys[-1]
            return found
        return sigmoid(scores) if link == "sigmoid" else np.array(scores, dtype=np.float64)

    def as_json(self) -> dict[str, Any]:
        if self.method == "sigmoid":
            return {"method": "sigmoid", "slope": self.slope, "intercept": self.intercept}
        if self.method == "isotonic":
            return {"method": "isotonic", "scores": list(self.scores), "probabilities": list(self.probabilities)}
        return {"method": "none"}


def calibration_from(shape: Mapping[str, Any]) -> Calibration:
    parts: dict[str, Any] = {name: tuple(item) if isinstance(item, list) else item for name, item in shape.items()}
    return Calibration(**parts)


def _steps(scores: tuple[float, ...], probabilities: tuple[float, ...]) -> Callable[[float], float]:
    def steps(score: float) -> float:
        if score <= scores[0]:
            return probabilities[0]
        if score >= scores[-1]:
            return probabilities[-1]
        right = bisect_right(scores, score)
        low, high = probabilities[right - 1], probabilities[right]
        return low + (high - low) * ((score - scores[right - 1]) / (scores[right] - scores[right - 1]))

    return steps

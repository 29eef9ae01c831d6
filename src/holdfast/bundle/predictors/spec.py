"""What a model is as plain data, and what every predictor answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
"""Feature rows, shape (rows, features), float64 in C order; null is NaN, nothing is infinite."""

Vector = NDArray[np.float64]

Link = Literal["sigmoid", "identity"]
"""From raw score to probability: our sigmoid of a margin, or the score as it is (forests: a mean of leaf shares)."""


@dataclass(frozen=True)
class ModelSpec:
    """A fitted model as data: `parameters` are JSON, `files` the binary or text parts by bundle path.

    The raw score is the margin (log-odds) for linear and boosted models, and for a decision tree or a random forest
    the mean over trees, in tree order, of the share of positives in the leaf reached.
    """

    family: str
    """Who reads it: ``linear``, ``lightgbm`` or ``trees``."""
    trained_as: str
    """The estimator it came from, as in ``random_forest``."""
    link: Link
    features: int
    parameters: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)


class Predictor(Protocol):
    """Scores rows. One row and the same row in a matrix give the same bits; any thread may call."""

    @property
    def method(self) -> str:
        """How contributions are found: ``linear``, ``tree_shap`` or ``path``."""
        ...

    @property
    def tolerance(self) -> float:
        """base_value + contributions equals the score within this, relative to 1 + the sum of their magnitudes."""
        ...

    @property
    def base_value(self) -> float:
        """What the contributions start from; the same for every row."""
        ...

    def score(self, row: Sequence[float]) -> float:
        """The raw score of one row."""
        ...

    def scores(self, matrix: Matrix) -> Vector:
        """The raw score of each row."""
        ...

    def contributions(self, row: Sequence[float]) -> list[float]:
        """What each feature added to or took from `base_value`, in feature order."""
        ...

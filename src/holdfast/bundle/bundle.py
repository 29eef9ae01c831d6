"""An open bundle: one contract, one model, one calibration, one threshold. It only computes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from holdfast.bundle.calibration import Calibration
from holdfast.bundle.manifest import Manifest
from holdfast.bundle.predictors.spec import Link, Matrix, Predictor, Vector
from holdfast.bundle.reference import Reference
from holdfast.bundle.threshold import Threshold
from holdfast.contract.model import Contract


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one feature added to the raw score of one row (or took from it)."""

    feature: str
    value: float
    """As in the feature row: null is NaN, a category is its code."""
    contribution: float


class Bundle:
    """A model version, verified and open. Any thread may call; the same row gives the same bits, alone or not."""

    def __init__(
        self,
        *,
        hash: str,  # noqa: A002 - the word of the design: a bundle is named by its hash
        manifest: Manifest,
        contract: Contract,
        predictor: Predictor,
        link: Link,
        calibration: Calibration,
        threshold: Threshold,
        profile: Mapping[str, Any],
        reference: Reference | None = None,
    ) -> None:
        self.hash = hash
        self.manifest = manifest
        self.name = manifest.name
        self.contract = contract
        self.calibration = calibration
        self.threshold = threshold
        self.profile = profile
        self.reference = reference
        self.predictor = predictor
        self.features = tuple(feature.name for feature in contract.features)
        self._link: Link = link
        self._score = predictor.score
        self._probability = calibration.compile(link)

    def predict(self, row: Sequence[float]) -> tuple[float, float]:
        """Raw score and probability of one feature row, in `contract.features` order."""
        score = self._score(row)
        return score, self._probability(score)

    def predict_matrix(self, matrix: Matrix) -> tuple[Vector, Vector]:
        """Raw scores and probabilities of feature rows, shape (rows, features)."""
        scores = self.predictor.scores(matrix)
        return scores, self.calibration.apply(scores, self._link)

    def explain(self, row: Sequence[float]) -> list[Contribution]:
        """Exact contributions to the raw score, the largest first (ties in feature order).

        `base_value` plus all of them is the raw score, within `predictor.tolerance`; `explained_by` names the method.
        """
        parts = zip(self.features, row, self.predictor.contributions(row), strict=True)
        return sorted((Contribution(*part) for part in parts), key=lambda item: -abs(item.contribution))

    @property
    def base_value(self) -> float:
        return self.predictor.base_value

    @property
    def explained_by(self) -> str:
        """``linear``, ``tree_shap`` or ``path``."""
        return self.predictor.method

"""Each fold learns, the rows it has not seen judge: what calibration, threshold and sweep may look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from holdfast.bundle.calibration import Calibration
from holdfast.training.evaluate import evaluate
from holdfast.training.fit import Fitted, Recipe, fit
from holdfast.training.rows import Floats, Rows
from holdfast.training.settings import THRESHOLD_FREE
from holdfast.training.split import Fold, Labels, Split


@dataclass(frozen=True)
class Validated:
    """Held-out raw scores of all folds, one after the other, their labels, and each fold's own metrics."""

    scores: Floats
    y: Labels
    fold_metrics: tuple[dict[str, float], ...]

    def summary(self) -> dict[str, dict[str, float]]:
        """Mean and standard deviation over folds; a single fold has none."""
        return {
            name: {
                "mean": float(np.mean(values)),
                "sd": float(np.std(values, ddof=1)) if len(values) > 1 else 0.0,
            }
            for name in THRESHOLD_FREE
            if (values := [fold[name] for fold in self.fold_metrics])
        }

    def as_dict(self) -> dict[str, Any]:
        return {"folds": list(self.fold_metrics), "summary": self.summary()}


def validate(recipe: Recipe, rows: Rows, split: Split, folds: int | None = None) -> Validated:
    """Fit each fold (the `folds` latest) on its training part and score its validation part."""
    parts = [_one(recipe, rows, fold) for fold in split.folds[:folds]]
    return Validated(
        np.concatenate([scores for scores, _, _ in parts]),
        np.concatenate([y for _, y, _ in parts]),
        tuple(metrics for _, _, metrics in parts),
    )


def _one(recipe: Recipe, rows: Rows, fold: Fold) -> tuple[Floats, Labels, dict[str, float]]:
    fitted = fit(recipe, rows.X[fold.train.index], fold.train.y)
    scores = fitted.predictor.scores(rows.X[fold.validation.index])
    y = fold.validation.y
    found = evaluate(y, uncalibrated(fitted, scores), 0.5, resamplings=0, seed=0)
    return scores, y, {name: found[name].value for name in THRESHOLD_FREE}


def uncalibrated(fitted: Fitted, scores: Floats) -> Floats:
    """Probabilities by the model's link alone."""
    return Calibration().apply(scores, fitted.spec.link)

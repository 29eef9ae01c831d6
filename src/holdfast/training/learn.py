"""The part of a training that decides the model: split, folds, calibration, threshold, and the last fit.

Nothing here looks at test rows, and nothing depends on the clock or the machine's load.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from holdfast.bundle.calibration import Calibration
from holdfast.bundle.threshold import Threshold
from holdfast.contract.model import Contract
from holdfast.training.calibrate import fit_calibration
from holdfast.training.fit import Fitted, Recipe, fit
from holdfast.training.rows import Floats, Rows
from holdfast.training.settings import TrainingSettings
from holdfast.training.split import Split, split
from holdfast.training.threshold import choose
from holdfast.training.validate import Validated, validate

Progress = Callable[[str], None]


def silent(_: str) -> None:
    """No progress wanted."""


@dataclass(frozen=True)
class Learned:
    """A model fitted on the training part, with a calibration and a threshold from the folds' held-out rows."""

    split: Split
    validated: Validated
    fitted: Fitted
    calibration: Calibration
    threshold: Threshold

    def probabilities(self, X: Floats) -> Floats:
        return self.calibration.apply(self.fitted.predictor.scores(X), self.fitted.spec.link)


def recipe(contract: Contract, rows: Rows, settings: TrainingSettings) -> Recipe:
    kinds = {feature.name: feature.expr.kind for feature in contract.features}
    return Recipe(
        family=settings.family,
        params=settings.params,
        seed=settings.seed,
        threads=settings.threads,
        weigh=settings.imbalance == "weights",
        categories=tuple(i for i, name in enumerate(rows.names) if kinds[name] == "category"),
    )


def learn(contract: Contract, rows: Rows, settings: TrainingSettings, progress: Progress = silent) -> Learned:
    """`rows` in canonical order, with exactly the contract's features."""
    made, how = split(rows, contract.target, settings), recipe(contract, rows, settings)
    progress(f"validate {settings.family} on {len(made.folds)} folds")
    validated = validate(how, rows, made)
    calibration = fit_calibration(settings.calibration, validated.scores, validated.y)
    progress(f"fit {settings.family} on {len(made.train):,} rows")
    fitted = fit(how, rows.X[made.train.index], made.train.y)
    held_out = calibration.apply(validated.scores, fitted.spec.link)
    return Learned(made, validated, fitted, calibration, choose(validated.y, held_out, settings))

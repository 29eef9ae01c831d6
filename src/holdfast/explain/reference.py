"""Measure the population that reasons are told against, from training rows, when a model is packed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from holdfast.bundle.predictors.spec import Matrix, Predictor, Vector
from holdfast.bundle.reference import Reference

POPULATIONS = ("approved", "just_approved", "all")
"""`approved`: decided negatively. `just_approved`: the tenth of those nearest the threshold. `all`: every row."""

ROWS = 1_000
"""Rows of the population whose contributions are averaged, spread over it evenly."""

NEAREST = 0.1


def measure(
    predictor: Predictor,
    matrix: Matrix,
    probabilities: Vector,
    threshold: float,
    categories: Sequence[bool],
    population: str = "approved",
    rows: int = ROWS,
) -> Reference | None:
    """Means over at most `rows` training rows, shape (rows, features), of which `probabilities` decides the population.

    `categories` says which features are codes. None when the population is empty: a model that refuses everybody has
    nobody to compare with.
    """
    inside = _population(probabilities, threshold, population)
    if not len(inside):
        return None
    chosen = inside[np.unique(np.linspace(0, len(inside) - 1, min(rows, len(inside))).round().astype(np.int64))]
    sample = np.ascontiguousarray(matrix[chosen])
    parts = np.asarray([predictor.contributions(row) for row in sample.tolist()])
    return Reference(
        population=population,
        rows=len(chosen),
        of=len(inside),
        score=_mean(predictor.scores(sample)),
        contributions=tuple(_mean(parts[:, at]) for at in range(parts.shape[1])),
        usual=tuple(_usual(matrix[inside, at], category) for at, category in enumerate(categories)),
    )


def _population(probabilities: Vector, threshold: float, population: str) -> NDArray[np.intp]:
    """Positions of its rows, in order."""
    if population == "all":
        return np.arange(len(probabilities))
    approved = np.flatnonzero(probabilities < threshold)
    if population == "approved":
        return approved
    nearest = np.argsort(-probabilities[approved], kind="stable")[: max(1, round(NEAREST * len(approved)))]
    return np.sort(approved[nearest])


def _mean(values: Vector) -> float:
    """Added from the first to the last, so that no library's blocking shows in the bits."""
    total = 0.0
    for value in values.tolist():
        total += value
    return total / len(values)


def _usual(values: Vector, category: bool) -> float | None:
    """The middle value that occurs (no mean of two), or the most frequent code; None where most are null."""
    if category:
        codes, counts = np.unique(values, return_counts=True)
        return float(codes[int(np.argmax(counts))]) or None
    present = values[~np.isnan(values)]
    if len(present) * 2 <= len(values):
        return None
    return float(np.quantile(present, 0.5, method="inverted_cdf"))

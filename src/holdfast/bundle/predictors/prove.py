"""No predictor is packed before it was shown equal to the estimator it came from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from holdfast.bundle.predictors.spec import Matrix, Predictor, Vector
from holdfast.errors import HoldfastError

LINEAR_TOLERANCE = 1e-12
MOST_NULL_ROWS = 200_000
ONE_BY_ONE = 2_000
"""Rows also scored alone: the walk for a row must give the bits of the walk for a matrix."""


@dataclass(frozen=True)
class Proof:
    """What was compared: rows of the matrix, the same rows with nulls put in, and rows scored one by one."""

    rows: int
    null_rows: int
    one_by_one: int
    measure: str
    largest_difference: float


def prove_equal(
    original: Callable[[Matrix], Vector] | Vector, predictor: Predictor, matrix: Matrix, *, nulls: bool = True
) -> Proof:
    """Compare raw scores on the training matrix: by bits, for linear models within 1e-12 relative to the score.

    `original` scores a matrix, or is the scores of `matrix`. A function is asked again with nulls put into every
    feature, for up to 200,000 rows (`nulls=False` for an estimator that takes none). Raises HoldfastError with the
    first row that differs.
    """
    tolerance = LINEAR_TOLERANCE if predictor.method == "linear" else 0.0
    largest, injected = 0.0, 0
    scores = original(matrix) if callable(original) else original
    largest = _compare(scores, predictor.scores(matrix), matrix, tolerance, "the training matrix")
    if callable(original) and nulls:
        holed = with_nulls(some_rows(matrix, MOST_NULL_ROWS))
        injected = len(holed)
        differing = _compare(original(holed), predictor.scores(holed), holed, tolerance, "rows with nulls put in")
        largest = max(largest, differing)
    sample = with_nulls(some_rows(matrix, ONE_BY_ONE // 2))
    sample = np.concatenate([some_rows(matrix, ONE_BY_ONE // 2), sample])
    alone = np.asarray([predictor.score(row) for row in sample.tolist()])
    _compare(predictor.scores(sample), alone, sample, 0.0, "rows scored one by one against the matrix")
    return Proof(len(matrix), injected, len(sample), f"within {tolerance}" if tolerance else "bits", largest)


def with_nulls(matrix: Matrix) -> Matrix:
    """A copy where about one value in eight is null, the same ones every time."""
    rows, features = matrix.shape
    place = np.arange(rows, dtype=np.uint64)[:, None] * np.uint64(features) + np.arange(features, dtype=np.uint64)
    mixed = (place + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    holed = np.array(matrix, dtype=np.float64)
    holed[mixed < np.uint64(1 << 61)] = np.nan
    return holed


def some_rows(matrix: Matrix, count: int) -> Matrix:
    """At most `count` rows, evenly spaced, first and last among them."""
    if len(matrix) <= count:
        return matrix
    return matrix[np.unique(np.linspace(0, len(matrix) - 1, count).astype(np.int64))]


def _compare(original: Vector, ours: Vector, matrix: Matrix, tolerance: float, where: str) -> float:
    theirs = np.asarray(original, dtype=np.float64)
    if theirs.shape != ours.shape:
        raise HoldfastError(f"{len(theirs)} original scores for {len(ours)} rows", where=where)
    gap = np.abs(theirs - ours)
    differs: NDArray[np.bool_]
    if tolerance:
        differs = ~(gap <= tolerance * np.maximum(1.0, np.abs(theirs)))
    else:
        differs = theirs.view(np.int64) != ours.view(np.int64)
    if differs.any():
        row = int(np.flatnonzero(differs)[0])
        raise HoldfastError(
            f"{int(differs.sum())} of {len(ours)} rows score differently; the first is row {row}: "
            f"original {float(theirs[row])!r}, predictor {float(ours[row])!r}, features {matrix[row].tolist()}",
            where=where,
            mend="the model is not packed; report this row, it is a fault in the conversion",
        )
    return float(gap.max()) if len(gap) else 0.0

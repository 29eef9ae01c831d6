"""Rows with the bits of their answers, packed with the model: a machine that computes otherwise is found at load."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from holdfast.bundle.predictors.prove import some_rows, with_nulls
from holdfast.bundle.predictors.spec import Matrix, Vector
from holdfast.errors import HoldfastError

MOST = 1_000

Answers = Callable[[Matrix], tuple[Vector, Vector]]
Answer = Callable[[Sequence[float]], tuple[float, float]]


class PlatformDiffers(HoldfastError):  # noqa: N818 - reads as what it says, like HoldfastError's other kinds
    """The bundle is whole and this machine does not give its bits: it must not serve."""


def choose_golden(matrix: Matrix, count: int = MOST) -> Matrix:
    """Rows spread over `matrix`, a quarter of them with nulls put in."""
    holed = with_nulls(some_rows(matrix, count // 4))
    return np.concatenate([some_rows(matrix, count - len(holed)), holed])


def write_golden(rows: Matrix, answers: Answers) -> bytes:
    """Rows, scores, probabilities as little-endian float64: one line of features, score, probability for each row."""
    scores, probabilities = answers(rows)
    return np.column_stack([rows, scores, probabilities]).astype("<f8").tobytes()


def check_golden(data: bytes, features: int, rows: int, answer: Answer, answers: Answers) -> None:
    """Score every golden row alone and all together; raises PlatformDiffers with the first row whose bits differ."""
    if len(data) != rows * (features + 2) * 8 or rows == 0:
        raise HoldfastError(f"{len(data)} bytes for {rows} golden rows", where="golden.f64")
    table = np.frombuffer(data, "<f8").astype(np.float64).reshape(rows, features + 2)
    matrix, expected = np.ascontiguousarray(table[:, :features]), table[:, features:]
    alone = np.asarray([answer(row) for row in matrix.tolist()])
    together = np.column_stack(answers(matrix))
    for how, found in (("alone", alone), ("in a matrix", together)):
        differs = np.flatnonzero((found.view(np.int64) != expected.copy().view(np.int64)).any(axis=1))
        if len(differs):
            row = int(differs[0])
            raise PlatformDiffers(
                f"this platform computes otherwise: {len(differs)} of {rows} golden rows scored {how} differ, "
                f"first row {row}: {found[row].tolist()} here, {expected[row].tolist()} when packed",
                where="golden.f64",
                mend="serve on the platform it was packed on (see environment.lock), or pack the model here",
            )

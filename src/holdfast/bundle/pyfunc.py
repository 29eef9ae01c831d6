"""The door MLflow's `pyfunc` opens a bundle by: finished features in, probabilities out.

Named as ``loader_module`` in the logged model, so MLflow imports this installed module and unpickles nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from holdfast.bundle.bundle import Bundle
from holdfast.bundle.load import load
from holdfast.bundle.predictors.spec import Matrix, Vector
from holdfast.contract.model import Contract
from holdfast.errors import HoldfastError, Problem

HISTORY = (
    "is computed from history: take it from a ledger row (its `features`), from `holdfast features build`, "
    "or send the request to `holdfast serve`, which reads it"
)


class ScoredBundle:
    """What `mlflow.pyfunc.load_model` hands out: `predict(features)` gives one probability for each row."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle

    def predict(self, model_input: object, params: Mapping[str, Any] | None = None) -> Vector:
        """Probabilities of finished feature rows, the bundle's own bits.

        `model_input` is a DataFrame, a mapping of columns, a list of rows as mappings (columns in any order, others
        ignored), or a matrix in contract order. Raises HoldfastError naming every feature that is absent and how to
        get it, and every value that is no feature value.
        """
        return self.bundle.predict_matrix(as_matrix(self.bundle.contract, model_input))[1]

    def get_raw_model(self) -> Bundle:
        return self.bundle


def _load_pyfunc(path: str) -> ScoredBundle:
    """MLflow's loader: `path` is the bundle folder inside the logged model."""
    return ScoredBundle(load(Path(path)))


def as_matrix(contract: Contract, given: object) -> Matrix:
    """Feature rows of whatever table was given, shape (rows, features), nulls as NaN."""
    names = [feature.name for feature in contract.features]
    if isinstance(given, np.ndarray):
        if given.ndim != 2 or given.shape[1] != len(names):
            raise HoldfastError(
                f"a matrix of shape {given.shape} given, {len(names)} features expected: {', '.join(names)}"
            )
        return _finite(np.ascontiguousarray(given, dtype=np.float64), names)
    if isinstance(given, Sequence) and not isinstance(given, str):
        rows = [row for row in given if isinstance(row, Mapping)]
        if len(rows) != len(given):
            raise HoldfastError("a list of rows must hold mappings", mend="pass a DataFrame with feature columns")
        given = {name: [row.get(name) for row in rows] for name in names if any(name in row for row in rows)}
    columns: Any = given
    if not hasattr(columns, "keys") or not hasattr(columns, "__getitem__"):
        raise HoldfastError(f"no features in a {type(given).__name__}", mend="pass a DataFrame with feature columns")
    present = {str(name) for name in columns.keys()}  # noqa: SIM118 - a DataFrame's keys are its columns
    absent = [name for name in names if name not in present]
    if absent:
        raise HoldfastError(
            "this model takes finished features, not a request: " + _how_many(len(absent), len(names)),
            mend="score requests with `holdfast serve` or `holdfast score`; features of past decisions are in the "
            "ledger",
            problems=[_absence(contract, name) for name in absent],
        )
    problems, parts = [], []
    for name in names:
        column, problem = _column(name, columns[name])
        parts.append(column)
        problems += [problem] if problem else []
    if problems:
        raise HoldfastError("some features hold values that are no feature values", problems=problems)
    return _finite(np.column_stack(parts) if parts else np.empty((0, 0)), names)


def _how_many(absent: int, all_of: int) -> str:
    return f"{absent} of {all_of} features are absent"


def _absence(contract: Contract, name: str) -> Problem:
    expr = next(feature.expr for feature in contract.features if feature.name == name)
    if any(node.op == "aggregate" for node in expr.walk()):
        return Problem(name, "missing", "absent", HISTORY)
    return Problem(name, "missing", "absent", "a row feature: give the value of its expression, null as NaN")


def _column(name: str, values: Any) -> tuple[Vector, Problem | None]:
    array = np.asarray(values)
    if array.dtype == object:
        array = np.asarray([np.nan if value is None else value for value in array.tolist()])
    if array.dtype.kind not in "fiub":
        what = f"holds {array.dtype.name}"
        return np.empty(0), Problem(name, "type", what, "features are numbers; a category is its code")
    return array.astype(np.float64), None


def _finite(matrix: Matrix, names: Sequence[str]) -> Matrix:
    found = np.flatnonzero(np.isinf(matrix).any(axis=0))
    if len(found):
        raise HoldfastError(
            "a feature is infinite, which no feature row is",
            mend="give null as NaN",
            problems=[Problem(names[int(index)], "range", "infinite") for index in found],
        )
    return matrix

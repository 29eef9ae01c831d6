"""Linear models: explicit steps for each feature, added in a fixed order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from holdfast.bundle.predictors.spec import Matrix, ModelSpec, Vector
from holdfast.contract.model import UNKNOWN_CODE

TOLERANCE = 1e-12


@dataclass(frozen=True)
class Term:
    """What one feature adds to the score.

    A number x adds ``(x - mean) / scale * weight``, a null the same of `impute`. A category code c adds
    ``weights[c]``; a code outside the table counts as unknown. `usual` is what the feature adds on average in the
    training data: contributions are differences from it.
    """

    impute: float = 0.0
    mean: float = 0.0
    scale: float = 1.0
    weight: float = 0.0
    weights: tuple[float, ...] = ()
    usual: float = 0.0


def linear_spec(terms: Sequence[Term], intercept: float, trained_as: str = "logistic_regression") -> ModelSpec:
    """A linear model with one term for each feature, in feature order."""
    shapes = [{name: value for name, value in asdict(term).items() if value not in ((), [])} for term in terms]
    parameters = {"intercept": float(intercept), "terms": shapes}
    return ModelSpec("linear", trained_as, "sigmoid", len(shapes), parameters)


class Linear:
    """score = intercept + term + term + …, from the first feature to the last."""

    method = "linear"
    tolerance = TOLERANCE

    def __init__(self, terms: Sequence[Term], intercept: float) -> None:
        self._terms = tuple(terms)
        self._intercept = intercept
        self._steps = [(list(term.weights), term.impute, term.mean, term.scale, term.weight) for term in terms]
        base = intercept
        for term in terms:
            base += term.usual
        self.base_value = base

    def score(self, row: Sequence[float]) -> float:
        total = self._intercept
        for x, (weights, impute, mean, scale, weight) in zip(row, self._steps, strict=True):
            if weights:
                total += _of_code(weights, x)
            else:
                if x != x:
                    x = impute
                total += (x - mean) / scale * weight
        return total

    def scores(self, matrix: Matrix) -> Vector:
        total = np.full(len(matrix), self._intercept)
        for index, term in enumerate(self._terms):
            total += _part(term, matrix[:, index])
        return total

    def contributions(self, row: Sequence[float]) -> list[float]:
        parts = []
        for x, term in zip(row, self._terms, strict=True):
            if term.weights:
                part = _of_code(term.weights, x)
            else:
                part = ((term.impute if x != x else x) - term.mean) / term.scale * term.weight
            parts.append(part - term.usual)
        return parts


def _of_code(weights: Sequence[float], x: float) -> float:
    code = int(x) if x == x else 0
    return weights[code] if 0 <= code < len(weights) else weights[UNKNOWN_CODE]


def _part(term: Term, column: Vector) -> Vector:
    null = np.isnan(column)
    if not term.weights:
        return (np.where(null, term.impute, column) - term.mean) / term.scale * term.weight
    codes = np.where(null, 0.0, column).astype(np.int64)
    codes[(codes < 0) | (codes >= len(term.weights))] = UNKNOWN_CODE
    return np.asarray(term.weights)[codes]


def open_linear(spec: ModelSpec) -> Linear:
    terms = [Term(**{**shape, "weights": tuple(shape.get("weights", ()))}) for shape in spec.parameters["terms"]]
    return Linear(terms, spec.parameters["intercept"])


@dataclass(frozen=True)
class Design:
    """How feature rows become the columns a linear model is fitted on.

    A number is one column: nulls replaced by the median of the training data, then standardised. A category is one
    column for each code (0 null and 1 unknown included).
    """

    terms: tuple[Term, ...]
    """With weight 0; a category has one zero weight for each code."""
    shares: tuple[tuple[float, ...], ...]
    """For a category, the share of each code in the training data."""

    def matrix(self, features: Matrix) -> Matrix:
        """Columns for the estimator, shape (rows, columns)."""
        columns: list[Vector] = []
        for index, term in enumerate(self.terms):
            column = features[:, index]
            if term.weights:
                codes = np.where(np.isnan(column), 0.0, column).astype(np.int64)
                codes[(codes < 0) | (codes >= len(term.weights))] = UNKNOWN_CODE
                columns += [(codes == code).astype(np.float64) for code in range(len(term.weights))]
            else:
                columns.append((np.where(np.isnan(column), term.impute, column) - term.mean) / term.scale)
        return np.stack(columns, axis=1)

    def spec(self, weights: Sequence[float], intercept: float, trained_as: str = "logistic_regression") -> ModelSpec:
        """The fitted model: `weights` in the order of `matrix`'s columns."""
        terms, position = [], 0
        for term, shares in zip(self.terms, self.shares, strict=True):
            if term.weights:
                own = tuple(float(weight) for weight in weights[position : position + len(term.weights)])
                usual = float(sum(weight * share for weight, share in zip(own, shares, strict=True)))
                terms.append(Term(weights=own, usual=usual))
                position += len(own)
            else:
                terms.append(
                    Term(impute=term.impute, mean=term.mean, scale=term.scale, weight=float(weights[position]))
                )
                position += 1
        return linear_spec(terms, intercept, trained_as)


def fit_design(features: Matrix, categories: Mapping[int, int]) -> Design:
    """The design for training rows; `categories` gives, for a category's feature index, its number of codes."""
    terms, shares = [], []
    for index in range(features.shape[1]):
        column = features[:, index]
        if index in categories:
            codes = np.where(np.isnan(column), 0.0, column).astype(np.int64)
            counts = np.bincount(codes, minlength=categories[index])[: categories[index]]
            terms.append(Term(weights=(0.0,) * categories[index]))
            shares.append(tuple(float(count) / max(1, len(column)) for count in counts))
            continue
        known = column[~np.isnan(column)]
        impute = float(np.median(known)) if len(known) else 0.0
        filled = np.where(np.isnan(column), impute, column)
        mean, scale = (float(filled.mean()), float(filled.std())) if len(filled) else (0.0, 1.0)
        terms.append(Term(impute=impute, mean=mean, scale=scale if scale > 0 else 1.0))
        shares.append(())
    return Design(tuple(terms), tuple(shares))

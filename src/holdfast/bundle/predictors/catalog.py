"""Every kind of predictor a bundle can hold, in one visible tuple."""

from __future__ import annotations

from collections.abc import Callable

from holdfast.bundle.predictors.lightgbm import open_lightgbm
from holdfast.bundle.predictors.linear import open_linear
from holdfast.bundle.predictors.spec import ModelSpec, Predictor
from holdfast.bundle.predictors.trees import open_trees
from holdfast.errors import HoldfastError

FAMILIES: tuple[tuple[str, Callable[[ModelSpec], Predictor]], ...] = (
    ("linear", open_linear),
    ("lightgbm", open_lightgbm),
    ("trees", open_trees),
)


def open_predictor(spec: ModelSpec) -> Predictor:
    """The predictor of a model. Its bytes must have been verified before: no family checks where they came from."""
    for family, opener in FAMILIES:
        if family == spec.family:
            return opener(spec)
    known = ", ".join(family for family, _ in FAMILIES)
    raise HoldfastError(
        f"no predictor for the model family {spec.family!r} (known: {known})",
        where="model.json",
        mend="load this bundle with the Holdfast version that packed it, or a newer one",
    )

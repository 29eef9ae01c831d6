"""The model families, each fitted so that the same rows and seed give the same model on one thread and on many.

Rows come in canonical order. What could change bits with the number of threads is held down where it would: BLAS in
the logistic regression always runs on one thread, LightGBM sums in a fixed order, XGBoost always runs on one thread
(its threads each sum a share of the rows; equal bits are what we saw, not what it promises). Forests and scikit-learn's
histograms share work by tree and by feature, which changes no sum.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from holdfast.bundle.predictors.catalog import open_predictor
from holdfast.bundle.predictors.spec import ModelSpec, Predictor
from holdfast.errors import HoldfastError
from holdfast.training.rows import Floats
from holdfast.training.settings import Family
from holdfast.training.split import Labels

Scores = Callable[[Floats], Floats]


@dataclass(frozen=True)
class Fitted:
    """A model as plain data, the predictor that will serve it, and how the library that fitted it scores."""

    spec: ModelSpec
    predictor: Predictor
    original: Scores
    """Raw scores (margin, or the forest's mean leaf share) of the library's own prediction."""
    gain: tuple[float, ...] | None
    """Importance by what each feature's splits gained, or by |standardised weight|."""


@dataclass(frozen=True)
class Recipe:
    """What a fit needs beside the rows."""

    family: Family
    params: Mapping[str, Any]
    seed: int
    threads: int
    weigh: bool
    """Weigh the rare class up until both weigh the same."""
    categories: tuple[int, ...] = ()
    """Positions of the features that hold category codes."""


def fit(recipe: Recipe, X: Floats, y: Labels) -> Fitted:
    """Raise HoldfastError when the library refuses a parameter."""
    from threadpoolctl import threadpool_limits

    fitter = _FITTERS[recipe.family]
    try:
        with threadpool_limits(limits=1, user_api="blas"):
            spec, original, gain = fitter(recipe, X, y)
    except (TypeError, ValueError) as fault:
        raise HoldfastError(
            f"{recipe.family} refused: {fault}", where="training.params", mend="see the library's own parameter list"
        ) from fault
    return Fitted(spec, open_predictor(spec), original, gain)


Made = tuple[ModelSpec, Scores, tuple[float, ...] | None]


def _positive_weight(recipe: Recipe, y: Labels) -> float:
    positives = int(y.sum())
    return (len(y) - positives) / positives if recipe.weigh else 1.0


def _class_weight(recipe: Recipe) -> str | None:
    return "balanced" if recipe.weigh else None


def _lightgbm(recipe: Recipe, X: Floats, y: Labels) -> Made:
    import lightgbm

    from holdfast.bundle.predictors.lightgbm import from_lightgbm

    given = dict(recipe.params)
    rounds = int(given.pop("num_iterations", given.pop("n_estimators", 200)))
    params: dict[str, Any] = {
        "learning_rate": 0.05,
        "num_leaves": 31,
        "min_data_in_leaf": 20,
        "scale_pos_weight": _positive_weight(recipe, y),
        **given,
        "objective": "binary",
        "seed": recipe.seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": recipe.threads,
        "verbosity": -1,
    }
    data = lightgbm.Dataset(
        X, label=y.astype(np.float64), categorical_feature=list(recipe.categories), params=params, free_raw_data=False
    )
    try:
        booster = lightgbm.train(params, data, num_boost_round=rounds)
    except lightgbm.basic.LightGBMError as fault:
        raise ValueError(str(fault)) from fault
    return (
        from_lightgbm(booster),
        lambda rows: np.asarray(booster.predict(rows, raw_score=True), dtype=np.float64),
        tuple(float(value) for value in booster.feature_importance("gain")),
    )


def _xgboost(recipe: Recipe, X: Floats, y: Labels) -> Made:
    import xgboost

    from holdfast.bundle.predictors.from_xgboost import from_xgboost, xgboost_margin

    given = dict(recipe.params)
    rounds = int(given.pop("n_estimators", given.pop("num_boost_round", 200)))
    params: dict[str, Any] = {
        "max_depth": 6,
        "learning_rate": 0.1,
        "tree_method": "hist",
        "scale_pos_weight": _positive_weight(recipe, y),
        **given,
        "objective": "binary:logistic",
        "seed": recipe.seed,
        # Gradient sums depend on how rows are dealt to threads.
        "nthread": 1,
        "verbosity": 0,
    }
    names = [f"f{i}" for i in range(X.shape[1])]
    try:
        booster = xgboost.train(params, xgboost.DMatrix(X, label=y, feature_names=names, nthread=1), rounds)
    except xgboost.core.XGBoostError as fault:
        raise ValueError(str(fault)) from fault

    gains: Any = booster.get_score(importance_type="total_gain")
    return from_xgboost(booster), xgboost_margin(booster), tuple(float(gains.get(name, 0.0)) for name in names)


def _decision_tree(recipe: Recipe, X: Floats, y: Labels) -> Made:
    from sklearn.tree import DecisionTreeClassifier

    params = {"max_depth": 6, "min_samples_leaf": 20, "class_weight": _class_weight(recipe), **recipe.params}
    model = DecisionTreeClassifier(**{**params, "random_state": recipe.seed}).fit(X, y)
    return *_from_sklearn(model), _impurity(model)


def _random_forest(recipe: Recipe, X: Floats, y: Labels) -> Made:
    from sklearn.ensemble import RandomForestClassifier

    params = {"n_estimators": 100, "max_depth": 10, "class_weight": _class_weight(recipe), **recipe.params}
    model = RandomForestClassifier(**{**params, "random_state": recipe.seed, "n_jobs": recipe.threads}).fit(X, y)
    return *_from_sklearn(model), _impurity(model)


def _hist_gradient_boosting(recipe: Recipe, X: Floats, y: Labels) -> Made:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    params = {"max_iter": 200, "learning_rate": 0.05, "class_weight": _class_weight(recipe), **recipe.params}
    params = {"early_stopping": False, **params, "random_state": recipe.seed}
    with threadpool_limits(limits=recipe.threads, user_api="openmp"):
        model = HistGradientBoostingClassifier(**params).fit(X, y)
    return *_from_sklearn(model), None


def _logistic_regression(recipe: Recipe, X: Floats, y: Labels) -> Made:
    from sklearn.linear_model import LogisticRegression

    from holdfast.bundle.predictors.linear import fit_design

    codes = {i: max(2, int(np.nanmax(X[:, i], initial=0.0)) + 1) for i in recipe.categories}
    design = fit_design(X, codes)
    params = {"max_iter": 1_000, "class_weight": _class_weight(recipe), **recipe.params}
    model = LogisticRegression(**{**params, "random_state": recipe.seed}).fit(design.matrix(X), y)
    weights = [float(value) for value in model.coef_[0]]
    spec = design.spec(weights, float(model.intercept_[0]))
    gain, position = [], 0
    for i in range(X.shape[1]):
        width = codes.get(i, 1)
        gain.append(max(abs(value) for value in weights[position : position + width]))
        position += width
    return spec, lambda rows: np.asarray(model.decision_function(design.matrix(rows))), tuple(gain)


def _from_sklearn(model: object) -> tuple[ModelSpec, Scores]:
    from holdfast.bundle.predictors.from_sklearn import from_sklearn, sklearn_score

    return from_sklearn(model), sklearn_score(model)


def _impurity(model: Any) -> tuple[float, ...]:
    return tuple(float(value) for value in model.feature_importances_)


_FITTERS: dict[Family, Callable[[Recipe, Floats, Labels], Made]] = {
    "lightgbm": _lightgbm,
    "logistic_regression": _logistic_regression,
    "decision_tree": _decision_tree,
    "random_forest": _random_forest,
    "hist_gradient_boosting": _hist_gradient_boosting,
    "xgboost": _xgboost,
}

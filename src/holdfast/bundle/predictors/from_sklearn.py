"""Fitted scikit-learn estimators as plain data: linear models, trees, forests, histogram boosting."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.bundle.predictors.forest import LEAF, CategoryTest, Forest, forest_spec, threshold_for_float32
from holdfast.bundle.predictors.linear import Term, linear_spec
from holdfast.bundle.predictors.spec import Matrix, ModelSpec, Vector
from holdfast.errors import HoldfastError

_TREES = {"DecisionTreeClassifier": "decision_tree", "ExtraTreeClassifier": "decision_tree"}
_FORESTS = {"RandomForestClassifier": "random_forest", "ExtraTreesClassifier": "random_forest"}


def from_sklearn(model: object) -> ModelSpec:
    """A fitted binary classifier as data.

    Takes DecisionTreeClassifier, RandomForestClassifier (and their extra-random kin), HistGradientBoostingClassifier,
    LogisticRegression, and a Pipeline of SimpleImputer, StandardScaler and LogisticRegression. Categories for a
    linear model: fit on `linear.fit_design(...)`'s matrix and take its `spec`.
    """
    fitted: Any = model
    name = type(model).__name__
    classes = list(getattr(fitted, "classes_", ()))
    if classes != [0, 1]:
        raise HoldfastError(
            f"{name} was fitted on classes {classes}", mend="fit on labels 0 and 1, both present in the training data"
        )
    if name in _TREES:
        return forest_spec(_forest([fitted.tree_], fitted.n_features_in_), _TREES[name], "identity")
    if name in _FORESTS:
        trees = [tree.tree_ for tree in fitted.estimators_]
        return forest_spec(_forest(trees, fitted.n_features_in_), _FORESTS[name], "identity")
    if name == "HistGradientBoostingClassifier":
        return forest_spec(_boosted(fitted), "hist_gradient_boosting", "sigmoid")
    if name in ("LogisticRegression", "Pipeline"):
        return _linear(fitted)
    raise HoldfastError(
        f"{name} cannot be packed",
        mend="use a decision tree, random forest, histogram boosting, logistic regression, LightGBM or XGBoost",
    )


def sklearn_score(model: object) -> Callable[[Matrix], Vector]:
    """The original's raw score for a matrix. Forests add their trees in order: one job, as threads do not."""
    fitted: Any = model
    if type(model).__name__ in _FORESTS:
        fitted = copy.copy(fitted)
        fitted.n_jobs = 1
    if type(model).__name__ in _TREES or type(model).__name__ in _FORESTS:
        return lambda matrix: np.ascontiguousarray(fitted.predict_proba(matrix)[:, 1])
    return lambda matrix: np.asarray(fitted.decision_function(matrix), dtype=np.float64)


def _forest(trees: list[Any], features: int) -> Forest:
    """Leaves hold the share of positives; inputs are rounded to float32 by scikit-learn and compared with ``<=``."""
    sizes = [tree.node_count for tree in trees]
    roots = np.concatenate([[0], np.cumsum(sizes)[:-1]])

    def joined(read: Callable[[Any], NDArray[Any]]) -> NDArray[Any]:
        return np.concatenate([read(tree) for tree in trees])

    first = np.repeat(roots, sizes)
    left, right = joined(lambda tree: tree.children_left), joined(lambda tree: tree.children_right)
    leaf = left == LEAF
    thresholds = threshold_for_float32(joined(lambda tree: tree.threshold), strict=False)
    return Forest(
        features=features,
        roots=roots,
        feature=np.where(leaf, LEAF, joined(lambda tree: tree.feature)),
        threshold=np.where(leaf, 0.0, thresholds),
        null_left=np.where(leaf, 0, joined(lambda tree: tree.missing_go_to_left)),
        left=np.where(leaf, LEAF, left + first),
        right=np.where(leaf, LEAF, right + first),
        value=joined(lambda tree: tree.value[:, 0, 1]),
        cover=joined(lambda tree: tree.weighted_n_node_samples),
        divide=float(len(trees)),
    )


def _boosted(model: Any) -> Forest:
    """Leaves are added to the baseline in float64; inputs stay float64 and are compared with ``<=``."""
    encoded = _encoded_categories(model)
    order = _input_order(model)
    tests: dict[CategoryTest, int] = {}
    parts: list[dict[str, NDArray[Any]]] = []
    roots, first = [], 0
    for (predictor,) in model._predictors:
        nodes = predictor.nodes
        leaf = nodes["is_leaf"] != 0
        feature = order[nodes["feature_idx"]].astype(np.int64)
        for node in np.flatnonzero((nodes["is_categorical"] != 0) & ~leaf):
            test = _test(nodes[node], predictor.raw_left_cat_bitsets, encoded, int(feature[node]))
            feature[node] = len(order) + tests.setdefault(test, len(tests))
        parts.append(
            {
                "feature": np.where(leaf, LEAF, feature),
                "threshold": np.where(leaf, 0.0, nodes["num_threshold"]),
                "null_left": np.where(leaf, 0, nodes["missing_go_to_left"]),
                "left": np.where(leaf, LEAF, nodes["left"].astype(np.int64) + first),
                "right": np.where(leaf, LEAF, nodes["right"].astype(np.int64) + first),
                "value": np.where(leaf, nodes["value"], 0.0),
                "cover": nodes["count"].astype(np.float64),
            }
        )
        roots.append(first)
        first += len(nodes)
    joined: dict[str, Any] = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    start = float(np.asarray(model._baseline_prediction).ravel()[0])
    return Forest(len(order), np.asarray(roots), tests=tuple(tests), start=start, **joined)


def _input_order(model: Any) -> NDArray[np.int64]:
    """Feature of ours for each column its trees see: with categories, those come first."""
    inputs = np.arange(model.n_features_in_)
    if model._preprocessor is None:
        return inputs
    category = np.asarray(model.is_categorical_, dtype=bool)
    return np.concatenate([inputs[category], inputs[~category]])


def _encoded_categories(model: Any) -> dict[int, list[tuple[int, int]]]:
    """For each category feature, (our code, the code its trees see)."""
    if model._preprocessor is None:
        return {}
    encoder = model._preprocessor.named_transformers_["encoder"]
    category = np.flatnonzero(model.is_categorical_)
    return {
        int(feature): [(int(value), place) for place, value in enumerate(values) if value == value]
        for feature, values in zip(category, encoder.categories_, strict=True)
    }


def _test(node: Any, bitsets: Any, encoded: dict[int, list[tuple[int, int]]], feature: int) -> CategoryTest:
    bits = bitsets[node["bitset_idx"]]
    known = encoded[feature]
    left = tuple(ours for ours, theirs in known if bits[theirs // 32] >> np.uint32(theirs % 32) & np.uint32(1))
    return CategoryTest(feature, left, tuple(ours for ours, _ in known))


def _linear(model: Any) -> ModelSpec:
    steps = [step for _, step in model.steps] if hasattr(model, "steps") else [model]
    kinds = [type(step).__name__ for step in steps]
    if kinds[-1:] != ["LogisticRegression"] or kinds[:-1] not in (
        [], ["SimpleImputer"], ["StandardScaler"], ["SimpleImputer", "StandardScaler"],
    ):  # fmt: skip
        raise HoldfastError(
            f"a pipeline of {', '.join(kinds)} cannot be packed",
            mend="use SimpleImputer, StandardScaler, LogisticRegression, or fit on holdfast's linear design",
        )
    features = len(steps[-1].coef_[0])
    impute, mean, scale = np.zeros(features), np.zeros(features), np.ones(features)
    for kind, step in zip(kinds[:-1], steps[:-1], strict=True):
        if kind == "SimpleImputer":
            if len(step.statistics_) != features or step.add_indicator or not np.isfinite(step.statistics_).all():
                raise HoldfastError("an imputer that adds or drops columns cannot be packed")
            impute = step.statistics_
        else:
            mean = step.mean_ if step.mean_ is not None else mean
            scale = step.scale_ if step.scale_ is not None else scale
    terms = [
        Term(impute=float(impute[i]), mean=float(mean[i]), scale=float(scale[i]), weight=float(weight))
        for i, weight in enumerate(steps[-1].coef_[0])
    ]
    return linear_spec(terms, float(steps[-1].intercept_[0]))

"""A fitted XGBoost booster as plain trees, read from its own JSON dump."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.bundle.predictors.forest import LEAF, Forest, forest_spec, threshold_for_float32
from holdfast.bundle.predictors.spec import Matrix, ModelSpec, Vector
from holdfast.errors import HoldfastError


def from_xgboost(model: object) -> ModelSpec:
    """A Booster or XGBClassifier (gbtree, binary:logistic, numeric splits) as data.

    XGBoost rounds inputs to float32, goes left on ``value < threshold``, and adds leaves in float32 to the margin of
    `base_score`; the raw score is that margin (log-odds).
    """
    dump = json.loads(bytes(_booster(model).save_raw(raw_format="json")))["learner"]
    objective = dump["objective"]["name"]
    booster = dump["gradient_booster"]
    if objective not in ("binary:logistic", "binary:logitraw") or booster["name"] != "gbtree":
        raise HoldfastError(
            f"an XGBoost model with objective {objective!r} and booster {booster['name']!r} cannot be packed",
            mend="train with objective='binary:logistic' and booster='gbtree'",
        )
    trees = booster["model"]["trees"][: _used_trees(model, booster["model"])]
    if any(any(tree["split_type"]) for tree in trees):
        raise HoldfastError(
            "an XGBoost model with categorical splits cannot be packed",
            mend="train without enable_categorical: category codes are then split as numbers",
        )
    features = int(dump["learner_model_param"]["num_feature"])
    base = dump["learner_model_param"]["base_score"].strip("[]")
    return forest_spec(_forest(trees, features, _margin(float(base), objective)), "xgboost", "sigmoid")


def xgboost_margin(model: object) -> Callable[[Matrix], Vector]:
    """The original's raw score for a matrix, as XGBoost computes it."""
    booster = _booster(model)
    stop = getattr(model, "best_iteration", None) if _is_wrapper(model) else None

    def margin(matrix: Matrix) -> Vector:
        kept = (0, 0 if stop is None else int(stop) + 1)
        found = booster.inplace_predict(matrix, predict_type="margin", iteration_range=kept, validate_features=False)
        return np.asarray(found, dtype=np.float64)

    return margin


def _is_wrapper(model: object) -> bool:
    return hasattr(model, "get_booster")


def _booster(model: Any) -> Any:
    return model.get_booster() if _is_wrapper(model) else model


def _used_trees(model: object, shape: dict[str, Any]) -> int | None:
    """Trees the wrapper predicts with: those up to the best round when it stopped early."""
    best = getattr(model, "best_iteration", None) if _is_wrapper(model) else None
    per_round = int(shape["gbtree_model_param"].get("num_parallel_tree", "1"))
    return None if best is None else (int(best) + 1) * per_round


def _margin(base_score: float, objective: str) -> float:
    """XGBoost's own steps, in float32: the base score is stored as a probability and used as a margin."""
    if objective == "binary:logitraw":
        return float(np.float32(base_score))
    one = np.float32(1.0)
    return float(-np.log(one / np.float32(base_score) - one))


def _forest(trees: list[dict[str, Any]], features: int, start: float) -> Forest:
    columns: dict[str, list[NDArray[Any]]] = {}
    roots, first = [], 0
    for tree in trees:
        order, child = _preorder(tree["left_children"], tree["right_children"])
        left = np.asarray(tree["left_children"])[order]
        leaf = left == LEAF
        # The dump writes the shortest text of a float32: only as float32 is it the number XGBoost compares with.
        condition = np.asarray(tree["split_conditions"], dtype=np.float32)[order].astype(np.float64)
        parts = {
            "feature": np.where(leaf, LEAF, np.asarray(tree["split_indices"])[order]),
            "threshold": np.where(leaf, 0.0, threshold_for_float32(condition, strict=True)),
            "null_left": np.asarray(tree["default_left"])[order] & ~leaf,
            "left": np.where(leaf, LEAF, child[left] + first),
            "right": np.where(leaf, LEAF, child[np.asarray(tree["right_children"])[order]] + first),
            "value": np.where(leaf, condition, 0.0),
            "cover": np.asarray(tree["sum_hessian"], dtype=np.float64)[order],
        }
        for name, part in parts.items():
            columns.setdefault(name, []).append(part)
        roots.append(first)
        first += len(order)
    joined: dict[str, Any] = {name: np.concatenate(parts) for name, parts in columns.items()}
    return Forest(features, np.asarray(roots), start=start, accumulate="float32", **joined)


def _preorder(left: list[int], right: list[int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Nodes in use, parents first, and each old node's new number (dropped nodes are left out)."""
    order, stack = [], [0]
    while stack:
        node = stack.pop()
        order.append(node)
        if left[node] != LEAF:
            stack += [right[node], left[node]]
    place = np.zeros(len(left), dtype=np.int64)
    place[order] = np.arange(len(order))
    return np.asarray(order), place

"""The plain tree format: thresholds moved without loss, arrays that form no tree refused, Shapley values exact."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.bundle.made import fitted, rows

from holdfast.bundle.predictors.catalog import open_predictor
from holdfast.bundle.predictors.forest import LEAF, Forest, read_forest, threshold_for_float32
from holdfast.bundle.predictors.tree_contributions import TreeContributions
from holdfast.bundle.predictors.trees import Trees
from holdfast.errors import HoldfastError

FLOAT32 = st.floats(width=32, allow_nan=False)


@settings(max_examples=500, deadline=None)
@given(FLOAT32, st.floats(allow_nan=False, allow_infinity=False), st.booleans(), st.integers(-3, 3))
def test_a_moved_threshold_decides_as_the_float32_comparison(at: float, x: float, strict: bool, steps: int) -> None:
    near = at if np.isfinite(at) else x
    with np.errstate(over="ignore"):
        half = (near + float(np.nextafter(np.float32(near), np.float32(np.inf)))) / 2
    for begin in (x, near, half):
        value = begin
        for _ in range(abs(steps)):
            value = math.nextafter(value, math.inf if steps > 0 else -math.inf)
        if not np.isfinite(value):
            continue
        with np.errstate(over="ignore"):
            rounded = np.float32(value)
        moved = threshold_for_float32(np.asarray([at]), strict=strict)[0]
        if np.isinf(at) and np.isinf(rounded):
            continue  # the libraries refuse such an input
        assert (value <= moved) == bool(rounded < at if strict else rounded <= at)


def test_a_float64_threshold_between_two_float32_values_is_moved_too() -> None:
    at = 1.0 + 2.0**-30
    moved = threshold_for_float32(np.asarray([at]), strict=False)[0]
    assert moved == 1.0 + 2.0**-24  # half way to the next float32 rounds down to 1.0
    assert threshold_for_float32(np.asarray([at]), strict=True)[0] == moved


@pytest.mark.parametrize(
    ("change", "value"),
    [("left", 0), ("right", 10_000_000), ("feature", 6), ("feature", -2), ("roots", 5), ("threshold", np.nan)],
)
def test_arrays_that_do_not_form_trees_are_refused(change: str, value: float) -> None:
    spec = fitted("random_forest")[0]
    forest = read_forest(spec)
    array = getattr(forest, change).copy()
    array[0] = value
    broken = replace(forest, **{change: array})
    kinds = ("roots", "feature", "threshold", "null_left", "left", "right", "value", "cover")
    files = {"trees.bin": b"".join(getattr(broken, kind).tobytes() for kind in kinds)}
    with pytest.raises(HoldfastError, match="do not form trees"):
        read_forest(replace(spec, files=files))


def test_a_cut_or_longer_file_is_refused() -> None:
    spec = fitted("decision_tree")[0]
    data = spec.files["trees.bin"]
    for other in (data[:-1], data + b"\0", b""):
        with pytest.raises(HoldfastError, match=r"too (short|long)"):
            read_forest(replace(spec, files={"trees.bin": other}))


def _expected(forest: Forest, row: list[float], known: frozenset[int], node: int) -> float:
    """The tree's mean when only `known` features are known: the definition of path-dependent Shapley values."""
    feature = int(forest.feature[node])
    if feature == LEAF:
        return float(forest.value[node])
    left, right = int(forest.left[node]), int(forest.right[node])
    if feature in known:
        null_left = row[feature] != row[feature] and forest.null_left[node]
        return _expected(forest, row, known, left if null_left or row[feature] <= forest.threshold[node] else right)
    share = float(forest.cover[left] / (forest.cover[left] + forest.cover[right]))
    return share * _expected(forest, row, known, left) + (1 - share) * _expected(forest, row, known, right)


@pytest.mark.parametrize("family", ["decision_tree", "hist_gradient_boosting"])
def test_shapley_values_are_those_of_the_definition(family: str) -> None:
    spec = fitted(family)[0]
    forest = read_forest(spec)
    roots = forest.roots[:3].tolist()
    last = int(forest.ends()[len(roots) - 1])
    names = ("feature", "threshold", "null_left", "left", "right", "value", "cover")
    small = replace(forest, roots=forest.roots[:3], **{name: getattr(forest, name)[:last] for name in names})
    trees = Trees(small)
    assert trees.method == "tree_shap"
    for row in rows()[0][:12].tolist():
        exact = []
        for feature in range(6):
            others = [other for other in range(6) if other != feature]
            total = 0.0
            for size in range(6):
                for chosen in combinations(others, size):
                    known = frozenset(chosen)
                    gain = sum(_expected(small, row, known | {feature}, root) for root in roots)
                    gain -= sum(_expected(small, row, known, root) for root in roots)
                    total += gain / (6 * math.comb(5, size))
            exact.append(total / small.divide)
        assert trees.contributions(row) == pytest.approx(exact, abs=1e-12)


def test_shapley_values_agree_with_xgboosts_own() -> None:
    matrix, labels = rows()
    model = xgboost.XGBClassifier(n_estimators=60, max_depth=5, n_jobs=1).fit(matrix, labels)
    theirs = model.get_booster().predict(xgboost.DMatrix(matrix[:40]), pred_contribs=True)
    ours = open_predictor(fitted("xgboost")[0])
    for row, parts in zip(matrix[:40].tolist(), theirs, strict=True):
        assert [*ours.contributions(row), ours.base_value] == pytest.approx(parts.tolist(), abs=2e-4)


def test_an_ensemble_too_large_for_shapley_is_explained_by_its_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holdfast.bundle.predictors.tree_contributions.LARGEST_TABLE", 10)
    trees = open_predictor(fitted("random_forest")[0])
    assert trees.method == "path"
    for row in rows()[0][:50].tolist():
        total = trees.base_value + sum(trees.contributions(row))
        assert total == pytest.approx(trees.score(row), abs=1e-9)
    assert TreeContributions.__doc__

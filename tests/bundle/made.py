"""A contract, rows and really fitted models that the tests of this room share."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import lightgbm
import numpy as np
import xgboost
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from holdfast.bundle.calibration import Calibration
from holdfast.bundle.golden import choose_golden
from holdfast.bundle.pack import pack
from holdfast.bundle.predictors.from_sklearn import from_sklearn, sklearn_score
from holdfast.bundle.predictors.from_xgboost import from_xgboost, xgboost_margin
from holdfast.bundle.predictors.lightgbm import from_lightgbm
from holdfast.bundle.predictors.linear import fit_design
from holdfast.bundle.predictors.spec import Matrix, ModelSpec, Vector
from holdfast.bundle.threshold import Threshold
from holdfast.contract.model import DAY, Aggregate, Contract, Feature, Field, Label, Node, Source

CATEGORY = 3
CODES = 7
FEATURES = ("amount", "usual", "cents", "kind", "gap", "age")
FAMILIES = (
    "lightgbm",
    "logistic_regression",
    "decision_tree",
    "random_forest",
    "extra_trees",
    "hist_gradient_boosting",
    "hist_gradient_boosting_categories",
    "xgboost",
)


@cache
def contract() -> Contract:
    """Five row features and `usual`, which only history knows."""
    fields = tuple(Field(name, "real", nullable=True) for name in FEATURES if name not in ("usual", "kind"))
    kind = Field("kind", "category", values=("a", "b", "c", "d", "e"), nullable=True)
    source = Source("payments", "id", "at", (Field("id", "text"), Field("at", "timestamp"), *fields, kind))

    def read(name: str) -> Node:
        if name == "usual":
            return Node("aggregate", "number", (), (("index", 0),))
        of = "category" if name == "kind" else "number"
        return Node("field", of, (), (("name", name), ("source", "payments")))  # type: ignore[arg-type]

    return Contract(
        name="demo",
        decide_on="payments",
        label="fraud",
        labels=(Label("fraud", "payments", DAY),),
        sources=(source,),
        aggregates=(Aggregate("mean", "payments", ("id",), ("id",), DAY, value="amount"),),
        features=tuple(Feature(name, read(name)) for name in FEATURES),
    )


@cache
def rows(count: int = 3_000) -> tuple[Matrix, Vector]:
    """Feature rows (nulls, large integers, codes, float32 ties among them) and labels."""
    draw = np.random.default_rng(7)
    matrix = draw.normal(size=(count, 6)) * [1.0, 100.0, 1e9, 1.0, 1.0, 1e-3]
    matrix[:, 2] = np.round(matrix[:, 2])
    matrix[:, 4] = np.round(matrix[:, 4], 1)
    matrix[draw.random((count, 6)) < 0.05] = np.nan
    matrix[:, CATEGORY] = draw.integers(0, CODES, count)
    known = np.nan_to_num(matrix)
    margin = known[:, 0] + known[:, 1] / 100 + 2.0 * (known[:, CATEGORY] == 4) - 0.5 * np.isnan(matrix[:, 4]) - 2
    labels = (draw.random(count) < 1 / (1 + np.exp(-margin))).astype(np.float64)
    return matrix, labels


@cache
def fitted(family: str) -> tuple[ModelSpec, Callable[[Matrix], Vector]]:
    """The model as data, and the raw score of the library it came from."""
    matrix, labels = rows()
    if family == "lightgbm":
        settings = {"objective": "binary", "verbosity": -1, "num_threads": 1}
        data = lightgbm.Dataset(matrix, labels, categorical_feature=[CATEGORY], params={"verbosity": -1})
        booster = lightgbm.train(settings, data, 60)
        return from_lightgbm(booster), lambda given: np.asarray(booster.predict(given, raw_score=True))
    if family == "logistic_regression":
        design = fit_design(matrix, {CATEGORY: CODES})
        linear = LogisticRegression(max_iter=500).fit(design.matrix(matrix), labels)
        spec = design.spec([float(weight) for weight in linear.coef_[0]], float(linear.intercept_[0]))
        return spec, lambda given: np.asarray(linear.decision_function(design.matrix(given)))
    if family == "xgboost":
        boosted = xgboost.XGBClassifier(n_estimators=60, max_depth=5, n_jobs=1).fit(matrix, labels)
        return from_xgboost(boosted), xgboost_margin(boosted)
    model = {
        "decision_tree": DecisionTreeClassifier(max_depth=6, random_state=0),
        "random_forest": RandomForestClassifier(30, max_depth=8, random_state=0, n_jobs=2),
        "extra_trees": ExtraTreesClassifier(20, max_depth=8, random_state=0),
        "hist_gradient_boosting": HistGradientBoostingClassifier(max_iter=40, random_state=0),
        "hist_gradient_boosting_categories": HistGradientBoostingClassifier(
            max_iter=40, categorical_features=[CATEGORY], random_state=0
        ),
    }[family]
    model.fit(matrix, labels)
    return from_sklearn(model), sklearn_score(model)


def packed(directory: Path, family: str = "lightgbm", calibration: Calibration | None = None) -> str:
    """A bundle of that family in `directory`; answers its hash."""
    return pack(
        directory,
        contract=contract(),
        model=fitted(family)[0],
        calibration=calibration or Calibration("sigmoid", slope=0.9, intercept=-0.1),
        threshold=Threshold(0.3, "cost", {"missed": 10.0}),
        golden_rows=choose_golden(rows()[0], 200),
        profile={"rows": 3_000},
        environment="numpy==2",
        card="# demo",
        training={"run": "test"},
    )

"""One row through a model: ours beside the library's own `predict_proba`, for each family, in one run.

`python benchmarks/scoring.py [--json]`. Distinct rows, rounds interleaved, the median of the rounds; ours includes
our sigmoid. The library is called as its users call it, with one row as a numpy array and as a DataFrame; its forest
on one thread, which is its fastest for one row.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from lightgbm import LGBMClassifier
from rich.console import Console
from rich.table import Table
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from xgboost import XGBClassifier

from holdfast.bundle.calibration import Calibration
from holdfast.bundle.predictors.catalog import open_predictor
from holdfast.bundle.predictors.from_sklearn import from_sklearn
from holdfast.bundle.predictors.from_xgboost import from_xgboost
from holdfast.bundle.predictors.lightgbm import from_lightgbm
from holdfast.bundle.predictors.spec import Matrix, ModelSpec

FEATURES = 12
TRAINED_ON = 20_000
ROWS = 1_000
SLOW_ROWS = 20
ROUNDS = 5

MODELS: tuple[tuple[str, Any, Callable[[Any], ModelSpec]], ...] = (
    ("LightGBM, 100 × 31 leaves", LGBMClassifier(n_estimators=100, verbosity=-1, n_jobs=1), from_lightgbm),
    ("XGBoost, 100 × depth 6", XGBClassifier(n_estimators=100, max_depth=6, n_jobs=1), from_xgboost),
    ("histogram boosting, 100 × 31 leaves", HistGradientBoostingClassifier(max_iter=100), from_sklearn),
    ("random forest, 100 × depth 10", RandomForestClassifier(100, max_depth=10, n_jobs=1), from_sklearn),
    ("decision tree, depth 10", DecisionTreeClassifier(max_depth=10), from_sklearn),
    ("logistic regression, standardised", make_pipeline(StandardScaler(), LogisticRegression()), from_sklearn),
)


def measure() -> list[dict[str, Any]]:
    """Microseconds a row for each family, median of interleaved rounds."""
    draw = np.random.default_rng(11)
    matrix = draw.normal(size=(TRAINED_ON, FEATURES)) * 10.0 ** draw.integers(0, 7, FEATURES)
    margin = (matrix / np.abs(matrix).mean(axis=0)) @ draw.normal(size=FEATURES) - 2
    labels = (draw.random(TRAINED_ON) < 1 / (1 + np.exp(-margin))).astype(np.int64)
    return [_family(*model, matrix, labels, matrix[draw.permutation(TRAINED_ON)[:ROWS]]) for model in MODELS]


def _family(
    name: str, model: Any, convert: Callable[[Any], ModelSpec], matrix: Matrix, labels: Any, asked: Matrix
) -> dict[str, Any]:
    columns = [f"f{i}" for i in range(FEATURES)]
    model.fit(matrix, labels)
    spec = convert(model)
    predictor = open_predictor(spec)
    score, probability = predictor.score, Calibration().compile(spec.link)
    rows = asked.tolist()
    arrays = [asked[i : i + 1] for i in range(SLOW_ROWS)]
    frames = [pd.DataFrame(row, columns=columns) for row in arrays]
    timed: dict[str, list[float]] = {"ours": [], "array": [], "frame": [], "explain": [], "matrix": []}
    for _ in range(ROUNDS):
        timed["ours"].append(_each(lambda row: probability(score(row)), rows))
        timed["array"].append(_each(model.predict_proba, arrays))
        timed["frame"].append(_each(model.predict_proba, frames))
        timed["explain"].append(_each(predictor.contributions, rows[:SLOW_ROWS]))
        timed["matrix"].append(_each(predictor.scores, [matrix]) / len(matrix))
    ours = [probability(score(row)) for row in rows]
    theirs = model.predict_proba(asked)[:, 1]
    micro = {what: statistics.median(times) * 1e6 for what, times in timed.items()}
    gap = float(np.abs(np.asarray(ours) - theirs).max())
    return {"family": name, **micro, "ratio": micro["array"] / micro["ours"], "largest_gap": gap}


def _each(call: Callable[[Any], object], given: Sequence[Any]) -> float:
    begin = time.perf_counter()
    for one in given:
        call(one)
    return (time.perf_counter() - begin) / len(given)


def main() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # models fitted on arrays warn about the names in a DataFrame
        found = measure()
    if "--json" in sys.argv[1:]:
        sys.stdout.write(json.dumps(found, indent=1) + "\n")
        return
    table = Table(title="One row to a probability (µs)")
    for heading in ("family", "ours", "predict_proba, array", "DataFrame", "ratio", "explained", "in a matrix", "gap"):
        table.add_column(heading, justify="left" if heading == "family" else "right")
    for row in found:
        table.add_row(
            row["family"], f"{row['ours']:.1f}", f"{row['array']:,.0f}", f"{row['frame']:,.0f}",
            f"{row['ratio']:,.0f}×", f"{row['explain']:,.0f}", f"{row['matrix']:.2f}", f"{row['largest_gap']:.0e}",
        )  # fmt: skip
    Console(width=130).print(table)


if __name__ == "__main__":
    main()

"""NannyML's univariate drift as it comes (its thresholds from chunks of the reference), and CBPE beside it.

The reference is cut into chunks as long as what is looked at, which is what its thresholds are meant for.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import nannyml
import pandas as pd
from shown import judge

logging.disable(logging.WARNING)
SCALE = "--scale" in sys.argv


def look(reference: pd.DataFrame, current: pd.DataFrame, about: dict[str, Any]) -> list[str]:
    numbers = [name for name in [*about["numbers"], about["score"]] if reference[name].notna().any()]
    size = min(len(current), max(50, len(reference) // 3))
    found = nannyml.UnivariateDriftCalculator(
        column_names=[*numbers, *about["categories"]], treat_as_categorical=about["categories"], chunk_size=size
    )
    result = found.fit(reference).calculate(current.head(size)).filter(period="analysis").to_df()
    raised = [column[0] for column in result.columns if column[-1] == "alert" and bool(result[column].any())]
    if not SCALE and reference["label"].notna().all():
        raised += _estimated(reference, current, size)
    return raised


def _estimated(reference: pd.DataFrame, current: pd.DataFrame, size: int) -> list[str]:
    """CBPE of ROC-AUC: whether the estimate leaves what the reference's chunks had."""
    ours, theirs = (
        table.assign(decided=(table["score"] >= table["threshold"]).astype(int)) for table in (reference, current)
    )
    estimator = nannyml.CBPE(
        problem_type="classification_binary", y_pred="decided", y_pred_proba="score", y_true="label",
        metrics=["roc_auc"], chunk_size=size,
    )  # fmt: skip
    made = estimator.fit(ours).estimate(theirs.head(size)).filter(period="analysis").to_df()
    alerts = [column for column in made.columns if column[-1] == "alert"]
    return ["…CBPE roc_auc"] if any(bool(made[column].any()) for column in alerts) else []


if __name__ == "__main__":
    judge(look)

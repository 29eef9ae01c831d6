"""NannyML's CBPE as it comes: performance estimated from scores alone, against three standard deviations of what the
reference's chunks really had. The measures are those of its own example.
"""

from __future__ import annotations

import logging
import os

os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"

import nannyml
import pandas as pd
from shown import About, Look, judge, yes

logging.disable(logging.WARNING)
METRICS = ["roc_auc", "accuracy", "f1"]


def fit(reference: pd.DataFrame, about: About) -> Look:
    return _fitted(reference, about, timestamp_column_name="time", chunk_period="D")


def at_scale(reference: pd.DataFrame, about: About) -> Look:
    return _fitted(reference, about)


def _fitted(reference: pd.DataFrame, about: About, **chunks: str) -> Look:
    score = about["score"]

    def decided(table: pd.DataFrame) -> pd.DataFrame:
        kept = table[[score, "label", *([chunks["timestamp_column_name"]] if chunks else [])]]
        return kept.assign(decided=(table[score] >= table["threshold"]).astype(int))

    made = nannyml.CBPE(
        problem_type="classification_binary", y_pred="decided", y_pred_proba=score, y_true="label", metrics=METRICS,
        **chunks,
    ).fit(decided(reference))  # fmt: skip

    def look(current: pd.DataFrame) -> list[str]:
        found = made.estimate(decided(current).drop(columns="label")).filter(period="analysis").to_df()
        found = found.iloc[-1:] if chunks else found
        alerts = [item for item in found.columns if item[-1] == "alert"]
        return [f"…CBPE {item[0]}" for item in alerts if yes(found[item])]

    return look


if __name__ == "__main__":
    judge(fit, at_scale, ("day",))

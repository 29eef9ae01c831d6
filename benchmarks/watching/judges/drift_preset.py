"""Evidently's DataDriftPreset as it comes, with its own tests: columns whose drift test failed, and the one of all.

By its defaults a reference of more than 1,000 rows is compared by distances (Wasserstein's by the standard deviation,
Jensen–Shannon's) from 0.1 on, and the whole has drifted where half of the columns have.
"""

from __future__ import annotations

import os

os.environ["DO_NOT_TRACK"] = "1"

import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset
from shown import About, Look, judge


def fit(reference: pd.DataFrame, about: About) -> Look:
    def look(current: pd.DataFrame) -> list[str]:
        # A column with nothing in it stops the whole report; whoever runs it leaves that one out.
        numbers = [name for name in (*about["numbers"], about["score"]) if current[name].notna().any()]
        words = [name for name in about["categories"] if current[name].notna().any()]
        told = DataDefinition(numerical_columns=numbers, categorical_columns=words)
        before, now = (Dataset.from_pandas(table[[*numbers, *words]], told) for table in (reference, current))
        run = Report([DataDriftPreset()], include_tests=True).run(now, before)
        failed = [item for item in run.tests_results if getattr(item.status, "value", item.status) == "FAIL"]
        return [item.metric_config.params.get("column") or "…half of the columns" for item in failed]

    return look


if __name__ == "__main__":
    judge(fit)

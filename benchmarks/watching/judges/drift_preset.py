"""Evidently's DataDriftPreset as it comes, with its own tests: a column whose drift test failed is raised."""

from __future__ import annotations

import os
from typing import Any

os.environ["DO_NOT_TRACK"] = "1"

import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset
from shown import judge


def look(reference: pd.DataFrame, current: pd.DataFrame, about: dict[str, Any]) -> list[str]:
    numbers = [*about["numbers"], about["score"]]
    names = [*numbers, *about["categories"]]
    told = DataDefinition(numerical_columns=numbers, categorical_columns=about["categories"])
    ours, theirs = (Dataset.from_pandas(table[names], told) for table in (reference, current))
    run = Report([DataDriftPreset()], include_tests=True).run(theirs, ours)
    failed = [item for item in run.tests_results if getattr(item.status, "value", item.status) == "FAIL"]
    return [item.metric_config.params.get("column") or "…share of columns" for item in failed]


if __name__ == "__main__":
    judge(look)

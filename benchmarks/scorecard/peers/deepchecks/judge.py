"""Deepchecks' full suite on a train and a test set: what is raised is a condition that did not pass.

It gets labels, categories, key, time and, where both tables have them in every row, the probabilities; no model, so
what asks a model itself does not run. A condition that failed or warned counts; the columns are those its words name.
"""

from __future__ import annotations

import os
import re
from typing import Any

os.environ["DISABLE_DEEPCHECKS_ANONYMOUS_TELEMETRY"] = "True"
os.environ["DISABLE_LATEST_VERSION_CHECK"] = "True"

import numpy as np
import pandas as pd
from deepchecks.core import ConditionCategory
from deepchecks.core.errors import DeepchecksBaseError
from deepchecks.tabular import Dataset
from deepchecks.tabular.suites import full_suite
from pairs import Answer, Pair, judge, named


def described(pair: Pair, table: pd.DataFrame) -> Dataset:
    """A table with what is known of its columns, as far as it has them."""
    times = [name for name in pair.features if name in table and pd.api.types.is_datetime64_any_dtype(table[name])]
    apart = {pair.key, pair.label, pair.score, *times}
    held = table.drop(columns=[name for name in (pair.score, *times[1:]) if name in table])
    if pair.label:
        held[pair.label] = named(held[pair.label])
    return Dataset(
        held,
        label=pair.label or None,
        cat_features=[name for name in pair.categories if name in held],
        features=[name for name in held.columns if name not in apart],
        index_name=pair.key if pair.key in held else None,
        datetime_name=times[0] if times else None,
        label_type="binary" if pair.label else None,
    )


def probabilities(pair: Pair) -> dict[str, Any]:
    tables = {"train": pair.reference, "test": pair.current}
    if not (pair.label and pair.score) or any(table[pair.score].isna().any() for table in tables.values()):
        return {}
    told: dict[str, Any] = {"model_classes": [0, 1]}
    for kind, table in tables.items():
        score = table[pair.score].to_numpy(float)
        told[f"y_proba_{kind}"] = np.column_stack([1 - score, score])
        told[f"y_pred_{kind}"] = (score >= 0.5).astype(int)
    return told


def look(pair: Pair, answer: Answer) -> None:
    train, test = described(pair, pair.reference), described(pair, pair.current)
    result = full_suite().run(train, test, with_display=False, **probabilities(pair))
    columns = sorted({*train.data.columns, *test.data.columns}, key=len, reverse=True)
    for failed in result.get_not_ran_checks():
        # That a check asks for a model or a date is no fault of the table.
        if not isinstance(failed.exception, DeepchecksBaseError):
            answer.stopped(failed.get_header(), failed.exception)
    for done in result.get_not_passed_checks():
        for condition in done.conditions_results:
            if condition.category is ConditionCategory.ERROR:
                answer.errors.append(f"{done.get_header()}: {condition.details}"[:300])
            elif not condition.is_pass():
                check = f"{done.get_header()}: {condition.name}"
                for column in columns_in(condition.details, columns) or [None]:
                    answer.raises(check, column, condition.details)


def columns_in(words: str, columns: list[str]) -> list[str]:
    """The columns that stand in quotes in a condition's words."""
    return [name for name in columns if re.search(rf"""['"]{re.escape(str(name))}['"]""", words)]


if __name__ == "__main__":
    judge("deepchecks", look)

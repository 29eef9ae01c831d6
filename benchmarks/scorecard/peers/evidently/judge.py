"""Evidently's presets with their own tests: what is raised is a failed test.

DataDriftPreset and DataSummaryPreset see every column, the label and the score too; ClassificationPreset sees the rows
that have both a label and a score. Each is a report of its own, so that one that fails does not take the others along.
It is told the key, the categories (what is declared one, true or false, or a text that repeats) and the numbers; the
sort of the others it finds out itself.
"""

from __future__ import annotations

import os
from typing import Any

os.environ["DO_NOT_TRACK"] = "1"

import pandas as pd
from evidently import BinaryClassification, DataDefinition, Dataset, Report
from evidently.presets import ClassificationPreset, DataDriftPreset, DataSummaryPreset
from pairs import Answer, Pair, judge, named
from pandas.api.types import is_bool_dtype, is_numeric_dtype

FAILED = ("FAIL", "ERROR")


def described(pair: Pair, table: pd.DataFrame, *, outcome: bool = False) -> Dataset:
    """A table with the sort of every column it has."""
    known = {name for name in (*pair.categories, pair.label) if name}
    table = table.assign(**{name: named(table[name]) for name in known if name in table})
    categories, numbers = [], []
    for name in table.columns:
        if name == pair.key:
            continue
        if name in known or is_bool_dtype(table[name]):
            categories.append(name)
        elif is_numeric_dtype(table[name]):
            numbers.append(name)
        elif table[name].dtype == object and table[name].nunique() <= table[name].count() / 2:
            categories.append(name)
    judged = [BinaryClassification(target=pair.label, prediction_probas=pair.score, pos_label=1)] if outcome else None
    told = DataDefinition(
        id_column=pair.key if pair.key in table else None,
        numerical_columns=numbers,
        categorical_columns=categories,
        classification=judged,
    )
    return Dataset.from_pandas(table, told)


def tested(preset: Any, current: Dataset, reference: Dataset, answer: Answer) -> None:
    for test in Report([preset], include_tests=True).run(current, reference).tests_results:
        if getattr(test.status, "value", test.status) in FAILED:
            known = test.metric_config.params
            check = " ".join([type(preset).__name__, *_of(known, test.bound_test)])
            answer.raises(check, known.get("column"), f"{test.name}: {test.description}")


def _of(known: dict[str, Any], bound: Any) -> list[str]:
    """What was tested: the metric, which of its values."""
    words = [known["type"].rsplit(":", 1)[-1]]
    if "quantile" in known:
        words.append(str(known["quantile"]))
    if hasattr(bound, "is_count"):
        words.append("count" if bound.is_count else "share")
    words += [f"{name} {getattr(bound, name)}" for name in ("label", "slot") if hasattr(bound, name)]
    return words


def look(pair: Pair, answer: Answer) -> None:
    for preset in (DataDriftPreset(), DataSummaryPreset()):
        with answer.part(type(preset).__name__):
            tested(preset, described(pair, pair.current), described(pair, pair.reference), answer)
    if pair.label and pair.score:
        with answer.part("ClassificationPreset"):
            both = [table.dropna(subset=[pair.label, pair.score]) for table in (pair.current, pair.reference)]
            current, reference = (described(pair, table.astype({pair.label: int}), outcome=True) for table in both)
            tested(ClassificationPreset(), current, reference, answer)


if __name__ == "__main__":
    judge("evidently", look)

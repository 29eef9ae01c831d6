"""A Great Expectations suite made from the contract, and what it says of a batch of history.

The contract stays the truth: `holdfast validate` and every request are read by it. The suite says the same to those who
work with Great Expectations, and its validation result is kept.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holdfast.contract.model import Field, Source
from holdfast.project.validate import COVERED

if TYPE_CHECKING:
    import pandas as pd

MOST = 50_000
KEPT = 0.99
"""Least share where the contract has a policy for what is odd: it happens, and should be rare."""

Expectation = tuple[str, dict[str, Any]]
"""Its class in `great_expectations.expectations`, and what it is made with."""


def suite(source: Source) -> list[Expectation]:
    """What the contract says of each field, as expectations."""
    found: list[Expectation] = [("ExpectTableRowCountToBeBetween", {"min_value": 1})]
    for field in source.fields:
        found += _of(field, key=field.name in (source.id, source.time))
    return [*found, ("ExpectColumnValuesToBeUnique", {"column": source.id, "mostly": KEPT})]


def _of(field: Field, *, key: bool) -> list[Expectation]:
    column = {"column": field.name}
    must = key or not (field.nullable or field.on_null == "impute" or field.generated)
    found: list[Expectation] = (
        [("ExpectColumnToExist", column), ("ExpectColumnValuesToNotBeNull", column)] if must else []
    )
    if field.type == "category":
        mostly = 1.0 if field.on_unknown == "refuse" else COVERED
        found.append(("ExpectColumnValuesToBeInSet", {**column, "value_set": list(field.values), "mostly": mostly}))
    bounds: dict[str, Any] = {}
    for word, strict, told in (("min_value", False, field.at_least), ("min_value", True, field.above),
                               ("max_value", False, field.at_most), ("max_value", True, field.below)):  # fmt: skip
        if told is not None:
            bounds[word] = float(told)
            if strict:
                bounds[f"strict_{word[:3]}"] = True
    if bounds:
        mostly = 1.0 if field.on_odd == "refuse" else KEPT
        found.append(("ExpectColumnValuesToBeBetween", {**column, **bounds, "mostly": mostly}))
    return found


def batch(source: Source, path: Path, seed: int) -> pd.DataFrame:
    """At most so many rows of a file by the contract's names; placeholders are null, and so is what is no number."""
    import numpy as np
    import pandas as pd

    from holdfast.features import sources
    from holdfast.features.parse import as_text, one_array

    names = sources.names_of(path, source.name)
    columns = {item.name: sources.resolve(names, item.name, item.former, optional=True)[0] for item in source.fields}
    found = {field: column for field, column in columns.items() if column is not None}
    table = sources.read(path, list(dict.fromkeys(found.values())), source.name)
    if table.num_rows > MOST:
        table = table.take(np.sort(np.random.default_rng(seed).permutation(table.num_rows)[:MOST]))
    made = {}
    for name, column in found.items():
        field = source.field(name)
        array = one_array(table.column(column))
        values = (as_text(array) if field.type in ("category", "text") else array).to_pandas()
        if field.type in ("integer", "decimal", "real"):
            values = pd.to_numeric(values, errors="coerce")
        odd = [item[1:-1] if item.startswith('"') else float(item) for item in field.placeholders]
        made[name] = values.where(~values.isin(odd)) if odd else values
    return pd.DataFrame(made)


def validated(expectations: list[Expectation], rows: pd.DataFrame) -> dict[str, Any]:
    """The validation result as Great Expectations tells it. Raises ImportError where it is not installed."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "False")  # it would tell its makers of every run
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    asset = context.data_sources.add_pandas("history").add_dataframe_asset("training")
    whole = asset.add_batch_definition_whole_dataframe("rows").get_batch({"dataframe": rows})
    made = [getattr(gx.expectations, name)(**told) for name, told in expectations]
    result: dict[str, Any] = whole.validate(
        gx.ExpectationSuite(name="contract", expectations=made), result_format="BASIC"
    ).to_json_dict()
    return result

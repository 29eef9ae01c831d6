"""A Great Expectations suite made from the contract, and what it says of a batch of history.

The contract stays the truth: `holdfast validate` and every request are read by it. The suite says the same to those who
work with Great Expectations, and its validation result is kept. Its page is written as Markdown: the HTML one loads its
parts from a dozen hosts.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holdfast.contract.model import Field, Source
from holdfast.errors import HoldfastError
from holdfast.project.validate import COVERED

if TYPE_CHECKING:
    import pandas as pd

INSTALL = "pip install 'holdfast[expectations]'"
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


def batch(source: Source, path: Path, seed: int, most: int | None = MOST) -> pd.DataFrame:
    """At most so many rows of a file by the contract's names; placeholders are null, and so is what is no number."""
    import numpy as np
    import pandas as pd

    from holdfast.features import sources
    from holdfast.features.parse import as_text, one_array

    names = sources.names_of(path, source.name)
    columns = {item.name: sources.resolve(names, item.name, item.former, optional=True)[0] for item in source.fields}
    found = {field: column for field, column in columns.items() if column is not None}
    table = sources.read(path, list(dict.fromkeys(found.values())), source.name)
    if most is not None and table.num_rows > most:
        table = table.take(np.sort(np.random.default_rng(seed).permutation(table.num_rows)[:most]))
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
    told: dict[str, Any] = _judged(expectations, rows)[1].to_json_dict()
    return told


def written(source: Source, path: Path, folder: Path) -> dict[str, Any]:
    """Hold a whole file against the suite; `suite.json`, `result.json` and `report.md` are in `folder` then.

    Answers Great Expectations' own statistics. Raises HoldfastError where it is not installed.
    """
    try:
        made, result = _judged(suite(source), batch(source, path, 0, None))
    except ImportError as error:
        raise HoldfastError(f"Great Expectations is not installed ({error})", mend=INSTALL) from error
    from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer
    from great_expectations.render.view.view import DefaultMarkdownPageView

    told: dict[str, Any] = result.to_json_dict()
    # One document makes one page; of several it would make a list.
    page = str(DefaultMarkdownPageView().render(ValidationResultsPageRenderer(run_info_at_end=True).render(result)))
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (
        ("suite.json", json.dumps(made.to_json_dict(), indent=1)),
        ("result.json", json.dumps(told, indent=1)),
        ("report.md", page),
    ):
        (folder / name).write_text(text.rstrip() + "\n", encoding="utf-8")
    statistics: dict[str, Any] = told["statistics"]
    return {**statistics, "success": told["success"], "folder": str(folder)}


def _judged(expectations: list[Expectation], rows: pd.DataFrame) -> tuple[Any, Any]:
    """The suite and the result, as Great Expectations' own objects."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "False")  # it would tell its makers of every run
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    asset = context.data_sources.add_pandas("history").add_dataframe_asset("batch")
    whole = asset.add_batch_definition_whole_dataframe("rows").get_batch({"dataframe": rows})
    made = gx.ExpectationSuite(
        name="contract", expectations=[getattr(gx.expectations, name)(**told) for name, told in expectations]
    )
    return made, whole.validate(made, result_format="BASIC")

"""Great Expectations on a suite inferred from the reference; what is raised is what the new batch does not meet.

Since 1.0 it infers no suite by itself (the data assistants and profilers of 0.18 are gone), so the usual one is
inferred here, as those did it, of its own expectations and without a look at the new batch but for its number of rows:
columns and their order, types, nulls at the share seen, value sets and shares of categories, ranges, means, deviations
and quantiles of numbers, lengths of texts, a key and rows that do not repeat.

Bands are what batches of that size drawn from the reference show, four standard deviations either way: about as wide as
they can be made without being blind, so that they are silent on clean data.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

os.environ["GX_ANALYTICS_ENABLED"] = "false"

import great_expectations as gx
import great_expectations.expectations as gxe
import numpy as np
import pandas as pd
from great_expectations.data_context.types.base import ProgressBarsConfig
from pairs import Answer, Pair, judge
from pandas.api.types import is_bool_dtype, is_datetime64_any_dtype, is_numeric_dtype

DRAWS, WIDE = 100, 4.0
SHARES = [0.05, 0.25, 0.5, 0.75, 0.95]
OFTEN = 5
"""A least or greatest value seen so often is a bound; one seen less may be passed by a few rows of a clean batch."""
PASSING = 20
"""How many of as many rows as the reference has may pass such an end."""

context = gx.get_context(mode="ephemeral")
context.variables.progress_bars = ProgressBarsConfig(globally=False)
source = context.data_sources.add_pandas("pandas")
whole = source.add_dataframe_asset("batch").add_batch_definition_whole_dataframe("whole")


def expected(pair: Pair) -> Iterator[Any]:
    """The suite, of the reference."""
    table, rows = pair.reference, min(len(pair.reference), len(pair.current))
    names = list(table.columns)
    yield gxe.ExpectTableColumnsToMatchSet(column_set=names)
    yield gxe.ExpectTableColumnsToMatchOrderedList(column_list=names)
    # The batch is a test set or a day, not another training set: its order of magnitude is all that is known.
    yield gxe.ExpectTableRowCountToBeBetween(min_value=len(table) // 10, max_value=10 * len(table))
    if pair.key in table and table[pair.key].is_unique:
        yield gxe.ExpectColumnValuesToBeUnique(column=pair.key)
    others = [name for name in names if name != pair.key]
    if len(others) > 1 and not table[others].duplicated().any():
        yield gxe.ExpectCompoundColumnsToBeUnique(column_list=others)
    for name in names:
        yield from _nulls(table[name], rows)
        values = table[name].dropna()
        if values.empty:
            continue
        yield from _type(values)
        if name in (*pair.categories, pair.label) or is_bool_dtype(values):
            yield from _category(values, rows)
        elif is_numeric_dtype(values):
            yield from _number(values, rows)
        elif not is_datetime64_any_dtype(values) and values.map(type).eq(str).all():
            lengths = values.str.len()
            yield gxe.ExpectColumnValueLengthsToBeBetween(
                column=name, min_value=int(lengths.min()), max_value=int(lengths.max())
            )


def _nulls(column: pd.Series, rows: int) -> Iterator[Any]:
    share = float(column.notna().mean())
    if share == 1:
        yield gxe.ExpectColumnValuesToNotBeNull(column=column.name)
        return
    band = WIDE * (2 * share * (1 - share) / rows) ** 0.5
    yield gxe.ExpectColumnProportionOfNonNullValuesToBeBetween(
        column=column.name, min_value=max(0.0, share - band), max_value=min(1.0, share + band)
    )


def _type(values: pd.Series) -> Iterator[Any]:
    if values.dtype == object:
        kinds = sorted({type(value).__name__ for value in values})
        yield gxe.ExpectColumnValuesToBeInTypeList(column=values.name, type_list=kinds)
    elif is_datetime64_any_dtype(values):
        yield gxe.ExpectColumnValuesToBeInTypeList(
            column=values.name, type_list=["datetime64", "datetime64[ns]", "Timestamp", "DatetimeTZDtype"]
        )
    else:
        yield gxe.ExpectColumnValuesToBeOfType(column=values.name, type_=str(values.dtype))


def _category(values: pd.Series, rows: int) -> Iterator[Any]:
    shares = values.value_counts(normalize=True)
    named = [value.item() if isinstance(value, np.generic) else value for value in shares.index]
    yield gxe.ExpectColumnValuesToBeInSet(column=values.name, value_set=named)
    weights = shares.to_numpy(float)
    drawn = np.random.default_rng(0).multinomial(rows, weights, size=10 * DRAWS) / rows
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = np.where(drawn > 0, drawn * np.log(drawn / weights), 0).sum(axis=1)
    yield gxe.ExpectColumnKLDivergenceToBeLessThan(
        column=values.name,
        partition_object={"values": named, "weights": weights.tolist()},
        threshold=float(2 * apart.max()),
        tail_weight_holdout=0.01,
    )


def _number(values: pd.Series, rows: int) -> Iterator[Any]:
    name, seen = values.name, values.to_numpy(float)
    seen = seen[np.isfinite(seen)]
    if not len(seen):
        return
    low, high = seen.min(), seen.max()
    bounded = min((seen == low).sum(), (seen == high).sum()) >= OFTEN
    mostly = 1.0 if bounded else max(0.0, 1 - PASSING / len(seen))
    yield gxe.ExpectColumnValuesToBeBetween(column=name, min_value=low.item(), max_value=high.item(), mostly=mostly)
    if not bounded:
        # What passes the ends is bounded too: by as much again as the range is wide.
        yield gxe.ExpectColumnMinToBeBetween(column=name, min_value=(2 * low - high).item(), max_value=high.item())
        yield gxe.ExpectColumnMaxToBeBetween(column=name, min_value=low.item(), max_value=(2 * high - low).item())
    drawn = seen[np.random.default_rng(0).integers(0, len(seen), (DRAWS, rows))]
    low, high = _band(seen.mean(), drawn.mean(axis=1))
    yield gxe.ExpectColumnMeanToBeBetween(column=name, min_value=low, max_value=high)
    if len(seen) > 1:
        low, high = _band(seen.std(ddof=1), drawn.std(axis=1, ddof=1))
        yield gxe.ExpectColumnStdevToBeBetween(column=name, min_value=max(0.0, low), max_value=high)
    middle, around = np.quantile(seen, SHARES), np.quantile(drawn, SHARES, axis=1)
    ranges = [list(_band(at, of)) for at, of in zip(middle, around, strict=True)]
    yield gxe.ExpectColumnQuantileValuesToBeBetween(
        column=name, quantile_ranges={"quantiles": SHARES, "value_ranges": ranges}
    )


def _band(centre: float, drawn: np.ndarray) -> tuple[float, float]:
    """√2: the reference itself is one draw, and the new batch another."""
    wide = WIDE * 2**0.5 * float(drawn.std()) + 1e-9 * max(1.0, abs(float(centre)))
    return float(centre) - wide, float(centre) + wide


def look(pair: Pair, answer: Answer) -> None:
    suite = gx.ExpectationSuite(name="inferred", expectations=list(expected(pair)))
    batch = whole.get_batch(batch_parameters={"dataframe": pair.current})
    for result in batch.validate(suite).results:
        if result.success:
            continue
        check, told = result.expectation_config.type, result.expectation_config.kwargs
        found = result.result or {}
        mismatched = (found.get("details") or {}).get("mismatched")
        if isinstance(mismatched, dict):
            for kind, names in mismatched.items():
                for name in names:
                    answer.raises(check, name, f"{kind} column")
        else:
            answer.raises(check, told.get("column"), _why(found, result.exception_info or {}))


def _why(found: dict[str, Any], wrong: dict[str, Any]) -> str:
    said = [
        item["exception_message"]
        for item in (wrong, *wrong.values())
        if isinstance(item, dict) and item.get("exception_message")
    ]
    if said:
        return str(said[0])
    words = {
        name: found[name]
        for name in ("observed_value", "unexpected_percent", "partial_unexpected_list")
        if name in found
    }
    return ", ".join(f"{name} {value}" for name, value in words.items())


if __name__ == "__main__":
    judge("great-expectations", look)

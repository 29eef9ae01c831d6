"""Key columns to entity codes, the same for the events of a source and for the rows that ask about them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from holdfast.features.columns import Column, given
from holdfast.features.sorting import ranked

Ints = NDArray[np.int64]
UNMET = -1
"""The code of a row whose entity has no events."""


def entity_codes(keys: Sequence[Column], on: Sequence[Column]) -> tuple[Ints, Ints, int]:
    """Codes of events by `keys` and of rows by `on`, and how many codes there may be.

    Null is a key like any other. A row whose entity never occurs among the events gets -1.
    """
    events, rows, size = factorise(keys[0], on[0])
    for key, other in zip(keys[1:], on[1:], strict=True):
        more_events, more_rows, more = factorise(key, other)
        met = (rows >= 0) & (more_rows >= 0)
        events = events * more + more_events
        rows = np.where(met, rows * more + more_rows, UNMET)
        size *= more
        if size > 4 * (len(events) + len(rows)) + 1_024:
            events, rows, size = _dense(events, rows)
    return events, rows, size


def factorise(values: Column, asked: Column) -> tuple[Ints, Ints, int]:
    """Codes from 0 for each distinct value, codes of `asked` among them (-1: not there), and their number."""
    if values.values.dtype == object:
        return _texts(values, asked)
    if values.values.dtype == np.float64:
        nulls = np.isnan(values.values), np.isnan(asked.values)
    else:
        nulls = ~_there(values), ~_there(asked)
    if values.values.dtype != np.float64 and len(values):
        low, high = int(values.values.min()), int(values.values.max())
        if high - low < 4 * len(values) + 1_024:
            events = values.values.astype(np.int64) - low
            within = (asked.values >= low) & (asked.values <= high)
            rows = np.where(within, asked.values.astype(np.int64) - low, UNMET)
            return _with_null(events, rows, nulls, high - low + 1)
    found, events = ranked(values.values)
    return _with_null(events, _find(found, asked.values), nulls, len(found))


def _there(column: Column) -> NDArray[np.bool_]:
    """Null flags apart from categories, whose null is a code like the others."""
    return np.ones(len(column), dtype=np.bool_) if column.values.dtype == np.int32 else given(column)


def _with_null(
    events: Ints, rows: Ints, nulls: tuple[NDArray[np.bool_], NDArray[np.bool_]], size: int
) -> tuple[Ints, Ints, int]:
    if not nulls[0].any():
        return events, np.where(nulls[1], UNMET, rows) if nulls[1].any() else rows, max(size, 1)
    return np.where(nulls[0], size, events), np.where(nulls[1], size, rows), size + 1


def _texts(values: Column, asked: Column) -> tuple[Ints, Ints, int]:
    coded = pa.array(values.values, type=pa.large_string()).dictionary_encode(null_encoding="encode")
    events = coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    if asked is values or asked.values is values.values:
        return events, events, max(len(coded.dictionary), 1)
    found = pc.index_in(pa.array(asked.values, type=pa.large_string()), value_set=coded.dictionary)
    rows = found.fill_null(UNMET).to_numpy(zero_copy_only=False).astype(np.int64)
    return events, rows, max(len(coded.dictionary), 1)


def _dense(events: Ints, rows: Ints) -> tuple[Ints, Ints, int]:
    found, events = ranked(events)
    return events, _find(found, rows), max(len(found), 1)


def _find(distinct: NDArray[Any], asked: NDArray[Any]) -> Ints:
    """Where each value stands among sorted distinct ones; -1 where it does not."""
    if not len(distinct):
        return np.full(len(asked), UNMET, dtype=np.int64)
    at = np.minimum(np.searchsorted(distinct, asked), len(distinct) - 1)
    return np.where(distinct[at] == asked, at, UNMET).astype(np.int64)

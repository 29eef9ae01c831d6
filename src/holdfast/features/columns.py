"""A parsed column: the values of one field over many rows, with its nulls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Column:
    """Values of one field, one per row.

    integer, decimal (at the field's scale), timestamp (µs UTC) and boolean: int64, 0 where null and `valid` False;
    `valid` None: no nulls. real: float64, null is NaN, `valid` None. category: int32 codes, 0 null. text: object array
    of str or None.
    """

    values: NDArray[Any]
    valid: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.values)


def take(column: Column, at: NDArray[Any] | slice) -> Column:
    """The rows at these positions, or where this mask is true."""
    return Column(column.values[at], None if column.valid is None else column.valid[at])


def given(column: Column) -> NDArray[np.bool_]:
    """Where a column is not null."""
    there: NDArray[np.bool_] = np.ones(len(column.values), dtype=np.bool_)
    if column.valid is not None:
        there = column.valid
    elif column.values.dtype == object:
        there = np.fromiter((item is not None for item in column.values.tolist()), np.bool_, len(column.values))
    elif column.values.dtype == np.float64:
        there = ~np.isnan(column.values)
    elif column.values.dtype == np.int32:  # category codes
        there = column.values != 0
    return there


def joined(columns: Sequence[Column]) -> Column:
    """The rows of several columns of one field, one after the other."""
    if len(columns) == 1:
        return columns[0]
    values = np.concatenate([item.values for item in columns])
    if all(item.valid is None for item in columns):
        return Column(values)
    return Column(values, np.concatenate([np.ones(len(i), np.bool_) if i.valid is None else i.valid for i in columns]))

"""Which rows are equal, value for value: a key of 64 bits for each row, whatever its columns hold."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from holdfast.checks.history import asked

if TYPE_CHECKING:
    from holdfast.checks.subject import Subject

Keys = NDArray[np.uint64]
_ODD = np.uint64(0x9E3779B97F4A7C15)


def keys(columns: Iterable[NDArray[Any]], rows: int) -> Keys:
    """Equal rows have equal keys; others differ but for one pair in 2^64. Null is equal to null, −0.0 to 0.0.

    Columns are floats, integers, or texts and None (as objects).
    """
    found = np.full(rows, _ODD)
    for column in columns:
        found = _mixed(found + _ODD + _bits(column))
    return found


def records(subject: Subject, *more: NDArray[Any]) -> tuple[Keys, str]:
    """Keys of the records behind the rows, by `more` and every declared field but id and time; what they are.

    Of feature rows where the history is not at hand.
    """
    rows, events = subject.rows, asked(subject)
    if events is None:
        return keys([*more, *rows.X.T], len(rows)), "feature rows"
    identity = {subject.contract.deciding.id, subject.contract.deciding.time}
    told = (events.values(name) for name in events.cells if name not in identity)
    return keys([*more, *told], len(rows)), "records"


def shares(found: Keys) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """For each row its group of equal rows, and how many are in each group."""
    _, group = np.unique(found, return_inverse=True)
    return group, np.bincount(group)


def _bits(column: NDArray[Any]) -> Keys:
    if column.dtype == object:
        import pyarrow as pa

        column = pa.array(column).dictionary_encode().indices.fill_null(-1).to_numpy(zero_copy_only=False)
    if column.dtype.kind == "f":
        values = column.astype(np.float64) + 0.0
        values[np.isnan(values)] = np.nan
        return values.view(np.uint64)
    return column.astype(np.int64).view(np.uint64)


def _mixed(keys: Keys) -> Keys:
    """Every bit of the key changes with every bit of what went in (the finaliser of splitmix64)."""
    keys = (keys ^ (keys >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    keys = (keys ^ (keys >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return keys ^ (keys >> np.uint64(31))

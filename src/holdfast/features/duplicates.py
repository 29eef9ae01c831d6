"""One event for each id: the first known counts, and every other must say the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.errors import HoldfastError, Problem
from holdfast.features.columns import Column, given

Ints = NDArray[np.int64]
Texts = NDArray[np.object_]
LISTED = 10


def repeated(ids: Texts) -> Ints:
    """Positions of every id that stands more than once, ids together, in order within each."""
    hashes = np.fromiter(map(hash, ids.tolist()), dtype=np.int64, count=len(ids))
    order = np.argsort(hashes, kind="stable")
    again = hashes[order][1:] == hashes[order][:-1]
    if not again.any():
        return np.zeros(0, dtype=np.int64)
    near = order[np.append(again, False) | np.append(False, again)]
    groups: dict[str, list[int]] = {}
    for at in near.tolist():
        groups.setdefault(ids[at], []).append(at)
    return np.array([at for group in groups.values() if len(group) > 1 for at in group], dtype=np.int64)


def surplus(ids: Texts, times: Ints, known: Ints, content: Callable[[], Mapping[str, Column]], where: str) -> Ints:
    """Positions to leave out, so that each id is there once, as it was first known.

    `content` gives the columns that must agree; it is asked only when there are duplicates. Raises HoldfastError
    naming the ids whose duplicates differ in time or content.
    """
    at = repeated(ids)
    if not len(at):
        return at
    _, group = np.unique(ids[at].astype(str), return_inverse=True)
    order = np.lexsort((at, known[at], group))
    at, group = at[order], group[order]
    leads = np.append(True, group[1:] != group[:-1])
    first = at[np.maximum.accumulate(np.where(leads, np.arange(len(at)), 0))]
    differs = times[at] != times[first]
    fields = {}
    for name, column in content().items():
        other = _differs(column, at, first)
        if other.any():
            fields[name] = other
            differs |= other
    if differs.any():
        problems = []
        for spot in np.flatnonzero(differs)[:LISTED].tolist():
            unequal = ", ".join(name for name, other in fields.items() if other[spot]) or "the time"
            problems.append(Problem("", "conflict", f"id {ids[at[spot]]!r} has two different values of {unequal}"))
        raise HoldfastError("conflicting duplicates", where=where, mend="keep one row of each id", problems=problems)
    left_out: Ints = at[~leads]
    return left_out


def _differs(column: Column, at: Ints, first: Ints) -> NDArray[np.bool_]:
    values: NDArray[Any] = column.values
    there = given(column)
    unequal: NDArray[np.bool_] = np.asarray(values[at] != values[first], dtype=np.bool_)
    differs: NDArray[np.bool_] = (there[at] != there[first]) | (unequal & there[at])
    return differs

"""The examples a model learns from, in one canonical order whatever the order they came in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from holdfast.contract.model import Contract
from holdfast.errors import HoldfastError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Index = NDArray[np.intp]

NEVER_KNOWN = np.iinfo(np.int64).max
"""`known` of a row without a label."""


class LabelColumn(Protocol):
    """The target of each row: `values` 0 or 1 where `valid` (None: everywhere), received at `received_at` (µs UTC)."""

    @property
    def values(self) -> NDArray[Any]: ...

    @property
    def valid(self) -> NDArray[np.bool_] | None: ...

    @property
    def received_at(self) -> NDArray[np.int64]: ...


class Table(Protocol):
    """What training reads of a feature table: one row for each decision, in any order; null is NaN."""

    @property
    def ids(self) -> Sequence[str] | NDArray[Any]: ...

    @property
    def times(self) -> Ints: ...

    @property
    def matrix(self) -> Floats: ...

    @property
    def names(self) -> Sequence[str]: ...

    @property
    def labels(self) -> LabelColumn: ...


@dataclass(frozen=True)
class Rows:
    """n rows, ordered by (time, id). `y` is 0, 1, or −1 where the label is not known.

    `known` is the instant (µs UTC) from which `y` was known: when its outcome could be used, or the deadline at which
    a missing one became an answer.
    """

    ids: NDArray[np.str_]
    times: Ints
    X: Floats
    y: NDArray[np.int8]
    known: Ints
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.times)

    def take(self, index: Index) -> Rows:
        return Rows(self.ids[index], self.times[index], self.X[index], self.y[index], self.known[index], self.names)

    def without(self, names: tuple[str, ...]) -> Rows:
        """The same rows, with these features left out."""
        keep = [i for i, name in enumerate(self.names) if name not in names]
        X = np.ascontiguousarray(self.X[:, keep])
        return Rows(self.ids, self.times, X, self.y, self.known, tuple(self.names[i] for i in keep))


def canonical_order(ids: NDArray[np.str_], times: Ints) -> Index:
    """Positions that put rows in order of time, ties by the id's code points (as its UTF-8 bytes).

    Raises HoldfastError when an id stands twice at one time: then no order is canonical.
    """
    order = np.argsort(times, kind="stable")
    sorted_times = times[order]
    tied = np.flatnonzero(sorted_times[1:] == sorted_times[:-1])
    if len(tied):
        order = np.lexsort((ids, times))
        same = (times[order][1:] == times[order][:-1]) & (ids[order][1:] == ids[order][:-1])
        if same.any():
            twice = str(ids[order][1:][same][0])
            raise HoldfastError(f"the id {twice!r} stands in two rows", where="training", mend="give each row its id")
    return order


def rows_of(table: Table, contract: Contract) -> tuple[Rows, NDArray[np.str_]]:
    """Rows in canonical order, and the ids as they came.

    A missing outcome is an answer once its deadline lies before the last instant the table knows of. Raises
    HoldfastError when the table has other features than the contract.
    """
    names = tuple(feature.name for feature in contract.features)
    if tuple(table.names) != names:
        raise HoldfastError(
            f"the table holds the features {', '.join(table.names)}; the contract has {', '.join(names)}",
            where="training",
            mend="build the features again: holdfast features build",
        )
    label, given = contract.target, np.asarray(table.ids, dtype=np.str_)
    order = canonical_order(given, table.times)
    times, X = table.times[order], np.ascontiguousarray(table.matrix[order], dtype=np.float64)
    valid = np.ones(len(order), dtype=np.bool_) if table.labels.valid is None else table.labels.valid[order]
    y = np.where(valid, np.asarray(table.labels.values)[order], -1).astype(np.int8)
    known = np.where(valid, np.maximum(table.labels.received_at[order], times + label.known_after), NEVER_KNOWN)
    if label.absent is not None and label.final_after is not None and len(times):
        seen = max(int(times[-1]) + 1, int(known[valid].max()) if valid.any() else 0)
        final = ~valid & (times + label.final_after <= seen)
        y[final] = int(label.absent)
        known[final] = times[final] + label.final_after
    return Rows(given[order], times, X, y, known.astype(np.int64), names), given

"""The decision's own event as a point, for aggregates that include it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from holdfast.contract.model import Cell, Contract
from holdfast.features.kernel.scalar import compile_predicate
from holdfast.features.plan import Read
from holdfast.features.state.points import is_null


class Own(NamedTuple):
    """Whether the deciding event, given by its cells, is a point of the series, and its value."""

    counts: Callable[[Sequence[Cell]], bool]
    value: Callable[[Sequence[Cell]], Cell]


def compile_own(contract: Contract, read: Read) -> Own | None:
    """None when the aggregate does not include the current event."""
    aggregate, series = read.aggregate, read.points
    if not aggregate.including_current or aggregate.source != contract.decide_on:
        return None
    source = contract.deciding
    passes = None if series.where is None else compile_predicate(series.where, source.fields, contract.zones)
    at = None if series.value is None else source.position(series.value)
    nulls = series.nulls

    def counts(cells: Sequence[Cell]) -> bool:
        if at is not None and not nulls and is_null(cells[at], source.fields[at]):
            return False
        return passes is None or passes(cells)

    def value(cells: Sequence[Cell]) -> Cell:
        return None if at is None else cells[at]

    return Own(counts, value)

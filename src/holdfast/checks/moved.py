"""Decisions on rows the model has not seen, with something of their events changed, and their features made again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.checks.subject import Subject
from holdfast.contract.model import Field
from holdfast.contract.scalars import integer_bounds, real_bounds
from holdfast.features.answers import Rows, answers
from holdfast.features.columns import Column, given
from holdfast.features.history import Events, positions
from holdfast.features.kernel.columns import evaluate
from holdfast.features.plan import plan
from holdfast.training.rows import Floats

NUMBERS = ("integer", "decimal", "real")


@dataclass(frozen=True)
class Decided:
    """Test rows that were decided one way, chosen with the version's seed."""

    events: Events
    of: int
    """How many there were to choose from."""

    def __len__(self) -> int:
        return len(self.events)


def decided(subject: Subject, positive: bool, most: int) -> Decided:
    """Those that were decided so and are in the history as it is now."""
    said = subject.test_probability >= subject.bundle.threshold.value
    index = subject.split.test.index[said == positive]
    chosen = np.sort(np.random.default_rng(subject.settings.seed).permutation(index)[:most])
    events = subject.records.events[subject.contract.decide_on]
    at = positions(subject.rows.ids[chosen], events.ids)
    return Decided(events.take(at[at >= 0]), len(index))


def features(subject: Subject, events: Events) -> Floats:
    """Feature rows of these events, windows included, by the kernel that made the training table."""
    windows = answers(plan(subject.contract), subject.records, Rows(events, events.times))
    return evaluate(subject.contract, events.cells, windows)


def changed(events: Events, cells: Mapping[str, NDArray[Any]]) -> Events:
    """The events with other values in these fields; what was null stays null."""
    made = {name: Column(values, events.cells[name].valid) for name, values in cells.items()}
    return replace(events, cells={**events.cells, **made})


def repeated(events: Events, times: int) -> Events:
    """All events, and all again."""
    return events.take(np.tile(np.arange(len(events)), times))


def numbers(subject: Subject) -> tuple[Field, ...]:
    """Number fields of the deciding event that a feature or a window reads."""
    used = subject.records.events[subject.contract.decide_on].cells
    return tuple(item for item in subject.contract.deciding.fields if item.type in NUMBERS and item.name in used)


def span(subject: Subject, name: str) -> float:
    """Width from the tenth to the ninetieth percent of a field's values in the history, in cells; 0 where all null."""
    column = subject.records.events[subject.contract.decide_on].cells[name]
    present = column.values[given(column)]
    if not len(present):
        return 0.0
    low, high = np.quantile(present, (0.1, 0.9), method="inverted_cdf")
    return float(high - low)


def within(field: Field, values: NDArray[Any]) -> NDArray[Any]:
    """The values, kept within the field's bounds."""
    low, high = real_bounds(field) if field.type == "real" else integer_bounds(field)
    kept: NDArray[Any] = np.clip(values, low, high)
    return kept


def joined(parts: Sequence[Events]) -> Events:
    """Several lists of events of one source, one after the other."""
    first = parts[0]
    valid = {
        name: None
        if all(part.cells[name].valid is None for part in parts)
        else np.concatenate([given(part.cells[name]) for part in parts])
        for name in first.cells
    }
    cells = {
        name: Column(np.concatenate([part.cells[name].values for part in parts]), valid[name]) for name in first.cells
    }
    ids, times, known, rows = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("ids", "times", "known", "rows")
    )
    return Events(first.source, ids, times, known, cells, rows)

"""Features for many rows of history at once: a training set in which no row knows its future.

Each row is a decision at its event time t. It sees events of [start, end) windows that end strictly before t (its own
event only where a window says so), and of those only what was known before its cut: t for history, or the cut given
for it (a sequence number when live decisions are computed again).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from holdfast.contract.model import Contract, Label
from holdfast.errors import HoldfastError
from holdfast.features.answers import Rows, answers
from holdfast.features.history import (
    Events,
    Ints,
    Outcomes,
    Records,
    Refuse,
    Report,
    Texts,
    load,
    positions,
    read_records,
)
from holdfast.features.kernel.columns import evaluate
from holdfast.features.label_points import steps
from holdfast.features.needs import fields_in_use
from holdfast.features.plan import plan
from holdfast.features.sources import Input

Tick = Callable[[int, int], None]
"""progress(done, total)."""


@dataclass(frozen=True)
class Labels:
    """The target label of each row, as far as history knows it.

    `values` 0 or 1, `valid` False where it is not known (None: all are). `received_at` is when it was known in this
    value (µs UTC): when its outcome became visible, or its deadline where none came and `received` is False.
    """

    values: Ints
    valid: NDArray[np.bool_] | None
    received_at: Ints
    received: NDArray[np.bool_]


@dataclass(frozen=True)
class FeatureTable:
    """Features of rows in order of (time, id), with their labels.

    `matrix` is float64 (rows, features), null NaN (a category's null: code 0); times in µs UTC.
    """

    ids: Texts
    times: Ints
    matrix: NDArray[np.float64]
    names: tuple[str, ...]
    labels: Labels
    report: Report

    def __len__(self) -> int:
        return len(self.times)

    def arrow(self, label: str) -> pa.Table:
        """As columns: id, time, every feature, the label and `<label>_known_at`."""
        valid = self.labels.valid
        null = None if valid is None else ~valid
        known = pa.array(self.labels.received_at, mask=null).cast(pa.timestamp("us", tz="UTC"))
        columns: dict[str, Any] = {
            "id": pa.array(self.ids, type=pa.large_string()),
            "time": pa.array(self.times).cast(pa.timestamp("us", tz="UTC")),
            **{name: np.ascontiguousarray(self.matrix[:, i]) for i, name in enumerate(self.names)},
            label: pa.array(self.labels.values.astype(np.int8), mask=null),
            f"{label}_known_at": known,
        }
        return pa.table(columns)

    def write(self, path: Path, label: str = "label") -> Path:
        """Write Parquet; a null feature stays a NaN, as the model gets it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        pyarrow.parquet.write_table(self.arrow(label), path, row_group_size=131_072)
        return path


def build(
    contract: Contract,
    inputs: Mapping[str, Input],
    *,
    rows: Input | None = None,
    cut: Ints | None = None,
    progress: Tick | None = None,
    refuse: Refuse = "raise",
) -> FeatureTable:
    """Features of every event of the deciding source, or of `rows` (a table with its fields).

    `inputs` by source name (see `read_records`). `cut` gives each row of the input its own knowledge cut; by default
    it is the row's event time. Rows come out in order of (time, id), whatever order the input has. Raises
    HoldfastError with all faults of an input at once.
    """
    records = read_records(contract, inputs, refuse=refuse)
    asked = records.events[contract.decide_on] if rows is None else rows_of(contract, rows, records.report, refuse)
    cuts = asked.times
    if cut is not None:
        if len(cut) != len(asked) + _lost(records.report, contract.decide_on if rows is None else "rows"):
            raise HoldfastError(f"{len(cut):,} cuts for {len(asked):,} rows", where="build", mend="give one per row")
        cuts = np.asarray(cut, dtype=np.int64)[asked.rows]
    return build_from(contract, records, asked, cuts, progress)


def build_from(
    contract: Contract,
    records: Records,
    rows: Events | None = None,
    cuts: Ints | None = None,
    progress: Tick | None = None,
) -> FeatureTable:
    """The same from records in memory: what `build` and the replay of live decisions share."""
    asked = records.events[contract.decide_on] if rows is None else rows
    known_before = asked.times if cuts is None else cuts
    planned = plan(contract)
    aggregates = answers(planned, records, Rows(asked, known_before), progress)
    matrix = evaluate(contract, asked.cells, aggregates)
    names = tuple(item.name for item in contract.features)
    return FeatureTable(asked.ids, asked.times, matrix, names, label_of(contract, records, asked), records.report)


def rows_of(contract: Contract, given: Input, report: Report, refuse: Refuse = "raise") -> Events:
    """A table of decisions as events of the deciding source."""
    counts = Report()
    events, _, _ = load(contract.deciding, fields_in_use(contract)[contract.decide_on], given, (), counts, refuse)
    for name, total in (("rows", counts.rows), ("duplicates", counts.duplicates), ("refused", counts.refused)):
        getattr(report, name)["rows"] = total.get(contract.decide_on, 0)
    report.problems += counts.problems
    return events


def label_of(contract: Contract, records: Records, rows: Events) -> Labels:
    """The target label of each row. The highest version counts; an absent one once history reaches its deadline."""
    events = records.events[contract.decide_on]
    outcomes = records.outcomes.get((contract.decide_on, contract.label))
    labels = final_labels(contract.target, events, outcomes, records.until)
    if rows is events:
        return labels
    at = positions(rows.ids, events.ids)
    found = at >= 0
    if not found.any():
        none = np.zeros(len(rows), dtype=np.int64)
        return Labels(none, none > 0, none, none > 0)
    valid = found if labels.valid is None else found & labels.valid[at]
    values, known = np.where(valid, labels.values[at], 0), np.where(valid, labels.received_at[at], 0)
    return Labels(values, None if valid.all() else valid, known, valid & labels.received[at])


def final_labels(label: Label, events: Events, outcomes: Outcomes | None, until: int) -> Labels:
    """The label of every event as far as it is known at `until`."""
    value = np.zeros(len(events), dtype=np.int64)
    known = np.zeros(len(events), dtype=np.int64)
    received = np.zeros(len(events), dtype=np.bool_)
    if outcomes is not None and len(outcomes.event):
        event, _, change, arrived = steps(outcomes)
        np.add.at(value, event, change)
        moment = np.maximum(np.maximum(arrived, events.known[event]), events.times[event] + label.known_after)
        np.maximum.at(known, event, moment)
        received[event] = True
    valid = received
    if label.absent is not None and label.final_after is not None:
        deadline = events.times + label.final_after
        final = ~received & (deadline <= until)
        value[final] = int(label.absent)
        known[final] = deadline[final]
        valid = received | final
    return Labels(value, None if valid.all() else valid, known, received)


def _lost(report: Report, name: str) -> int:
    return report.duplicates.get(name, 0) + report.refused.get(name, 0)

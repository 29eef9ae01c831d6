"""Records as columns: what happened, what became known of it and when. Batch and replay compute from these.

`known` is the cut-off's clock: an instant (µs UTC) for imported history, a sequence number when live decisions are
replayed. A record counts for a row iff its `known` is before the row's cut.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from holdfast.contract.model import Contract, Field, Label, Source
from holdfast.errors import HoldfastError, Problem
from holdfast.features import sources
from holdfast.features.columns import Column, given, take
from holdfast.features.duplicates import surplus
from holdfast.features.needs import fields_in_use, instant_field, label_field, labels_in_use
from holdfast.features.parse import parse
from holdfast.features.sources import Input
from holdfast.features.tables import ParsedTable, columns_of, parse_table

Ints = NDArray[np.int64]
Texts = NDArray[np.object_]
Refuse = Literal["raise", "drop"]
MOST = 100
"""Problems a report lists."""


@dataclass(frozen=True)
class Events:
    """Events of one source in order of (time, id), each id once. `cells` by field name, one value per event."""

    source: Source
    ids: Texts
    times: Ints
    known: Ints
    cells: Mapping[str, Column]
    rows: Ints
    """Where each event stood in its input."""
    unread: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    """Fields that some events do not have as the contract wants them (they came in another's time), and which events.
    Such an event is no point of a series that reads the field, as in state."""

    def __len__(self) -> int:
        return len(self.times)

    def take(self, at: Ints | NDArray[np.bool_]) -> Events:
        cells = {name: take(column, at) for name, column in self.cells.items()}
        unread = {name: mask[at] for name, mask in self.unread.items()}
        return Events(self.source, self.ids[at], self.times[at], self.known[at], cells, self.rows[at], unread)


@dataclass(frozen=True)
class Outcomes:
    """What a label turned out to be: `event` is a position in its source's Events, `value` 0 or 1.

    Of the outcomes of one event that are known, the one with the highest `version` counts.
    """

    label: Label
    event: Ints
    version: Ints
    value: Ints
    known: Ints
    assumed: bool = False
    """The history had no arrivals: each outcome is taken to have come at time + known_after."""


@dataclass
class Report:
    """What happened to the rows of each source on the way in."""

    rows: dict[str, int] = field(default_factory=dict)
    duplicates: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    assumed_labels: list[str] = field(default_factory=list)
    unmatched_outcomes: dict[str, int] = field(default_factory=dict)

    def take_in(self, name: str, read: ParsedTable, refuse: Refuse, given: Input = None) -> None:
        """Count what was read from `given`. Refused values raise HoldfastError, unless their rows are to be dropped."""
        self.rows[name] = self.rows.get(name, 0) + read.rows
        if not read.problems:
            return
        refused = int(read.refused.sum())
        if refuse == "raise":
            raise HoldfastError(
                f"{refused:,} of {read.rows:,} rows hold values the contract refuses",
                where=f"{name}: {given}" if isinstance(given, str | Path) else name,
                mend="mend the values, state a policy in the contract, or drop such rows (refuse='drop')",
                problems=read.problems,
            )
        self.refused[name] = self.refused.get(name, 0) + refused
        self.problems += read.problems[: MOST - len(self.problems)]

    def outcomes_told(self, label: Label, unmatched: int = 0, *, assumed: bool) -> None:
        if unmatched:
            self.unmatched_outcomes[f"{label.source}.{label.name}"] = unmatched
        if assumed:
            self.assumed_labels.append(label.name)

    def as_dict(self) -> dict[str, Any]:
        return {
            "rows": dict(self.rows),
            "duplicates": dict(self.duplicates),
            "refused": dict(self.refused),
            "problems": [item.as_dict() for item in self.problems],
            "assumed_labels": list(self.assumed_labels),
            "unmatched_outcomes": dict(self.unmatched_outcomes),
        }


@dataclass(frozen=True)
class Records:
    """Everything a contract's features and label are computed from."""

    events: Mapping[str, Events]
    outcomes: Mapping[tuple[str, str], Outcomes]
    """By (source, label name)."""
    report: Report = field(default_factory=Report)

    @property
    def until(self) -> int:
        """The last instant at which anything became known (µs UTC); meaningful for history only."""
        parts = [item.known for item in self.events.values()] + [item.known for item in self.outcomes.values()]
        return max((int(item.max()) for item in parts if len(item)), default=0)


def read_records(
    contract: Contract,
    inputs: Mapping[str, Input],
    *,
    refuse: Refuse = "raise",
    fields: Literal["used", "all"] = "used",
) -> Records:
    """Load history by source name; an input named ``source.label`` holds outcomes apart from their events.

    `refuse="drop"` leaves out the rows with refused values and counts them. Duplicates of an id: the first known
    counts, a duplicate with other content raises HoldfastError. `fields="all"` reads every declared field present;
    a field that the contract does not use decides nothing: its refused values are null, see `Events.unread`.
    """
    wanted = fields_in_use(contract)
    labels = labels_in_use(contract)
    names = sources_in_use(contract, inputs)
    report = Report()
    events: dict[str, Events] = {}
    outcomes: dict[tuple[str, str], Outcomes] = {}
    for name in names:
        source = contract.source(name)
        chosen = wanted.get(name, ())
        spared: set[str] = set()
        if fields == "all":
            present = sources.names_of(inputs[name], name)
            used = {item.name for item in chosen}
            chosen = tuple(i for i in source.fields if i.name in used or {i.name, *i.former} & set(present))
            spared = {item.name for item in chosen} - used - {source.id, source.time, source.known_at or ""}
        beside = [item for item in labels if item.source == name and f"{name}.{item.name}" not in inputs]
        loaded, values, received = load(source, chosen, inputs[name], beside, report, refuse, spared)
        events[name] = loaded
        check_labels(contract, name, [item for item in beside if item.name not in values])
        for label in beside:
            if label.name in values:
                found = beside_events(loaded.times, label, values[label.name], received.get(label.name))
                outcomes[name, label.name] = found
                report.outcomes_told(label, assumed=found.assumed)
    for label in labels:
        key = f"{label.source}.{label.name}"
        if key in inputs:
            told = read_told(contract.source(label.source), label, inputs[key])
            at = positions(told.ids, events[label.source].ids)
            met = np.flatnonzero(at >= 0)
            outcomes[label.source, label.name] = told.outcomes(label, met, at[met], events[label.source].times[at[met]])
            report.outcomes_told(label, len(at) - len(met), assumed=told.arrived is None)
    return Records(events, outcomes, report)


def sources_in_use(contract: Contract, inputs: Mapping[str, Input]) -> list[str]:
    """The sources to read. Raises HoldfastError naming every input that is missing or fits no source."""
    names = list(dict.fromkeys([*fields_in_use(contract), *(item.source for item in labels_in_use(contract))]))
    allowed = [item.name for item in contract.sources] + [f"{item.source}.{item.name}" for item in contract.labels]
    problems = [Problem(name, "missing", "has no input", "give its file") for name in names if name not in inputs]
    problems += [
        Problem(name, "unknown_source", "is no source of the contract", f"it has {', '.join(allowed)}")
        for name in inputs
        if name not in allowed
    ]
    if problems:
        raise HoldfastError("the inputs do not fit the contract", where=contract.name, problems=problems)
    return names


def check_labels(contract: Contract, source: str, lacking: Sequence[Label]) -> None:
    """Raise HoldfastError when a feature is computed from a label that the input does not have."""
    used = {item.value for item in contract.aggregates if item.label and item.source == source}
    problems = [Problem(i.name, "missing", "is not a column of the input") for i in lacking if i.name in used]
    if problems:
        raise HoldfastError(
            "the input lacks labels that features are computed from",
            where=source,
            problems=problems,
            mend="add the columns, or give the outcomes as an input named 'source.label'",
        )


def load(
    source: Source,
    fields: Sequence[Field],
    table: Input,
    labels: Sequence[Label],
    report: Report,
    refuse: Refuse,
    spared: Collection[str] = (),
) -> tuple[Events, dict[str, Column], dict[str, Column]]:
    """The events of one input, with the values and arrivals of the labels that stand beside them."""
    columns = columns_of(source, fields, labels, sources.names_of(table, source.name))
    read = parse_table(source, fields, labels, columns, _table(source, table, columns), spared=spared, given=table)
    report.take_in(source.name, read, refuse, table)
    parsed, time = read.cells, read.cells[source.time]
    known = parsed[source.known_at].values if source.known_at is not None else time.values + source.lag
    events = Events(
        source,
        id_texts(parsed[source.id]),
        time.values,
        known,
        {item.name: parsed[item.name] for item in fields},
        np.arange(len(known), dtype=np.int64),
        read.unread,
    )
    deciding = {name: column for name, column in events.cells.items() if name not in spared}
    values = {item.name: parsed[item.name] for item in labels if item.name in columns}
    received = {i.name: parsed[i.received_at] for i in labels if i.received_at is not None and i.received_at in columns}
    order = canonical_order(events.ids, events.times, np.flatnonzero(~read.refused))
    again = surplus(
        events.ids[order],
        events.times[order],
        events.known[order],
        lambda: {name: take(column, order) for name, column in {**deciding, **values}.items()},
        source.name,
    )
    report.duplicates[source.name] = len(again)
    if len(again):
        order = np.delete(order, again)
    return (
        events.take(order),
        {name: take(column, order) for name, column in values.items()},
        {name: take(column, order) for name, column in received.items()},
    )


def _table(source: Source, table: Input, columns: Mapping[str, str]) -> pa.Table:
    """The columns in use, each once, though two names may stand for one."""
    return sources.read(table, list(dict.fromkeys(columns.values())), source.name)


def canonical_order(ids: Texts, times: Ints, kept: Ints | None = None) -> Ints:
    """Positions in order of (time, id), ties by the UTF-8 bytes of the id."""
    index = np.arange(len(times), dtype=np.int64) if kept is None else kept
    order = index[np.argsort(times[index], kind="stable")]
    moments = times[order]
    same = moments[1:] == moments[:-1]
    if not same.any():
        return order
    tied = np.flatnonzero(np.append(same, False) | np.append(False, same))
    groups = pa.table({"time": moments[tied], "id": pa.array(ids[order[tied]], type=pa.large_string())})
    by_id = pc.sort_indices(groups, sort_keys=[("time", "ascending"), ("id", "ascending")])
    order[tied] = order[tied][by_id.to_numpy()]
    return order


def id_texts(column: Column) -> Texts:
    """Ids as text, whatever their type."""
    if column.values.dtype == object:
        return column.values
    made: Texts = pa.array(column.values).cast(pa.large_string()).to_numpy(zero_copy_only=False)
    return made


def positions(wanted: Sequence[str] | Texts, ids: Texts) -> Ints:
    """Where each id stands among `ids`; -1 where it does not."""
    index = pc.index_in(pa.array(wanted, type=pa.large_string()), value_set=pa.array(ids, type=pa.large_string()))
    found: Ints = index.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return found


def received_outcomes(
    events: Events, label: Label, ids: Sequence[str] | Texts, version: Ints, value: Ints, known: Ints
) -> tuple[Outcomes, int]:
    """Outcomes by event id, and how many of them have no event here (they are left out)."""
    at = positions(ids, events.ids)
    met = at >= 0
    return Outcomes(label, at[met], version[met], value[met], known[met]), int((~met).sum())


def beside_events(times: Ints, label: Label, value: Column, received: Column | None) -> Outcomes:
    """Outcomes that stand in the events' own rows, one version each."""
    at = np.flatnonzero(given(value) if value.valid is not None else np.ones(len(times), dtype=np.bool_))
    known = times[at] + label.known_after
    if received is not None:
        known = np.where(given(received)[at], received.values[at], known)
    return Outcomes(label, at, np.ones(len(at), dtype=np.int64), value.values[at], known, received is None)


@dataclass(frozen=True)
class Told:
    """Outcomes of an input of their own, as they came: event ids, versions, values, and arrivals where it has any."""

    ids: Texts
    version: Ints
    value: Ints
    arrived: Column | None

    def outcomes(self, label: Label, at: Ints, event: Ints, times: Ints) -> Outcomes:
        """The outcomes at these positions, of events at positions `event` that happened at `times`."""
        known = times + label.known_after
        if self.arrived is not None:
            known = np.where(given(self.arrived)[at], self.arrived.values[at], known)
        return Outcomes(label, event, self.version[at], self.value[at], known, self.arrived is None)


def read_told(source: Source, label: Label, given_input: Input) -> Told:
    """Outcomes apart from their events: event id, value, and where present `received_at` and `version`."""
    where = f"{label.source}.{label.name}"
    names = sources.names_of(given_input, where)
    arrival = label.received_at or "received_at"
    specs = [source.field(source.id), replace(label_field(label), nullable=False)]
    specs += [replace(instant_field(source, arrival), name=arrival, nullable=True)] if arrival in names else []
    specs += [Field("version", "integer")] if "version" in names else []
    absent = [Problem(i.name, "missing", "is not a column of the input") for i in specs if i.name not in names]
    if absent:
        raise HoldfastError("the outcomes lack columns", where=where, problems=absent)
    table = sources.read(given_input, [item.name for item in specs], where)
    read = {item.name: parse(item, table.column(item.name)) for item in specs}
    problems = [problem for item in read.values() for problem in item.problems]
    if problems:
        raise HoldfastError("the outcomes hold values that cannot be read", where=where, problems=problems)
    version = read["version"].column.values if "version" in read else np.ones(table.num_rows, dtype=np.int64)
    arrived = read[arrival].column if arrival in read else None
    return Told(id_texts(read[source.id].column), version, read[label.name].column.values, arrived)

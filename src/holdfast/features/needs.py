"""Which fields and labels of each source a contract reads, so that nothing else is loaded."""

from __future__ import annotations

from dataclasses import replace

from holdfast.contract.model import Contract, Field, Label, Source
from holdfast.features.plan import Plan, plan


def fields_in_use(contract: Contract) -> dict[str, tuple[Field, ...]]:
    """For each source: id, time, and every field that a key, filter, value or feature reads, in declared order."""
    planned = plan(contract)
    names: dict[str, set[str]] = {contract.decide_on: deciding_fields(contract, planned)}
    for series in planned.series:
        names.setdefault(series.source, set()).update(item.name for item in series.fields)
    answer = {}
    for name, used in names.items():
        source = contract.source(name)
        used |= {source.id, source.time}
        answer[name] = tuple(item for item in source.fields if item.name in used)
    return answer


def deciding_fields(contract: Contract, planned: Plan | None = None) -> set[str]:
    """Fields of the deciding event that one row reads: in its features, as keys, and as the current value."""
    planned = planned or plan(contract)
    names = {contract.deciding.id, contract.deciding.time}
    for feature in contract.features:
        names |= {node["name"] for node in feature.expr.walk() if node.op == "field"}
    for read in planned.reads:
        names.update(read.aggregate.on)
        if read.aggregate.including_current:
            names.update(item.name for item in read.points.fields)
    return names


def labels_in_use(contract: Contract) -> tuple[Label, ...]:
    """The target, and every label that an aggregate reads."""
    used = {(read.label.source, read.label.name) for read in plan(contract).reads if read.label is not None}
    used.add((contract.decide_on, contract.label))
    return tuple(item for item in contract.labels if (item.source, item.name) in used)


def instant_field(source: Source, name: str) -> Field:
    """How a column of instants beside the declared fields is read: as the source's own time is."""
    declared = next((item for item in source.fields if item.name == name), None)
    if declared is not None:
        return declared
    time = source.field(source.time)
    return Field(name, "timestamp", zone=time.zone, calendar=time.calendar, fold=time.fold)


def label_field(label: Label) -> Field:
    """A label's column: true, false, or null while there is no outcome."""
    return Field(label.name, "boolean", nullable=True)


def arrival_field(source: Source, label: Label) -> Field | None:
    """The column with the instant an outcome arrived, if the label declares one."""
    return None if label.received_at is None else replace(instant_field(source, label.received_at), nullable=True)

"""What can be learned from now: the project's history and what the ledger recorded since, as inputs of one kind.

A version that was trained on them is examined and made again on them: they lie in ``.holdfast/retrained/<bundle>``.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from holdfast.contract.model import Contract, Field, Label, Source
from holdfast.contract.values import NotJson, read_strict, to_json
from holdfast.project.arrival import EventClock
from holdfast.project.project import Project

if TYPE_CHECKING:
    import pyarrow as pa

    from holdfast.features.columns import Column
    from holdfast.features.history import Events, Outcomes

FOLDER = "retrained"
TOLD = "inputs.json"


@dataclass(frozen=True)
class Fresh:
    """Inputs by source, ``source.label`` among them, and how much of them the ledger gave."""

    inputs: dict[str, str]
    until: int
    """Last record of the ledger that is in them."""
    lived: int
    """Events of the deciding source that came from the ledger, those known from history not counted."""
    outcomes: int
    """Outcomes of its label among the ledger's records."""
    unreadable: int
    """Recorded events that this contract cannot read: they came in another's time, or were erased."""

    def project(self, project: Project, folder: Path) -> Project:
        """The project as if these were its history; ledger, state and registry are its own."""
        settings = replace(
            project.settings, inputs=MappingProxyType(dict(self.inputs)), features_path=str(folder / "features.parquet")
        )
        return Project(project.folder, settings)


def gather(project: Project, contract: Contract, folder: Path) -> Fresh:
    """Write history and ledger together into `folder` (new). Raises HoldfastError where history is not to be had.

    An id in both is history's. What this contract cannot read of the ledger is left out, and counted.
    """
    from holdfast.features.history import read_records
    from holdfast.ledger.records import Decision, Event, Outcome

    folder.mkdir(parents=True)
    past = read_records(contract, project.inputs(contract), refuse="drop", fields="all")
    clock, until = EventClock(contract.decide_on), 0
    lived: dict[str, list[tuple[str, int, int, dict[str, Any]]]] = {source.name: [] for source in contract.sources}
    told: dict[tuple[str, str], list[tuple[str, int, int, int]]] = {}
    unreadable = 0
    for record in project.reader.records():
        until = record.seq
        if isinstance(record, Outcome):
            name = (record.source, record.label)
            told.setdefault(name, []).append((record.event_id, record.version, record.value, clock.known(record)))
        elif isinstance(record, Event | Decision):
            known = clock.known(record)
            try:
                body = read_strict(record.body)
            except NotJson:
                unreadable += 1
                continue
            lived.setdefault(record.source, []).append((record.event_id, record.time, known, body))
    inputs: dict[str, str] = {}
    new = 0
    for source in contract.sources:
        before = past.events.get(source.name)
        table, added, bad = _events(source, before, lived[source.name])
        inputs[source.name] = _written(folder / f"{source.name}.parquet", table)
        unreadable += bad
        new += added if source.name == contract.decide_on else 0
    for label in contract.labels:
        key = (label.source, label.name)
        table = _outcomes(contract.source(label.source), label, past.events.get(label.source),
                          past.outcomes.get(key), told.get(key, ()))  # fmt: skip
        inputs[f"{label.source}.{label.name}"] = _written(folder / f"{label.source}.{label.name}.parquet", table)
    made = Fresh(inputs, until, new, len(told.get((contract.decide_on, contract.label), ())), unreadable)
    (folder / TOLD).write_text(json.dumps(asdict(made), indent=2), encoding="utf-8")
    return made


def keep(project: Project, folder: Path, bundle: str) -> None:
    """Put what a bundle was trained on where `grounds` finds it."""
    home = place(project, bundle)
    if home.exists():
        shutil.rmtree(home)
    home.parent.mkdir(parents=True, exist_ok=True)
    folder.rename(home)
    told = json.loads((home / TOLD).read_text(encoding="utf-8"))
    told["inputs"] = {name: str(home / Path(path).name) for name, path in told["inputs"].items()}
    part = home / f"{TOLD}.part"
    part.write_text(json.dumps(told, indent=2), encoding="utf-8")
    os.replace(part, home / TOLD)


def place(project: Project, bundle: str) -> Path:
    return (project.home / FOLDER / bundle).resolve()


def grounds(project: Project, bundle: str) -> Project:
    """The project with the inputs that a bundle was trained on: its own, or those of a training anew."""
    home = place(project, bundle)
    if not bundle or not (home / TOLD).is_file():
        return project
    told = json.loads((home / TOLD).read_text(encoding="utf-8"))
    # The project may have moved since: files lie beside the list of them.
    told["inputs"] = {name: str(home / Path(path).name) for name, path in told["inputs"].items()}
    return Fresh(**told).project(project, home)


def _events(
    source: Source, past: Events | None, lived: Sequence[tuple[str, int, int, dict[str, Any]]]
) -> tuple[pa.Table, int, int]:
    """One source's events as a table; how many the ledger added; how many of its own could not be read."""
    import pyarrow as pa

    from holdfast.ledger.recompute import columns

    seen = set() if past is None else set(past.ids.tolist())
    kept = []
    for item in lived:
        if item[0] not in seen:
            seen.add(item[0])
            kept.append(item)
    fields = source.fields
    times = [item[1] for item in kept]
    cells, faulty = columns(source, fields, [item[3] for item in kept], [item[0] for item in kept], times)
    good = np.ones(len(kept), dtype=np.bool_)
    for name, mask in faulty.items():
        if name != source.known_at:
            good &= ~mask
    made: dict[str, Any] = {}
    for field in fields:
        old = [] if past is None else _plain(field, past.cells.get(field.name), len(past))
        new = _plain(field, cells[field.name], len(kept))
        values = [*old, *(new[at] for at in np.flatnonzero(good).tolist())]
        stored = pa.int64() if field.type == "timestamp" else _kind(field)
        made[field.name] = pa.array(values, type=stored).cast(_kind(field))
    if source.known_at is not None:
        before = [] if past is None else past.known.tolist()
        since = [max(kept[at][2], times[at]) for at in np.flatnonzero(good).tolist()]
        micros = np.array([*before, *since], dtype="datetime64[us]")
        made[source.known_at] = pa.array(micros).cast(pa.timestamp("us", tz="UTC"))
    return pa.table(made), int(good.sum()), int((~good).sum())


def _plain(field: Field, column: Column | None, rows: int) -> list[Any]:
    """Cells as a file has them: decimals as text with every digit, categories as words, instants as ISO 8601."""
    from holdfast.project.rows import plain

    if column is None:
        return [None] * rows
    cells = plain(field, column)
    if field.type == "decimal":
        return [None if cell is None else _decimal(int(cell), field.scale) for cell in cells]
    if field.type == "timestamp":
        return cells  # microseconds: given their type by the column
    if field.type == "real":
        return [None if cell is None or cell != cell else float(cell) for cell in cells]
    return [to_json(field, cell) for cell in cells]


def _decimal(value: int, scale: int) -> str:
    whole, rest = divmod(abs(value), 10**scale)
    return f"{'-' if value < 0 else ''}{whole}" + (f".{rest:0{scale}d}" if scale else "")


def _kind(field: Field) -> pa.DataType:
    import pyarrow as pa

    kinds = {"integer": pa.int64(), "boolean": pa.bool_(), "real": pa.float64()}
    return pa.timestamp("us", tz="UTC") if field.type == "timestamp" else kinds.get(field.type, pa.string())


def _outcomes(
    source: Source,
    label: Label,
    events: Events | None,
    past: Outcomes | None,
    lived: Sequence[tuple[str, int, int, int]],
) -> pa.Table:
    import pyarrow as pa

    ids: list[str] = []
    versions: list[int] = []
    values: list[bool] = []
    arrived: list[int] = []
    if past is not None and events is not None:
        ids += events.ids[past.event].tolist()
        versions += past.version.tolist()
        values += (past.value != 0).tolist()
        arrived += past.known.tolist()
    for event, version, value, known in lived:
        ids.append(event)
        versions.append(version)
        values.append(bool(value))
        arrived.append(known)
    field = source.field(source.id)
    named: Mapping[str, Any] = {
        source.id: pa.array([int(item) for item in ids] if field.type == "integer" else ids, type=_kind(field)),
        label.name: pa.array(values, type=pa.bool_()),
        label.received_at or "received_at": pa.array(np.array(arrived, dtype="datetime64[us]")).cast(
            pa.timestamp("us", tz="UTC")
        ),
        "version": pa.array(versions, type=pa.int64()),
    }
    return pa.table(dict(named))


def _written(path: Path, table: pa.Table) -> str:
    import pyarrow.parquet as pq

    pq.write_table(table, path)
    return str(path.resolve())

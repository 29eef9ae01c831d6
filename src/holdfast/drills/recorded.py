"""Recorded traffic: the last days of a project's history, taken out of it, to be sent at the times they happened.

The copy's history ends where the traffic begins, and knows of outcomes only what was known by then. The others come as
they came: each told when it was received.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from holdfast.contract.model import DAY, Contract, Label, Source
from holdfast.contract.values import compile_reader, read_strict, timestamp_text
from holdfast.features import sources

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked at `time` (µs UTC), and what will turn out to be true (None: nobody will know)."""

    time: int
    body: Body
    truth: bool | None = None
    known: int = 0
    """When that is told (µs UTC); 0 never."""


@dataclass
class Traffic:
    """Requests in order of time, and outcomes of earlier events, in any order: (when, body for `/outcomes`)."""

    requests: list[Request] = field(default_factory=list)
    outcomes: list[tuple[int, Body]] = field(default_factory=list)

    def between(self, start: int, end: int, contract: Contract) -> Traffic:
        """What is sent in [start, end): also what becomes known then of requests before."""
        before = [item for item in self.requests if item.time < start]
        since = before[-1].time + 1 if before else start  # up to their last the part before has told
        told = [*self.outcomes, *outcomes(contract, before)]
        return Traffic(
            [item for item in self.requests if start <= item.time < end],
            [item for item in told if since <= item[0] < end],
        )


@dataclass(frozen=True)
class Recorded:
    """The copy's inputs, written; and the traffic from `cut` on, which ends at `end` (µs UTC)."""

    inputs: dict[str, Path]
    traffic: Traffic
    cut: int
    end: int


def recorded(contract: Contract, inputs: dict[str, Path], days: int, into: Path) -> Recorded:
    """Cut the last `days` off; at least a third of the history stays. Writes Parquet files `into` a folder."""
    deciding = contract.deciding
    tables = {name: _read(path, contract, name) for name, path in inputs.items()}
    times = _moments(tables[deciding.name][_column(tables[deciding.name], deciding, deciding.time)])
    end, first = int(times.max()) + 1, int(times.min())
    cut = max(end - days * DAY, first + (end - first) // 3)
    into.mkdir(parents=True, exist_ok=True)
    written: dict[str, Path] = {}
    for name, table in tables.items():
        kept = _until(table, contract, name, cut)
        if any(path.name.endswith(sources.CSV) for path in sources.files(inputs[name], name)):  # text stays text
            written[name] = into / f"{name}.csv"
            pyarrow.csv.write_csv(kept, written[name])
        else:
            written[name] = into / f"{name}.parquet"
            pyarrow.parquet.write_table(kept, written[name])
    traffic = _traffic(contract, tables, cut)
    return Recorded(written, traffic, cut, end)


def _read(path: Path, contract: Contract, name: str) -> pa.Table:
    found = sources.names_of(path, name)
    return pa.concat_tables(list(sources.stream(path, list(found), name)))


def _column(table: pa.Table, source: Source, name: str) -> str:
    names = (name, *source.field(name).former)
    return next(item for item in names if item in table.column_names)


def _labels(contract: Contract, source: str) -> list[Label]:
    return [item for item in contract.labels if item.source == source]


def _until(table: pa.Table, contract: Contract, name: str, cut: int) -> pa.Table:
    """Rows before the cut, with outcomes that came later not there yet."""
    source, _, label = name.partition(".")
    if label:
        told = next(item for item in contract.labels if (item.source, item.name) == (source, label))
        at = told.received_at or "received_at"
        return table.filter(pa.array(_moments(table[at]) < cut)) if at in table.column_names else table
    of = contract.source(source)
    kept = table.filter(pa.array(_moments(table[_column(table, of, of.time)]) < cut))
    for item in _labels(contract, source):
        if item.received_at is None or item.received_at not in kept.column_names or item.name not in kept.column_names:
            continue
        later = pa.array(_moments(kept[item.received_at]) >= cut)
        for column in (item.name, item.received_at):
            at = kept.column_names.index(column)
            empty = pa.scalar(None, kept[column].type)
            kept = kept.set_column(at, column, pc.if_else(later, empty, kept[column]))
    return kept


def _traffic(contract: Contract, tables: dict[str, pa.Table], cut: int) -> Traffic:
    deciding, target = contract.deciding, contract.target
    table = tables[deciding.name]
    moments = _moments(table[_column(table, deciding, deciding.time)])
    truth, known = _outcomes(table, target, moments)
    ids = [str(item) for item in table[_column(table, deciding, deciding.id)].to_pylist()]
    late = np.flatnonzero((moments < cut) & (known >= cut))
    told = [(int(known[at]), outcome(ids[at], target, bool(truth[at]))) for at in late.tolist()]
    chosen = np.flatnonzero(moments >= cut)
    chosen = chosen[np.argsort(moments[chosen], kind="stable")]
    requests = []
    for at, body in zip(chosen.tolist(), _bodies(deciding, table.take(pa.array(chosen))), strict=True):
        heard = bool(truth[at]) if known[at] > 0 else None
        requests.append(Request(int(moments[at]), body, heard, int(known[at])))
    read = compile_reader(deciding, deciding.fields)
    fit = [item for item in requests if not read(read_strict(json.dumps(item.body).encode())).problems]
    return Traffic(fit, sorted(told, key=lambda item: item[0]))


def _outcomes(table: pa.Table, target: Label, moments: Any) -> tuple[Any, Any]:
    """For each row the truth (object, None unknown) and when it is told (0: never)."""
    none = np.zeros(len(moments), np.int64)
    if target.name not in table.column_names:
        return np.full(len(moments), None, dtype=object), none
    truth = np.array([_truth(item) for item in table[target.name].to_pylist()], dtype=object)
    there = np.array([item is not None for item in truth.tolist()], dtype=np.bool_)
    if target.received_at and target.received_at in table.column_names:
        at = _moments(table[target.received_at])
    else:
        at = moments + target.known_after
    return truth, np.where(there & (at > 0), at, none)


def _truth(cell: Any) -> bool | None:
    """Of a label's cell; those of CSV are text."""
    if isinstance(cell, str):
        return {"true": True, "1": True, "false": False, "0": False}.get(cell.strip().lower())
    return None if cell is None or cell != cell else bool(cell)


def outcomes(contract: Contract, requests: Iterable[Request]) -> list[tuple[int, Body]]:
    """What becomes known of them, and when."""
    source, target = contract.deciding, contract.target
    return [
        (item.known, outcome(str(item.body.get(source.id)), target, item.truth))
        for item in requests
        if item.truth is not None and item.known
    ]


def outcome(event_id: str, target: Label, value: bool) -> Body:
    return {"event_id": event_id, "label": target.name, "value": value}


def _bodies(source: Source, table: pa.Table) -> Iterator[Body]:
    present = set(table.column_names)
    names: dict[str, str] = {}
    for item in source.fields:
        word = next((word for word in (item.name, *item.former) if word in present), None)
        names |= {} if word is None else {item.name: word}
    types = {item.name: item.type for item in source.fields}
    for row in table.select(list(names.values())).to_pylist():
        yield {name: _plain(row[column], types[name]) for name, column in names.items()}


def _plain(value: Any, kind: str) -> Any:
    """A cell as a caller would send it; cells of CSV are text."""
    if isinstance(value, datetime):
        aware = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
        return timestamp_text(round(aware.timestamp() * 1e6))
    if value is None or (isinstance(value, float) and value != value):
        return None
    if kind == "timestamp" and isinstance(value, str):
        return timestamp_text(int(_moments(pa.chunked_array([[value]]))[0]))
    if kind == "integer":
        return int(value)
    if kind in ("decimal", "real"):
        return float(value)
    return value.lower() in ("true", "1") if kind == "boolean" and isinstance(value, str) else value


def _moments(column: pa.ChunkedArray) -> Any:
    """µs UTC; 0 where null."""
    if pa.types.is_string(column.type):
        column = column.cast(pa.timestamp("us", tz="UTC"))
    if not pa.types.is_integer(column.type):
        column = column.cast(pa.timestamp("us", tz="UTC"), safe=False).cast(pa.int64())
    return np.asarray(column.fill_null(0).to_numpy(), np.int64)


def moved(request: Request, source: Source, time: int) -> Request:
    """The same at another time."""
    return replace(request, time=time, body=request.body | {source.time: timestamp_text(time)})

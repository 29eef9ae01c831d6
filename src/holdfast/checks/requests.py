"""Requests made from a project's own recent history: what its callers would send, under new ids."""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from holdfast.contract.model import Contract, Field
from holdfast.contract.values import compile_reader, read_strict, timestamp_text, to_json
from holdfast.errors import HoldfastError
from holdfast.features import sources
from holdfast.features.history import Events, Report, load, positions
from holdfast.features.needs import fields_in_use
from holdfast.ledger.parity import as_cells

MOST = 4_000
"""Rows that requests are made from; more would only be more to keep."""
SEED = 20_261_122
FIRST_NUMBER = 7_000_000_000
"""Ids that are numbers begin here."""
_turns = count()
"""No two runs of requests share an id: the second would get the first one's answers."""


@dataclass(frozen=True)
class Row:
    """One event of history as a request. `told` is its JSON without id and time; `time` is µs UTC."""

    event_id: str
    time: int
    told: bytes


class Requests:
    """Rows of history that the contract accepts, and bodies made of them.

    `refused` of the `looked_at` rows would be refused by a server, `refusal` says why the first one was.
    """

    def __init__(self, contract: Contract, rows: Sequence[Row], until: int, looked_at: int, refusal: str) -> None:
        self.rows = rows
        self.looked_at = looked_at
        self.refusal = refusal
        self._until = until
        source = contract.deciding
        self.id = source.id
        self._id, self._time = source.field(source.id), source.time

    @property
    def refused(self) -> int:
        return self.looked_at - len(self.rows)

    def body(self, row: Row, name: str, number: int, moment: int | None = None) -> bytes:
        """A request like this row, about an event of its own; at the row's own time unless told."""
        event_id: str | int = f"{name}-{number}"
        if self._id.type != "text":
            event_id = FIRST_NUMBER + zlib.crc32(name.encode()) % 1_000 * 1_000_000 + number
        head = {self._id.name: event_id, self._time: timestamp_text(row.time if moment is None else moment)}
        return json.dumps(head).encode()[:-1] + b", " + row.told + b"}" if row.told else json.dumps(head).encode()

    def endless(self, name: str) -> Iterator[bytes]:
        """One body after another, as long as they are wanted, at times right after history's end."""
        name = f"{name}-{next(_turns)}"
        for number in count():
            row = self.rows[number % len(self.rows)]
            yield self.body(row, name, number, self._until + (number + 1) * 1_000)

    def many(self, name: str, rows: Sequence[Row]) -> bytes:
        """One body for `/predict/batch`, each row at its own time."""
        name = f"{name}-{next(_turns)}"
        bodies = (self.body(row, name, at) for at, row in enumerate(rows))
        return b'{"rows": [' + b", ".join(bodies) + b"]}"


def requests(contract: Contract, events: Events, wanted: Sequence[str] | None = None) -> Requests:
    """Requests from the last of the deciding source's events, or from those with the ids `wanted`.

    Raises HoldfastError when a server would refuse every one of them.
    """
    if wanted is None:
        chosen = np.arange(max(0, len(events) - MOST), len(events))
        np.random.default_rng(SEED).shuffle(chosen)
    else:
        found = positions(wanted, events.ids)
        chosen = found[found >= 0]
    for mask in events.unread.values():
        chosen = chosen[~mask[chosen]]
    rows, refusal = _accepted(contract, events, chosen)
    if not rows:
        raise HoldfastError(
            "a server would refuse every row of the history that the version was trained on",
            where=contract.decide_on,
            mend=f"the first one: {refusal or 'there is none'}",
        )
    until = min(int(events.times.max()), time.time_ns() // 1_000 - 600_000_000)
    return Requests(contract, rows, until, len(chosen), refusal)


def events_of(contract: Contract, path: Path) -> Events:
    """The deciding source's history with every declared field it has."""
    source = contract.deciding
    present = set(sources.names_of(path, source.name))
    used = {item.name for item in fields_in_use(contract)[source.name]}
    fields = [item for item in source.fields if item.name in used or {item.name, *item.former} & present]
    spared = {item.name for item in fields} - used - {source.id, source.time, source.known_at or ""}
    return load(source, fields, path, (), Report(), "drop", spared)[0]


def _accepted(contract: Contract, events: Events, chosen: Any) -> tuple[list[Row], str]:
    source = contract.deciding
    kept = [item for item in source.fields if item.name in events.cells and item.name not in (source.id, source.time)]
    columns = [_told(item, events, chosen) for item in kept]
    read = compile_reader(source, source.fields)
    rows, refusal = [], ""
    ids, times = events.ids[chosen].tolist(), events.times[chosen].tolist()
    # A contract may decide on an event that has an id and a time, and nothing else.
    for event_id, moment, *values in zip(ids, times, *columns, strict=True):
        told = json.dumps(dict(zip((item.name for item in kept), values, strict=True)), ensure_ascii=False).encode()
        own = {source.id: str(event_id), source.time: timestamp_text(moment)}
        problems = [item for item in read(read_strict(told) | own).problems if item.field != source.id]
        if problems:
            refusal = refusal or str(problems[0])
        else:
            rows.append(Row(str(event_id), moment, told[1:-1]))
    return rows, refusal


def _told(field: Field, events: Events, chosen: Any) -> list[object]:
    return [to_json(field, cell) for cell in as_cells(events.cells[field.name], chosen)]

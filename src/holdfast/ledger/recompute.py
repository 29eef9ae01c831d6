"""Features of recorded decisions, computed again by batch from history and the ledger as each decision knew them.

Knowledge is counted in `seq`: imported history is known to every decision (0), a ledger record from its own seq on. A
decision knew what its snapshot held, so its cut is `read_seq` + 1. Counted in time instead (`received`), a record is
known from its receipt and the cut is the decision's own time, as training will see it: the gap is the arrival skew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from holdfast.contract.model import NULL_CODE, Cell, Contract, Field, Label, Source
from holdfast.contract.values import NotJson, compile_reader, read_strict
from holdfast.errors import Problem
from holdfast.features.batch import build_from
from holdfast.features.columns import Column, joined
from holdfast.features.history import Events, Outcomes, Records, canonical_order, received_outcomes
from holdfast.features.needs import fields_in_use, labels_in_use
from holdfast.features.state.points import under_todays_names
from holdfast.ledger.ids import body_digest
from holdfast.ledger.records import Decision, Event, Outcome, Record


@dataclass
class _Lived:
    """What the ledger holds of one source."""

    ids: list[str] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    known: list[int] = field(default_factory=list)
    bodies: list[dict[str, object]] = field(default_factory=list)


class Recomputer:
    """Holds history and ledger once; answers feature rows for decisions of any contract over them."""

    def __init__(
        self,
        history: Callable[[Contract], Records],
        ledger: Callable[[], Iterable[Record]],
        clock: Literal["seq", "received"] = "seq",
    ) -> None:
        self._history = history
        self._by_seq = clock == "seq"
        self._lived: dict[str, _Lived] = {}
        self._outcomes: dict[tuple[str, str], list[Outcome]] = {}
        self.edited: list[Problem] = []
        """Records whose body is not what its digest was taken of."""
        for record in ledger():
            self._take(record)

    def _take(self, record: Record) -> None:
        if isinstance(record, Outcome):
            self._outcomes.setdefault((record.source, record.label), []).append(record)
        if not isinstance(record, Event | Decision):
            return
        try:
            raw = read_strict(record.body)
            sound = body_digest(raw) == record.digest
        except NotJson:
            raw, sound = {}, False
        if not sound:
            what = f"event {record.event_id} of {record.source} was edited: its body does not match its digest"
            self.edited.append(Problem(str(record.seq), "edited", what, "restore the ledger from a backup"))
        lived = self._lived.setdefault(record.source, _Lived())
        lived.ids.append(record.event_id)
        lived.times.append(record.time)
        lived.known.append(self._since(record))
        lived.bodies.append(raw)

    def _since(self, record: Record) -> int:
        return record.seq if self._by_seq else record.received_at

    def __call__(self, contract: Contract, decisions: Sequence[Decision]) -> list[list[float]]:
        """Feature rows of these decisions, in their order."""
        records = self._records(contract)
        fields = fields_in_use(contract)[contract.decide_on]
        ids = [item.event_id for item in decisions]
        times = [item.time for item in decisions]
        asked, _ = columns(contract.deciding, fields, [read_strict(item.body) for item in decisions], ids, times)
        order = np.arange(len(decisions), dtype=np.int64)
        rows = Events(
            contract.deciding, np.array(ids, dtype=object), np.array(times, dtype=np.int64),
            np.array([item.seq for item in decisions], dtype=np.int64), asked, order,
        )  # fmt: skip
        cuts = np.array([item.read_seq + 1 if self._by_seq else item.time for item in decisions], dtype=np.int64)
        table = build_from(contract, records, rows, cuts)
        answer: list[list[float]] = table.matrix.tolist()
        return answer

    def _records(self, contract: Contract) -> Records:
        past = self._history(contract)
        if self._by_seq:
            past = _always_known(past)
        events = {
            name: _together(past.events.get(name), contract.source(name), fields, self._lived.get(name, _Lived()))
            for name, fields in fields_in_use(contract).items()
        }
        outcomes = {}
        for label in labels_in_use(contract):
            key = (label.source, label.name)
            if label.source in events:
                made = self._outcomes.get(key, [])
                told = [self._since(item) for item in made]
                outcomes[key] = _outcomes(events[label.source], past, key, label, made, told)
        return Records(events, outcomes)


def _always_known(past: Records) -> Records:
    """History as every live decision knows it: from the start."""
    events = {name: replace(item, known=np.zeros_like(item.known)) for name, item in past.events.items()}
    outcomes = {key: replace(item, known=np.zeros_like(item.known)) for key, item in past.outcomes.items()}
    return Records(events, outcomes)


def columns(
    source: Source,
    fields: Sequence[Field],
    bodies: Sequence[Mapping[str, object]],
    ids: Sequence[str],
    times: Sequence[int],
) -> tuple[dict[str, Column], dict[str, NDArray[np.bool_]]]:
    """Accepted bodies as columns of these fields, and which values are not as these fields want them.

    An id or a time that the body left to the server is the recorded one, if this contract lets it be left out. A body
    may come from another contract's time, and then be unreadable for this one.
    """
    read = compile_reader(source, tuple(fields))
    names = [(item.name, item.former) for item in fields]
    rows = [read(under_todays_names(body, names)) for body in bodies]
    made: dict[str, Column] = {}
    for i, item in enumerate(fields):
        cells = [row.cells[i] for row in rows]
        if item.name in (source.id, source.time):
            recorded: Sequence[Cell] = ids if item.name == source.id else times
            cells = [given if cell is None else cell for cell, given in zip(cells, recorded, strict=True)]
        made[item.name] = column(item, cells)
    faulty: dict[str, NDArray[np.bool_]] = {}
    for at, row in enumerate(rows):
        for problem in row.problems:
            if problem.field in made:
                faulty.setdefault(problem.field, np.zeros(len(rows), dtype=np.bool_))[at] = True
    return made, faulty


def column(item: Field, cells: Sequence[Cell]) -> Column:
    """Scalar cells as a column."""
    if item.type == "text":
        values = np.empty(len(cells), dtype=object)
        values[:] = cells
        return Column(values)
    if item.type == "category":
        return Column(np.array([cell or NULL_CODE for cell in cells], dtype=np.int32))
    if item.type == "real":
        return Column(np.array([np.nan if cell is None else cell for cell in cells], dtype=np.float64))
    valid = np.array([cell is not None for cell in cells], dtype=np.bool_)
    return Column(np.array([cell or 0 for cell in cells], dtype=np.int64), None if valid.all() else valid)


def _together(past: Events | None, source: Source, fields: Sequence[Field], lived: _Lived) -> Events:
    """History and ledger of one source as one, in order of (time, id); an id in both is history's."""
    seen = set(past.ids.tolist()) if past is not None else set()
    # An event sent first and decided on later is recorded twice; what came first counts.
    kept = []
    for i, event_id in enumerate(lived.ids):
        if event_id not in seen:
            seen.add(event_id)
            kept.append(i)
    ids = [lived.ids[i] for i in kept]
    times = [lived.times[i] for i in kept]
    cells, unread = columns(source, fields, [lived.bodies[i] for i in kept], ids, times)
    parts = [
        Events(
            source,
            np.array(ids, dtype=object),
            np.array(times, dtype=np.int64),
            np.array([lived.known[i] for i in kept], dtype=np.int64),
            cells,
            np.arange(len(ids), dtype=np.int64),
            unread,
        )
    ]
    if past is not None:
        parts.append(past)
    whole = Events(
        source,
        np.concatenate([item.ids for item in parts]),
        np.concatenate([item.times for item in parts]),
        np.concatenate([item.known for item in parts]),
        {item.name: joined([part.cells[item.name] for part in parts]) for item in fields},
        np.concatenate([item.rows for item in parts]),
        {name: np.append(mask, np.zeros(0 if past is None else len(past), np.bool_)) for name, mask in unread.items()},
    )
    return whole.take(canonical_order(whole.ids, whole.times))


def _outcomes(
    events: Events,
    past: Records,
    key: tuple[str, str],
    label: Label,
    made: Sequence[Outcome],
    told: Sequence[int],
) -> Outcomes:
    """A label's outcomes from history and those made since, known from `told` on."""
    before = past.outcomes.get(key)
    ids: list[str] = [] if before is None else past.events[key[0]].ids[before.event].tolist()
    versions = [] if before is None else before.version.tolist()
    values = [] if before is None else before.value.tolist()
    known = ([] if before is None else before.known.tolist()) + list(told)
    for item in made:
        ids.append(item.event_id)
        versions.append(item.version)
        values.append(item.value)
    wide = [np.array(part, dtype=np.int64) for part in (versions, values, known)]
    found, _ = received_outcomes(events, label, ids, *wide)
    return found

"""History, record by record in order of arrival, through the server's own writer and reads, equal to batch by bits.

Starts from an empty state and an empty ledger in a folder of its own. At equal instants a decision comes before the
records that become known at that instant: it cannot have known them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.contract.model import Cell, Contract, Source
from holdfast.contract.values import read_strict, to_json
from holdfast.features.batch import FeatureTable
from holdfast.features.columns import Column, given
from holdfast.features.history import Events, Outcomes, Records
from holdfast.features.kernel.scalar import compile_row
from holdfast.features.plan import plan
from holdfast.features.state.reads import compile_reads
from holdfast.features.state.state import State
from holdfast.ledger.files import Files
from holdfast.ledger.ids import body_digest
from holdfast.ledger.log import Log
from holdfast.ledger.records import Event, Outcome, Record
from holdfast.ledger.writer import LedgerWriter

Ints = NDArray[np.int64]
DECISION, EVENT, OUTCOME = 0, 1, 2
SLICE = 20_000
"""Rows turned into Python values at a time, so that memory stays small."""


@dataclass(frozen=True, slots=True)
class FirstDifference:
    """The first feature, in order of decisions, that the two engines do not agree on."""

    row: int
    id: str
    time: int
    feature: str
    batch: float
    online: float
    cause: str


@dataclass(slots=True)
class ParityReport:
    rows: int = 0
    features: int = 0
    records: int = 0
    """Events and outcomes fed."""
    differing_bits: int = 0
    differing_values: int = 0
    by_feature: dict[str, int] = field(default_factory=dict)
    """Differing values of each feature that has any."""
    first: FirstDifference | None = None

    @property
    def ok(self) -> bool:
        """Everything was compared and equal. Comparing nothing proves nothing."""
        return self.rows > 0 and self.differing_bits == 0

    def as_dict(self) -> dict[str, Any]:
        return {"ok": self.ok, **asdict(self)}

    def __str__(self) -> str:
        head = f"{self.rows:,} rows × {self.features} features, {self.records:,} records fed one by one: "
        if self.first is None:
            return head + f"{self.differing_bits} differing bits"
        one = self.first
        return (
            f"{head}{self.differing_values:,} values differ in {self.differing_bits:,} bits\n"
            f"  first: row {one.row} (id {one.id}), feature {one.feature}: "
            f"batch {one.batch!r}, online {one.online!r}\n  likely cause: {one.cause}"
        )


def parity(
    contract: Contract,
    records: Records,
    table: FeatureTable,
    place: Path,
    *,
    limit: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ParityReport:
    """Feed `records` (read with ``fields="all"``) to a fresh state under `place` and compare with `table`.

    `limit` compares only the first so many decisions, in order of time. `table` holds the features that batch built
    from the same records; its rows are the deciding source's events.
    """
    rows = records.events[contract.decide_on]
    wanted = len(rows) if limit is None else min(limit, len(rows))
    online = np.empty((wanted, len(contract.features)))
    state = State.open(place / "state")
    # The records are rebuilt from history at will, so nothing is lost by not waiting for the disk.
    log = Log(place / "ledger", files=Files(sync=False))
    try:
        fed = _feed(contract, records, state, LedgerWriter(log, state), online, progress)
    finally:
        log.close()
        state.close()
    return _compare(contract, records, table, online, fed)


def _feed(
    contract: Contract,
    records: Records,
    state: State,
    writer: LedgerWriter,
    online: NDArray[np.float64],
    progress: Callable[[int, int], None] | None,
) -> int:
    """Fill `online` decision by decision; returns how many records were fed."""
    planned = plan(contract)
    state.register(planned.series)
    reads, row = compile_reads(planned), compile_row(contract)
    rows = records.events[contract.decide_on]
    cells = _cells(rows)
    waiting: list[Record] = []
    fed = decided = 0
    for kind, record in arrivals(records, contract.decide_on, len(online)):
        if kind != DECISION:
            assert record is not None
            waiting.append(record)
            continue
        if waiting:
            writer.commit(waiting)
            fed += len(waiting)
            waiting = []
        own = next(cells)
        with state.snapshot() as snapshot:
            aggregates = reads(snapshot, own, int(rows.times[decided]))
        online[decided] = row(own, aggregates)
        decided += 1
        if progress is not None and decided % 1_000 == 0:
            progress(decided, len(online))
    return fed


def arrivals(records: Records, deciding: str, decisions: int) -> Iterator[tuple[int, Record | None]]:
    """Decisions (no record), events and outcomes in the order in which they became known.

    Decisions are the deciding source's events in order of (time, id); ends after the last of them.
    """
    names = list(records.events)
    streams: list[tuple[int, Ints, Iterator[Record | None]]] = []
    for name in names:
        events = records.events[name]
        order = np.argsort(events.known, kind="stable")
        streams.append((EVENT, events.known[order], _events(events, order)))
    for (name, _), outcomes in records.outcomes.items():
        order = np.argsort(outcomes.known, kind="stable")
        streams.append((OUTCOME, outcomes.known[order], _outcomes(records.events[name], outcomes, order)))
    times = records.events[deciding].times[:decisions]
    moments: list[tuple[int, Ints, Iterator[Record | None]]] = [(DECISION, times, iter([None] * decisions)), *streams]
    instants = np.concatenate([item[1] for item in moments])
    which = np.concatenate([np.full(len(item[1]), i) for i, item in enumerate(moments)])
    for i in which[np.lexsort((which, instants))].tolist():
        kind, _, source = moments[i]
        yield kind, next(source)
        if kind == DECISION:
            decisions -= 1
            if not decisions:
                return


def _events(events: Events, order: Ints) -> Iterator[Record]:
    names = [item.name for item in events.source.fields if item.name in events.cells]
    fields = [events.source.field(name) for name in names]
    for start in range(0, len(order), SLICE):
        at = order[start : start + SLICE]
        columns = [as_cells(events.cells[name], at) for name in names]
        times = events.times[at].tolist()
        for event_id, time, *cells in zip(events.ids[at], times, *columns, strict=True):
            shape = {item.name: to_json(item, cell) for item, cell in zip(fields, cells, strict=True)}
            body = json.dumps(shape, ensure_ascii=False).encode()
            digest = body_digest(read_strict(body))
            yield Event(source=events.source.name, event_id=event_id, time=time, body=body, digest=digest)


def _outcomes(events: Events, outcomes: Outcomes, order: Ints) -> Iterator[Record]:
    label = outcomes.label
    for i in order.tolist():
        yield Outcome(
            source=label.source,
            label=label.name,
            event_id=events.ids[outcomes.event[i]],
            version=int(outcomes.version[i]),
            value=int(outcomes.value[i]),
        )


def _cells(events: Events) -> Iterator[Sequence[Cell]]:
    """The cells of each event in the order of its source's fields; a field that was not read is null."""
    for start in range(0, len(events), SLICE):
        at = np.arange(start, min(start + SLICE, len(events)))
        yield from zip(*(_field_cells(events.source, events.cells, item.name, at) for item in events.source.fields),
                       strict=True)  # fmt: skip


def _field_cells(source: Source, cells: Mapping[str, Column], name: str, at: Ints) -> list[Cell]:
    if name in cells:
        return as_cells(cells[name], at)
    return [0 if source.field(name).type == "category" else None] * len(at)


def as_cells(column: Column, at: Ints) -> list[Cell]:
    """These rows of a column as scalar cells: plain Python values, None for null."""
    values: list[Cell] = column.values[at].tolist()
    if column.values.dtype == np.int32 or column.values.dtype == object:
        return values
    there = given(column)[at]
    if there.all():
        return values
    return [value if is_there else None for value, is_there in zip(values, there.tolist(), strict=True)]


def _compare(
    contract: Contract, records: Records, table: FeatureTable, online: NDArray[np.float64], fed: int
) -> ParityReport:
    batch = np.ascontiguousarray(table.matrix[: len(online)])
    apart = batch.view(np.uint64) ^ online.view(np.uint64)
    report = ParityReport(rows=len(online), features=online.shape[1], records=fed)
    report.differing_bits = int(np.bitwise_count(apart).sum())
    differs = apart != 0
    report.differing_values = int(differs.sum())
    if not report.differing_values:
        return report
    report.by_feature = {table.names[i]: int(n) for i, n in enumerate(differs.sum(axis=0).tolist()) if n}
    at, feature = (int(i[0]) for i in np.nonzero(differs))
    name = table.names[feature]
    report.first = FirstDifference(
        at, str(table.ids[at]), int(table.times[at]), name, float(batch[at, feature]), float(online[at, feature]),
        _cause(contract, records, name, at),
    )  # fmt: skip
    return report


def _cause(contract: Contract, records: Records, feature: str, row: int) -> str:
    """What is unusual about the records this feature reads, around this row: where a programmer should look first."""
    node = next(item.expr for item in contract.features if item.name == feature)
    reads = [contract.aggregates[part["index"]] for part in node.walk() if part.op == "aggregate"]
    if not reads:
        return "no window is read: the row expression differs between its scalar and its column form"
    t = int(records.events[contract.decide_on].times[row])
    found = []
    for source in sorted({item.source for item in reads}):
        events = records.events[source]
        if int((events.times == t).sum()) > (source == contract.decide_on):
            found.append(f"records of {source} at this very instant (a tie at the window's end)")
        if bool(((events.times < t) & (events.known >= t)).any()):
            found.append(f"records of {source} that arrived only after this decision (a cut-off of knowledge)")
    if any(item.label for item in reads):
        found.append("a label: its delay, its absence, or a correction")
    if any(item.including_current for item in reads):
        found.append("the decision's own event")
    windows = ", ".join(sorted({item.name for item in reads}))
    return "; ".join(found) if found else f"the window itself ({windows}): its bounds, filter or finishing"

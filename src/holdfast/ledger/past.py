"""Points of a new series that come from before it was registered: those of the ledger's records up to its S."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import islice

import numpy as np

from holdfast.contract.model import Cell
from holdfast.features.plan import Series
from holdfast.features.state import bulk
from holdfast.features.state.events import Version
from holdfast.features.state.keys import SERIES
from holdfast.features.state.points import Projector
from holdfast.features.state.snapshot import Snapshot
from holdfast.features.state.state import State
from holdfast.ledger.read import LedgerReader
from holdfast.ledger.records import Decision, Event, Outcome

HELD = 200_000
"""Points held before they are put into the file."""

SLICE = 2_000
"""Records read under one snapshot, so that no snapshot is kept long."""

Labels = Mapping[tuple[str, str], Mapping[str, tuple[int, int]]]
"""By (source, label): event id to (version, value)."""


class Collected:
    """Points waiting to be loaded, by series."""

    def __init__(self, state: State, series: Mapping[bytes, Series], progress: Callable[[int], None] | None) -> None:
        self._state = state
        self._series = series
        self._progress = progress
        self._held: dict[bytes, list[tuple[bytes, int, str, Cell, int]]] = defaultdict(list)
        self._count = 0

    def add(self, key: bytes, time: int, event_id: str, value: Cell, count: int = 1) -> None:
        """A point at series-and-entity `key`."""
        self._held[key[:SERIES]].append((key[SERIES:], time, event_id, value, count))
        self._count += 1
        if self._count >= HELD:
            self.flush()

    def flush(self) -> None:
        for name, held in self._held.items():
            entities, times, ids, values, counts = zip(*held, strict=True)
            hashes = list(dict.fromkeys(entities))
            number = {entity: i for i, entity in enumerate(hashes)}
            series = self._series[name]
            points = bulk.Points(
                series,
                hashes,
                np.array([number[item] for item in entities], dtype=np.int64),
                np.array(times, dtype=np.int64),
                values if series.value is not None else None,
                ids if series.structure == "ordered" else None,
                np.array(counts, dtype=np.int64) if series.structure == "labels" else None,
            )
            bulk.load(self._state, points, self._progress)
        self._held.clear()
        self._count = 0


def add_ledger(
    state: State,
    series: Mapping[bytes, Series],
    since: Mapping[bytes, int],
    reader: LedgerReader,
    imported: Labels,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Add what the ledger's records up to each series' `since` put into it; `imported` are the labels of history."""
    until = max(since.values(), default=0)
    if not until:
        return
    collected = Collected(state, series, progress)
    events, labels = _projectors(series)
    outcomes: dict[tuple[str, str], dict[str, list[Version]]] = defaultdict(lambda: defaultdict(list))
    records = reader.records(until=until)
    while batch := list(islice(records, SLICE)):
        with state.snapshot() as snapshot:
            for record in batch:
                if isinstance(record, Outcome):
                    if (record.source, record.label) in labels:
                        given = Version(record.version, record.value, record.seq)
                        outcomes[record.source, record.label][record.event_id].append(given)
                elif isinstance(record, Event | Decision) and record.source in events:
                    _add_event(snapshot, events[record.source], record, since, collected)
    for name, found in outcomes.items():
        _add_outcomes(state, name, labels[name], found, since, imported.get(name, {}), collected)
    collected.flush()


def _projectors(
    series: Mapping[bytes, Series],
) -> tuple[dict[str, Projector], dict[tuple[str, str], Projector]]:
    events: dict[str, list[Series]] = defaultdict(list)
    labels: dict[tuple[str, str], list[Series]] = defaultdict(list)
    for item in series.values():
        if item.structure == "labels":
            labels[item.source, str(item.value)].append(item)
        else:
            events[item.source].append(item)
    return (
        {source: Projector(source, items) for source, items in events.items()},
        {name: Projector(name[0], items) for name, items in labels.items()},
    )


def _add_event(
    snapshot: Snapshot, projector: Projector, record: Event | Decision, since: Mapping[bytes, int], into: Collected
) -> None:
    stored = snapshot.event(record.source, record.event_id)
    if stored is None or stored.seq != record.seq:
        return  # recorded before, in the ledger or in history
    for point in projector.points(record.body, record.event_id, record.time):
        if record.seq <= since[point.series.key]:
            into.add(point.key, record.time, record.event_id, point.value)


def _add_outcomes(
    state: State,
    name: tuple[str, str],
    projector: Projector,
    outcomes: Mapping[str, Sequence[Version]],
    since: Mapping[bytes, int],
    imported: Mapping[str, tuple[int, int]],
    into: Collected,
) -> None:
    ids = iter(outcomes)
    while batch := list(islice(ids, SLICE)):
        with state.snapshot() as snapshot:
            for event_id in batch:
                stored = snapshot.event(name[0], event_id)
                if stored is None:
                    continue  # still pending: it will be applied when its event comes
                for point in projector.points(stored.body, event_id, stored.time):
                    limit = since[point.series.key]
                    before = imported.get(event_id) if stored.seq == 0 else None
                    known = [item for item in outcomes[event_id] if item.seq <= limit]
                    best = max(known, key=lambda item: (item.version, -item.seq), default=None)
                    if stored.seq > limit or best is None or (before is not None and best.version <= before[0]):
                        continue
                    change = best.value - (0 if before is None else before[1])
                    into.add(point.key, stored.time, event_id, change, 1 if before is None else 0)

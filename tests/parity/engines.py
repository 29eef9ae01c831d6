"""The two engines under test, run over a world: one float list per decision, in the order of `world.decisions`."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from unittest.mock import patch

import numpy as np
from tests.parity.generate import World
from tests.parity.history_tables import tables
from tests.parity.oracle import Happening, Outcome

from holdfast.contract.model import Cell, Field, Source
from holdfast.features.batch import FeatureTable, build, build_from
from holdfast.features.columns import Column
from holdfast.features.history import Events, Records, received_outcomes
from holdfast.features.kernel.scalar import compile_row
from holdfast.features.plan import plan
from holdfast.features.state import nodes, ranges, reads, state

Rows = list[list[float]]


def online(world: World) -> Rows:
    """Records go into an empty state in the order they became known; each decision reads what was there at its cut."""
    contract = world.contract
    planned = plan(contract)
    arrivals: list[Happening | Outcome] = sorted([*world.happenings, *world.outcomes], key=lambda item: item.known)
    waiting = sorted(range(len(world.decisions)), key=lambda i: world.decisions[i].cut)
    answers: Rows = [[] for _ in waiting]
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder, small_nodes(world.seed % 2 == 0):
        kept = state.State.open(folder, map_bytes=1 << 24)
        kept.register(planned.series)
        read, row = reads.compile_reads(planned), compile_row(contract)
        with kept.begin_write() as writer:
            place = 0
            for i in waiting:
                decision = world.decisions[i]
                while place < len(arrivals) and arrivals[place].known < decision.cut:
                    item = arrivals[place]
                    place += 1
                    if isinstance(item, Happening):
                        body = world.body(item)
                        writer.apply_event(place, item.source, item.id, item.time, body, blake2b(body).digest())
                    else:
                        writer.apply_outcome(place, item.source, item.label, item.id, item.version, item.value)
                cells = [decision.own.cells[field.name] for field in contract.deciding.fields]
                answers[i] = row(cells, read(writer.snapshot(), cells, decision.own.time))
        kept.close()
    return answers


@contextmanager
def small_nodes(small: bool) -> Iterator[None]:
    """Trees of three points a leaf, so that a few dozen events make them split and grow."""
    if not small:
        yield
        return
    with (
        patch.object(nodes, "LEAF_POINTS", 3),
        patch.object(nodes, "FAN_OUT", 3),
        patch.object(ranges, "KEPT", 2),
    ):
        yield


def batch(world: World) -> Rows:
    """History from tables, each row at its own time; a replay from records in memory, each row at its own cut."""
    table = build(world.contract, tables(world)) if world.mode == "history" else _replayed(world)
    place = {name: i for i, name in enumerate(table.ids.tolist())}
    return [table.matrix[place[row.own.id]].tolist() for row in world.decisions]


def _replayed(world: World) -> FeatureTable:
    contract = world.contract
    label = contract.target
    events = {source.name: _events(source, world) for source in contract.sources}
    told = [item for item in world.outcomes if item.source == label.source]
    outcomes, _ = received_outcomes(
        events[label.source],
        label,
        [item.id for item in told],
        np.array([item.version for item in told], dtype=np.int64),
        np.array([item.value for item in told], dtype=np.int64),
        np.array([item.known for item in told], dtype=np.int64),
    )
    asked = events[contract.decide_on]
    cuts = {row.own.id: row.cut for row in world.decisions}
    rows = asked.take(np.array([name in cuts for name in asked.ids.tolist()], dtype=np.bool_))
    chosen = np.array([cuts[name] for name in rows.ids.tolist()], dtype=np.int64)
    return build_from(contract, Records(events, {(label.source, label.name): outcomes}), rows, chosen)


def _events(source: Source, world: World) -> Events:
    """Each id once, as it first came, in order of (time, id)."""
    first: dict[str, Happening] = {}
    for item in sorted(world.happenings, key=lambda item: item.known):
        if item.source == source.name:
            first.setdefault(item.id, item)
    items = sorted(first.values(), key=lambda item: (item.time, item.id.encode()))
    ids = np.empty(len(items), dtype=object)
    ids[:] = [item.id for item in items]
    times = np.array([item.time for item in items], dtype=np.int64)
    known = np.array([item.known for item in items], dtype=np.int64)
    cells = {field.name: _column(field, [item.cells[field.name] for item in items]) for field in source.fields}
    return Events(source, ids, times, known, cells, np.arange(len(items), dtype=np.int64))


def _column(field: Field, values: Sequence[Cell]) -> Column:
    if field.type == "real":
        return Column(np.array([float("nan") if item is None else item for item in values], dtype=np.float64))
    if field.type == "category":
        return Column(np.array(values, dtype=np.int32))
    if field.type == "text":
        texts = np.empty(len(values), dtype=object)
        texts[:] = values
        return Column(texts)
    valid = np.array([item is not None for item in values], dtype=np.bool_)
    whole = np.array([0 if item is None else item for item in values], dtype=np.int64)
    return Column(whole, None if valid.all() else valid)


ENGINES = {"online": online, "batch": batch}

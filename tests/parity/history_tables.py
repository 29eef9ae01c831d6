"""A world's history as Arrow tables, the way a warehouse would hold it: typed columns, shuffled rows, odd spellings."""

from __future__ import annotations

import json
from decimal import Decimal
from random import Random
from typing import Any

import pyarrow as pa
from tests.parity.generate import World
from tests.parity.oracle import Happening, Outcome

from holdfast.contract.model import Field, Source

INSTANT = pa.timestamp("us", tz="UTC")


def tables(world: World) -> dict[str, pa.Table]:
    """Inputs of `build`: one table a source, outcomes in columns beside the events or in a table of their own."""
    random = Random(world.seed)
    label = world.contract.target
    arrival = label.received_at or "received_at"
    answer: dict[str, pa.Table] = {}
    for source in world.contract.sources:
        items = [item for item in world.happenings if item.source == source.name]
        random.shuffle(items)
        columns = {field.name: _column(random, world, source, field, items) for field in source.fields}
        if source.known_at is not None:
            columns[source.known_at] = pa.array([item.known for item in items]).cast(INSTANT)
        if source.name == label.source and not world.apart:
            told = {item.id: item for item in world.outcomes}
            mine = [told.get(item.id) for item in items]
            columns[label.name] = pa.array([None if item is None else bool(item.value) for item in mine], pa.bool_())
            if label.received_at is not None:
                columns[arrival] = _arrivals(world, mine)
        answer[source.name] = pa.table(columns)
    if world.apart:
        outcomes = list(world.outcomes)
        random.shuffle(outcomes)
        answer[f"{label.source}.{label.name}"] = pa.table(
            {
                world.contract.source(label.source).id: pa.array([item.id for item in outcomes], pa.string()),
                label.name: pa.array([bool(item.value) for item in outcomes], pa.bool_()),
                "version": pa.array([item.version for item in outcomes], pa.int64()),
                arrival: _arrivals(world, outcomes),
            }
        )
    return answer


def _arrivals(world: World, outcomes: list[Outcome] | list[Outcome | None]) -> pa.Array:
    """When each came; null where that is when it is assumed to have come anyway."""
    after = world.contract.target.known_after
    times = {item.id: item.time for item in world.happenings if item.source == world.contract.decide_on}
    known = [None if item is None or item.known == times[item.id] + after else item.known for item in outcomes]
    return pa.array(known, pa.int64()).cast(INSTANT)


def _column(random: Random, world: World, source: Source, field: Field, items: list[Happening]) -> pa.Array:
    texts = [world.raw[f"{source.name}/{item.id}"].get(field.name) for item in items]
    values: list[Any] = [None if text is None else json.loads(text, parse_float=Decimal) for text in texts]
    if field.type == "decimal":
        return _decimals(random, field, values)
    if field.type == "integer":
        return pa.array(values, pa.int64())
    if field.type == "real":
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    if field.type == "boolean":
        return pa.array(values, pa.bool_())
    if field.type == "timestamp" and random.random() < 0.7:
        cells = [item.cells[field.name] for item in items]
        return pa.array([None if value is None else int(value) for value in cells], pa.int64()).cast(INSTANT)
    return pa.array(values, pa.string())


def _decimals(random: Random, field: Field, values: list[Any]) -> pa.Array:
    """Text, decimals, or (where a double holds them well enough) floats."""
    form = random.choice(("text", "decimal", "float"))
    if form == "text":
        return pa.array([None if value is None else str(value) for value in values], pa.string())
    plain = [None if value is None or isinstance(value, str) else Decimal(value) for value in values]
    if form == "float" and all(value is None or abs(value) < 2**30 for value in plain):
        return pa.array([None if value is None else float(value) for value in plain], pa.float64())
    return pa.array(plain, pa.decimal128(38, field.scale))

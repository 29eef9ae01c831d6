"""One record, several readings: state, a rebuild and replay agree on what each contract makes of it."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal as Exact
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from holdfast.contract import Contract, Events, category, days, decimal, integer, text, timestamp
from holdfast.contract.fields import FieldSpec
from holdfast.contract.model import DAY, SECOND, Cell
from holdfast.contract.model import Contract as Frozen
from holdfast.contract.values import compile_reader, read_strict, timestamp_text
from holdfast.features.history import Records, read_records
from holdfast.features.kernel.scalar import compile_row
from holdfast.features.plan import plan
from holdfast.features.state.points import under_todays_names
from holdfast.features.state.reads import compile_reads
from holdfast.features.state.rows import rows
from holdfast.features.state.state import State
from holdfast.ledger.ids import body_digest
from holdfast.ledger.log import Log
from holdfast.ledger.read import LedgerReader
from holdfast.ledger.rebuild import build_missing, rebuild
from holdfast.ledger.recompute import Recomputer
from holdfast.ledger.records import Decision, Event, Outcome
from holdfast.ledger.writer import LedgerWriter

START = 1_700_000_000 * SECOND
NOW = START + 9 * DAY


def contract(*keys: str, label: str = "fraud", **fields: FieldSpec) -> Frozen:
    """Counts, and sums of a label, by each of these keys; and a count whose filter reads the time."""
    stream = Events("p", id="id", time="at", fields={"id": text(), "at": timestamp(), "card": text(), **fields})
    labels = {"fraud": stream.label("fraud", known_after=days(1), absent=False, final_after=days(3))}
    labels["charge"] = stream.label("charge", known_after=days(1))
    features = {"at_hour": stream.per("card").count(over=days(30), where=stream["at"].hour() >= 0)}
    for key in keys:
        entity = stream.per(key)
        features[f"{key}_n"] = entity.count(over=days(30))
        features[f"{key}_sum"] = entity.sum(labels[label], over=days(30), ending=days(1))
    return Contract("c", decide_on=stream, label=labels["fraud"], features=features).freeze()


def history(**columns: Any) -> dict[str, pa.Table]:
    """Two events a second apart, without outcomes unless `columns` have some."""
    first = {"id": ["a", "b"], "at": [timestamp_text(START), timestamp_text(START + SECOND)], "card": ["x", "x"]}
    return {"p": pa.table({**first, "fraud": pa.array([None, None], pa.bool_()), **columns})}


class World:
    """State and ledger over a history, kept up record by record."""

    def __init__(self, place: Path, contracts: list[Frozen], inputs: dict[str, pa.Table]) -> None:
        self.place, self.inputs = place, inputs
        rebuild(place / "state", contracts, inputs, place / "ledger")
        self.state = State.open(place / "state")
        self.writer = LedgerWriter(Log(place / "ledger"), self.state)

    def event(self, name: str, **body: object) -> None:
        raw = json.dumps(body).encode()
        digest = body_digest(read_strict(raw))
        self.writer.commit([Event(source="p", event_id=name, time=START, body=raw, digest=digest)])

    def outcome(self, name: str, value: int, label: str = "fraud", version: int = 1) -> None:
        self.writer.commit([Outcome(source="p", label=label, event_id=name, version=version, value=value)])

    def both(self, contract: Frozen, **body: object) -> tuple[list[float], list[float]]:
        """Features of a request now, as state answers them and as replay computes them again."""
        raw: dict[str, object] = {"id": "now", "at": timestamp_text(NOW), "card": "x", **body}
        cells: list[Cell] = list(_reader(contract)(raw))
        with self.state.snapshot() as snapshot:
            row = compile_row(contract)(cells, compile_reads(plan(contract))(snapshot, cells, NOW))
            read_seq = snapshot.applied_seq
        text = json.dumps(raw).encode()
        asked = Decision(
            read_seq=read_seq, source="p", event_id="now", time=NOW, body=text, digest=body_digest(read_strict(text)),
            contract=contract.hash, model="c", version="1", variant="champion",
            features=struct.pack(f"<{len(row)}d", *row), score=0, probability=0, threshold=0, decision=False,
        )  # fmt: skip

        def past(contract: Frozen) -> Records:
            return read_records(contract, self.inputs, refuse="drop") if self.inputs else Records({}, {})

        recompute = Recomputer(past, lambda: LedgerReader(self.place / "ledger").records())
        return row, recompute(contract, [asked])[0]

    def rebuilt(self, *contracts: Frozen) -> bool:
        """Whether a rebuild makes the rows that are kept here."""
        rebuild(self.place / "again", contracts, self.inputs, self.place / "ledger")
        return list(rows(State.open(self.place / "again"))) == list(rows(self.state))


def _reader(contract: Frozen) -> Callable[[dict[str, object]], tuple[Cell, ...]]:
    source = contract.deciding
    names = [(item.name, item.former) for item in source.fields]
    read = compile_reader(source, source.fields)
    return lambda raw: read(under_todays_names(read_strict(json.dumps(raw).encode()), names)).cells


def test_history_without_a_single_point_of_a_series_is_loaded(tmp_path: Path) -> None:
    by_card = contract("card")
    online, replayed = World(tmp_path, [by_card], history()).both(by_card)
    assert online == replayed == [2.0, 2.0, 0.0]


def test_a_field_that_no_feature_reads_costs_no_event_of_history(tmp_path: Path) -> None:
    fields: dict[str, Any] = {"age": integer(at_most=10), "weight": decimal(scale=2), "kind": category("1")}
    by_card = contract("card", **fields)
    weights = pa.array([1.5, 2.5], pa.float32())  # too coarse for a decimal, as a whole column
    past = history(age=[99, 5], weight=weights, kind=["1", "unheard of"])
    world = World(tmp_path, [by_card], past)
    online, replayed = world.both(by_card, age=1, weight=1, kind="1")
    assert online == replayed == [2.0, 2.0, 0.0]
    with world.state.snapshot() as snapshot:
        bodies = [json.loads(found.body) for name in "ab" if (found := snapshot.event("p", name)) is not None]
    assert [(body["age"], body["weight"], body["kind"]) for body in bodies] == [(99, 1.5, "1"), (5, 2.5, "unheard of")]


@pytest.mark.parametrize(
    ("field", "stored", "sent"),
    [
        (category("1", "2", on_unknown="unknown"), [1, 2], "1"),
        (text(nullable=True, placeholders=("N/A",)), [7, 8], "7"),
        (integer(at_most=5, on_odd="keep"), [9.0, 2.0], 9),
        (integer(placeholders=(999,), nullable=True), [" 007", "8"], 7),
    ],
    ids=["category of whole numbers", "text of whole numbers", "integer of doubles", "integer of padded text"],
)
def test_an_outcome_finds_an_event_of_history_however_its_column_is_stored(
    field: FieldSpec, stored: list[object], sent: object, tmp_path: Path
) -> None:
    by_key = contract("key", key=field)
    world = World(tmp_path, [by_key], history(key=stored))
    world.outcome("a", 1)
    online, replayed = world.both(by_key, key=sent)
    assert online == replayed == [2.0, 1.0, 1.0]


def test_an_outcome_finds_an_event_whose_filter_reads_a_stored_decimal(tmp_path: Path) -> None:
    stream = Events(
        "p",
        id="id",
        time="at",
        fields={"id": text(), "at": timestamp(), "card": text(), "amount": decimal(scale=2, at_most=5, on_odd="keep")},
    )
    fraud = stream.label("fraud", known_after=days(1))
    large = stream.per("card").sum(fraud, over=days(30), ending=days(1), where=stream.amount > 6)
    filtered = Contract("c", decide_on=stream, label=fraud, features={"large": large}).freeze()
    world = World(tmp_path, [filtered], history(amount=pa.array([Exact("7.25"), Exact("1.00")])))
    world.outcome("a", 1)
    online, replayed = world.both(filtered, amount=1)
    assert online == replayed == [1.0]


def test_a_time_left_to_the_server_is_no_value_where_a_contract_wants_it_sent(tmp_path: Path) -> None:
    wanted, made_up = contract("card"), contract("card")
    (source,) = made_up.sources
    fields = tuple(replace(item, generated=item.name in ("id", "at")) for item in source.fields)
    made_up = replace(made_up, sources=(replace(source, fields=fields),))
    world = World(tmp_path, [wanted, made_up], {})
    world.event("made up", card="x")
    online, replayed = world.both(wanted)
    assert online == replayed == [0.0, 1.0, 0.0]
    online, replayed = world.both(made_up)
    assert online == replayed == [1.0, 1.0, 0.0]


def test_of_two_former_names_the_first_declared_is_read(tmp_path: Path) -> None:
    both_named = contract("card", a=text(), b=text())
    renamed = contract("key", key=text(former=("b", "a")))
    world = World(tmp_path, [both_named, renamed], {})
    world.event("e", id="e", at=timestamp_text(START), card="x", a="one", b="two")
    for key, count in (("one", 0.0), ("two", 1.0)):
        online, replayed = world.both(renamed, key=key)
        assert online == replayed == [1.0, count, 0.0]


def test_a_later_contract_reads_more_of_the_events_of_history(tmp_path: Path) -> None:
    first = contract("card")
    charged, by_kind = contract("card", label="charge"), contract("kind", kind=category("1", "2"))
    past = history(charge=[True, None], kind=["1", "2"])
    world = World(tmp_path, [first], past)
    world.event("e", id="e", at=timestamp_text(START), card="x", kind="1")
    world.outcome("b", 1)
    for later in (charged, by_kind):
        build_missing(world.state, [later, first], past, tmp_path / "ledger")
    assert build_missing(world.state, [by_kind, first], past, tmp_path / "ledger").series == 0
    world.outcome("a", 0, "charge", version=2)
    world.outcome("a", 1)
    online, replayed = world.both(charged)
    assert online == replayed == [3.0, 3.0, 0.0]
    online, replayed = world.both(by_kind, kind="1")
    assert online == replayed == [3.0, 2.0, 1.0]
    assert world.rebuilt(first, charged, by_kind)


def test_outcomes_of_history_that_come_apart_later_leave_the_other_series_ready(tmp_path: Path) -> None:
    first, charged = contract("card"), contract("card", label="charge")
    world = World(tmp_path, [first], history())
    world.inputs |= {"p.charge": pa.table({"id": ["a", "b"], "charge": [True, True]})}
    report = build_missing(world.state, [charged, first], world.inputs, tmp_path / "ledger")
    assert report.series == len({item.key for item in plan(charged).series} - {item.key for item in plan(first).series})
    world.outcome("a", 0, "charge", version=2)
    online, replayed = world.both(charged)
    assert online == replayed == [2.0, 2.0, 1.0]
    assert world.rebuilt(first, charged)

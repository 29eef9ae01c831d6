"""Decisions joined with what became of them: in event time, the highest version, nothing from after the look."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
from tests.monitoring.outcome_stage import BEGIN, DAY, contract

from holdfast.contract.values import to_json
from holdfast.ledger.records import Decision, Outcome, Record
from holdfast.project.judged import Judgements

HOUR = DAY // 24


class Held:
    """Records in memory, numbered as the ledger numbers them."""

    def __init__(self) -> None:
        self.all: list[Record] = []

    def records(self, since: int = 0) -> Iterator[Record]:
        yield from (item for item in self.all if item.seq > since)

    def add(self, record: Record, received: int) -> None:
        record.seq, record.received_at = len(self.all) + 1, received
        self.all.append(record)


def decision(name: str, time: int, *, probability: float = 0.7, version: str = "1", sex: str = "f") -> Decision:
    at = str(to_json(contract().deciding.field("at"), time))
    body = {"id": name, "at": at, "x": 0.5, "z": 0.1, "kind": "web", "sex": sex}
    return Decision(
        read_seq=0, source="cases", event_id=name, time=time, body=json.dumps(body).encode(), digest=b"",
        contract=contract().hash, model="m", version=version, variant="champion",
        features=np.array([0.5, 0.1, 3.0]).tobytes(), score=0.0, probability=probability, threshold=0.5,
        decision=probability >= 0.5,
    )  # fmt: skip


def outcome(name: str, value: int, version: int = 1) -> Outcome:
    return Outcome(source="cases", label="bad", event_id=name, version=version, value=value)


def judged(held: Held) -> Judgements:
    reader: Any = held
    made = Judgements(reader, contract(), "1")
    made.catch_up()
    return made


def test_an_outcome_counts_from_when_it_came_and_from_known_after_on() -> None:
    held = Held()
    held.add(decision("a", BEGIN), BEGIN)
    held.add(decision("b", BEGIN + HOUR, sex="m"), BEGIN + HOUR)
    held.add(outcome("a", 1), BEGIN + 2 * DAY)
    held.add(outcome("b", 0), BEGIN + 9 * DAY)
    found = judged(held)
    for now, truth in ((6, [-1, -1]), (8, [1, -1]), (10, [1, 0])):
        rows = found.outcomes(0, BEGIN + 30 * DAY, BEGIN + now * DAY)
        assert rows.truth.tolist() == truth, now
    rows = found.outcomes(0, BEGIN + 30 * DAY, BEGIN + 10 * DAY)
    assert rows.arrived.tolist() == [BEGIN + 2 * DAY, BEGIN + 9 * DAY]
    assert rows.X.tolist() == [[0.5, 0.1, 3.0]] * 2
    assert [rows.groups["sex"].words[code] for code in rows.groups["sex"].code] == ["f", "m"]
    assert [rows.segments["kind"].words[code] for code in rows.segments["kind"].code] == ["web", "web"]
    assert len(found.outcomes(BEGIN + 1, BEGIN + DAY, BEGIN + DAY)) == 1


def test_a_correction_wins_from_when_it_came_and_makes_nothing_late() -> None:
    held = Held()
    held.add(decision("a", BEGIN), BEGIN)
    held.add(outcome("a", 1, version=2), BEGIN + DAY)
    held.add(outcome("a", 0, version=3), BEGIN + 20 * DAY)
    held.add(outcome("a", 1, version=1), BEGIN + 21 * DAY)
    found = judged(held)
    assert found.outcomes(0, BEGIN + DAY, BEGIN + 10 * DAY).truth.tolist() == [1]
    late = found.outcomes(0, BEGIN + DAY, BEGIN + 30 * DAY)
    assert (late.truth.tolist(), late.arrived.tolist()) == ([0], [BEGIN + DAY])


def test_recorded_traffic_tells_arrivals_by_its_own_time() -> None:
    """A week runs through a server within a minute, long after it happened."""
    held, wall = Held(), BEGIN + 400 * DAY
    for day in range(10):
        held.add(decision(f"d{day}", BEGIN + day * DAY), wall + day)
        if day >= 8:
            held.add(outcome(f"d{day - 8}", 1), wall + day)
    rows = judged(held).outcomes(0, BEGIN + 30 * DAY, BEGIN + 9 * DAY)
    assert rows.arrived.tolist()[:2] == [BEGIN + 8 * DAY, BEGIN + 9 * DAY]
    assert rows.truth.tolist() == [1, 1] + [-1] * 8


def test_other_versions_repeats_and_strange_outcomes_are_passed_over_and_reading_goes_on() -> None:
    held = Held()
    held.add(outcome("later", 1), BEGIN)
    held.add(decision("a", BEGIN + 2), BEGIN)
    held.add(decision("other", BEGIN + 1, version="2"), BEGIN + 1)
    held.add(outcome("nobody", 1), BEGIN + 2)
    found = judged(held)
    assert len(found.outcomes(0, BEGIN + DAY, BEGIN + 9 * DAY)) == 1
    held.add(decision("a", BEGIN + 2), BEGIN + 3)
    held.add(decision("later", BEGIN), BEGIN + 4)
    found.catch_up()
    rows = found.outcomes(0, BEGIN + DAY, BEGIN + 9 * DAY)
    assert rows.times.tolist() == [BEGIN, BEGIN + 2]
    assert rows.truth.tolist() == [1, -1]

"""Decisions joined with what became of them: in event time, the highest version, nothing from after the look."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest
from msgspec import structs
from tests.monitoring.outcome_stage import BEGIN, DAY, contract

from holdfast.contract import Contract, Events, boolean, category, days, integer, model, real, text, timestamp
from holdfast.contract.values import to_json
from holdfast.ledger.records import Decision, Outcome, Record
from holdfast.monitoring.judged import Judged
from holdfast.project.judged import Judgements

HOUR = DAY // 24


class Held:
    """Records in memory, numbered as the ledger numbers them."""

    def __init__(self) -> None:
        self.all: list[Record] = []
        self.given = 0
        """Records that somebody read."""

    def records(self, since: int = 0) -> Iterator[Record]:
        for item in self.all[since:]:
            self.given += 1
            yield item

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


@cache
def aged() -> model.Contract:
    """With groups of each kind; what did not come within nine days is no."""
    cases = Events(
        "cases", id="id", time="at",
        fields={
            "id": text(), "at": timestamp(), "x": real(), "sex": category("f", "m", protected=True),
            "age": integer(at_least=18, at_most=99, protected=True, nullable=True), "new": boolean(protected=True),
        },
    )  # fmt: skip
    label = cases.label("bad", known_after=days(2), absent=False, final_after=days(9))
    return Contract("aged", decide_on=cases, label=label, features={"x": cases.x, "new": cases.new}).freeze()


BACK = 30 * DAY


def stream(number: int, seed: int) -> Held:
    """So many days: late decisions and outcomes, repeats, corrections up and down, outcomes before their decisions."""
    held, generator = Held(), np.random.default_rng(seed)
    told: list[tuple[int, Record]] = []
    for at in range(number * 20):
        time = BEGIN + int(generator.integers(0, number * DAY))
        came = time + int(generator.integers(0, HOUR // 2))
        if generator.random() < 0.03 and number_of(time) > 2:
            came += int(generator.integers(0, 40 * DAY))  # sent long after it happened
        age = None if generator.random() < 0.1 else int(generator.integers(18, 90)) + number_of(came) // 5
        body = {
            "id": f"e{at}", "at": str(to_json(aged().deciding.field("at"), time)), "x": 0.5,
            "sex": str(generator.choice(["f", "m"])), "age": age and min(age, 99),
            "new": bool(generator.random() < 0.5),
        }  # fmt: skip
        probability = float(generator.random())
        made = Decision(
            read_seq=0, source="cases", event_id=f"e{at}", time=time, body=json.dumps(body).encode(), digest=b"",
            contract=aged().hash, model="m", version=str(generator.choice(["1", "1", "2"])), variant="champion",
            features=np.array([generator.normal(), float(body["new"] is True)]).tobytes(), score=0.0,
            probability=probability, threshold=0.5, decision=probability >= 0.5,
        )  # fmt: skip
        told.append((came, made))
        if generator.random() < 0.05:
            told.append((came + HOUR // 4, structs.replace(made)))
        for version in range(1, 1 + int(generator.choice([0, 1, 1, 2, 3]))):
            wait = int(generator.choice([0, 1, 5, 20, 60])) * DAY
            said = int(generator.integers(0, 2))
            told.append((time + wait, outcome(f"e{at}", said, int(generator.integers(1, 4)) if version > 1 else 1)))
    for came, record in sorted(told, key=lambda pair: pair[0]):
        held.add(record, came)
    return held


def number_of(instant: int) -> int:
    return (instant - BEGIN) // DAY


def slowly(held: Held, start: int, now: int) -> dict[int, tuple[Any, ...]]:
    """Truth and arrival of each decision of version 1 by time: read record by record, as one would say it."""
    found: dict[str, Decision] = {}
    said: dict[str, list[tuple[int, int, int]]] = {}
    for record in held.all:
        if isinstance(record, Decision) and record.version == "1":
            found.setdefault(record.event_id, record)
        elif isinstance(record, Outcome) and record.received_at <= now:
            said.setdefault(record.event_id, []).append((record.version, record.value, record.received_at))
    rows = {}
    for name, item in found.items():
        if item.time < start:
            continue
        told = said.get(name, [])
        arrived = told[0][2] if told else 0
        truth = -1
        if told and max(arrived, item.time + 2 * DAY) <= now:
            truth = max(told, key=lambda one: one[0])[1]
        elif item.time + 9 * DAY <= now:
            truth = 0
        rows[item.time] = (truth, arrived, item.probability, item.decision, *np.frombuffer(item.features))
    return rows


def same(one: Judged, other: Judged) -> None:
    for name in ("times", "probability", "decided", "truth", "arrived", "X"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
    for mine, theirs in ((one.groups, other.groups), (one.segments, other.segments)):
        assert mine.keys() == theirs.keys()
        for name, item in mine.items():
            assert (item.words, item.code.tolist()) == (theirs[name].words, theirs[name].code.tolist()), name


@pytest.mark.parametrize("seed", range(4))
def test_what_is_followed_is_what_is_read_anew_and_what_one_would_say(seed: int) -> None:
    """After late decisions, late outcomes and corrections; read on at any moment, and most of it dropped since."""
    whole = stream(150, seed)
    growing, generator = Held(), np.random.default_rng(seed)
    reader: Any = growing
    followed = Judgements(reader, aged(), "1", back=BACK)
    while len(growing.all) < len(whole.all):
        growing.all = whole.all[: len(growing.all) + int(generator.integers(1, 400))]
        followed.catch_up()
        if generator.random() < 0.3:
            anew = Judgements(reader, aged(), "1", back=BACK)
            anew.catch_up()
            front = max(item.time for item in growing.all if isinstance(item, Decision))
            now = max(item.received_at for item in growing.all)
            for end, at in ((front + 1, now), (front - 3 * DAY, now - 4 * DAY)):
                found = followed.outcomes(front - BACK, end, at)
                same(found, anew.outcomes(front - BACK, end, at))
                expected = {time: row for time, row in slowly(growing, front - BACK, at).items() if time < end}
                assert found.times.tolist() == sorted(expected)
                rows = zip(found.truth, found.arrived, found.probability, found.decided, *found.X.T, strict=True)
                assert [tuple(row) for row in rows] == [expected[time] for time in sorted(expected)]
            assert followed.held == anew.held


def test_each_record_is_read_once_and_what_nobody_looks_back_on_is_dropped() -> None:
    whole = stream(400, 9)
    growing = Held()
    reader: Any = growing
    followed = Judgements(reader, aged(), "1", back=BACK)
    most = [0, 0]
    for at in range(0, len(whole.all) + 500, 500):
        growing.all = whole.all[:at]
        followed.catch_up()
        most = [max(pair) for pair in zip(most, followed.held, strict=True)]
    assert growing.given == len(whole.all)
    # Twenty decisions a day, two thirds of them this version's; nothing is dropped before an eighth of it is too old.
    assert most[0] < 20 * 0.75 * 30 * 9 / 8
    assert most[1] < 20 * 2 * 30 * 9 / 8
    unbounded = judged_by(whole)
    assert unbounded.held[0] > 4_000


def judged_by(held: Held) -> Judgements:
    reader: Any = held
    made = Judgements(reader, aged(), "1")
    made.catch_up()
    return made


def test_groups_of_a_number_stay_what_they_are() -> None:
    """Thirds of the first thousand, though people get older and the first ones are long forgotten."""
    whole, growing = stream(300, 3), Held()
    reader: Any = growing
    followed = Judgements(reader, aged(), "1", back=BACK)
    words = []
    for part in (0.5, 0.75, 1.0):
        growing.all = whole.all[: int(len(whole.all) * part)]
        followed.catch_up()
        front = max(item.time for item in growing.all if isinstance(item, Decision))
        rows = followed.outcomes(0, front, front)
        assert rows.times[0] >= front - BACK
        words.append(rows.groups["age"].words)
    assert words[0] == words[1] == words[2]
    assert len(words[0]) == 3

"""A contract's aggregates from state against sums over a plain list; the random contracts are in tests/parity."""

from __future__ import annotations

import math
import random
from fractions import Fraction
from pathlib import Path

import pytest
from tests.ledger.payments import START

from holdfast.contract import Contract, Events, days, decimal, hours, text, timestamp
from holdfast.contract.model import DAY, SECOND, Aggregate, Cell
from holdfast.features.plan import plan
from holdfast.features.state import nodes
from holdfast.features.state.reads import compile_reads
from holdfast.features.state.state import State

visits = Events(
    "visits",
    id="id",
    time="at",
    fields={"id": text(), "at": timestamp(), "who": text(), "spent": decimal(scale=2)},
)
bad = visits.label("bad", known_after=days(1), absent=False, final_after=days(2))
who = visits.per("who")
HOUR = 3_600 * SECOND

contract = Contract(
    "visits",
    decide_on=visits,
    label=bad,
    features={
        "n": who.count(over=days(3)),
        "n_late": who.count(over=days(3), ending=hours(5)),
        "sum": who.sum(visits.spent, over=days(2)),
        "mean": who.mean(visits.spent, over=days(2), at_least=3, otherwise=-1.0),
        "mean_with": who.mean(visits.spent, over=days(1), including_current=True),
        "std": who.std(visits.spent, over=days(4)),
        "max": who.max(visits.spent, over=days(1)),
        "first": who.first(visits.spent, over=days(2)),
        "last": who.last(visits.spent, over=days(2)),
        "since": who.seconds_since_last(over=days(4)),
        "rate": who.mean(bad, over=days(6), ending=days(0)),
    },
).freeze()


@pytest.mark.parametrize("leaf", [3, 128])
def test_every_window_is_the_plain_sum(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, leaf: int) -> None:
    monkeypatch.setattr(nodes, "LEAF_POINTS", leaf)
    monkeypatch.setattr(nodes, "FAN_OUT", leaf)
    dice = random.Random(3)
    state = State.open(tmp_path)
    state.register(plan(contract).series)
    read = compile_reads(plan(contract))
    happened: list[tuple[int, str, str, int]] = []
    labels: dict[str, int] = {}
    seq = 0
    for number in range(240):
        # Late, tied and regular times.
        t = START + dice.randrange(240) * HOUR if number % 5 == 0 else START + number * HOUR
        person, spent = dice.choice("ab"), dice.randrange(1, 10**9)
        body = f'{{"id":"v{number}","who":"{person}","spent":{spent // 100}.{spent % 100:02}}}'.encode()
        with state.begin_write() as writer:
            seq += 1
            writer.apply_event(seq, "visits", f"v{number}", t, body, b"")
            if number % 3 == 0:
                value = dice.randrange(2)
                labels[f"v{number}"] = value
                writer.apply_outcome(seq, "visits", "bad", f"v{number}", 1, value)
        happened.append((t, f"v{number}", person, spent))
        if number % 7 == 0:
            now, asked = START + dice.randrange(260) * HOUR, dice.choice("abc")
            with state.snapshot() as snapshot:
                answers = read(snapshot, ["x", now, asked, 77], now)
            for aggregate, answer in zip(contract.aggregates, answers, strict=True):
                wanted = plainly(aggregate, [item for item in happened if item[2] == asked], labels, now)
                assert math.isclose(answer, wanted, rel_tol=1e-15) or (math.isnan(answer) and math.isnan(wanted)), (
                    aggregate.name
                )


Visit = tuple[int, str, str, int]
"""Time, id, who, cents."""


def plainly(aggregate: Aggregate, events: list[Visit], labels: dict[str, int], t: int) -> float:
    """The obvious way."""
    end = t - aggregate.ending
    window = sorted(item for item in events if end - aggregate.over <= item[0] < end)
    if aggregate.label:
        known = [labels[i] for time, i, _, _ in window if i in labels and time < t - DAY]
        absent = [0 for time, i, _, _ in window if i not in labels and time < t - 2 * DAY]
        votes = known + absent
        return float(Fraction(sum(votes), len(votes))) if votes else math.nan
    values = [spent for _, _, _, spent in window] + ([77] if aggregate.including_current else [])
    n = len(values)
    if aggregate.name == "count":
        return float(n)
    if aggregate.name == "sum":
        return float(Fraction(sum(values), 100))
    if n < max(aggregate.at_least, 2 if aggregate.name == "std" else 1):
        return math.nan if aggregate.otherwise is None else aggregate.otherwise
    if aggregate.name == "mean":
        return float(Fraction(sum(values), 100 * n))
    if aggregate.name == "std":
        spread = n * sum(k * k for k in values) - sum(values) ** 2
        return math.sqrt(Fraction(spread, n * (n - 1) * 100**2))
    if aggregate.name == "max":
        return max(values) / 100
    if aggregate.name in ("first", "last"):
        return by_id(window, 0 if aggregate.name == "first" else -1)
    return (t - window[-1][0]) / SECOND


def by_id(window: list[Visit], at: int) -> float:
    return sorted(window, key=lambda item: (item[0], item[1].encode()))[at][3] / 100


def test_a_snapshot_answers_as_of_its_own_moment(tmp_path: Path) -> None:
    state = State.open(tmp_path)
    state.register(plan(contract).series)
    read = compile_reads(plan(contract))
    body = b'{"id":"v","who":"a","spent":1.00}'
    with state.snapshot() as before:
        with state.begin_write() as writer:
            writer.apply_event(1, "visits", "v", START, body, b"")
        cells: list[Cell] = ["x", START + HOUR, "a", 77]
        assert read(before, cells, START + HOUR)[0] == 0.0
        with state.snapshot() as after:
            assert read(after, cells, START + HOUR)[0] == 1.0

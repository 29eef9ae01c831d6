"""Counting from ledger records: entities once, outcomes when they are final, corrections, and failures."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from tests.serving.shop import first

from holdfast.contract.model import DAY
from holdfast.ledger.records import Arm, Decision, Experiment, Outcome, Tally
from holdfast.traffic.assign import deal
from holdfast.traffic.count import Counts
from holdfast.traffic.course import Experiments
from holdfast.traffic.verdict import compare

NOW = 1_800_000_000_000_000


def started(action: str = "start", **more: Any) -> Experiment:
    arms = [Arm(name=name, version=name, bundle=name, contract="", weight=5_000) for name in ("champion", "challenger")]
    given: dict[str, Any] = {"name": "t", "kind": "ab", "entity": ["card_id"], "seq": 1, "action": action, **more}
    return Experiment(arms=arms, slots=deal([5_000, 5_000]), salt=b"s", who="", why="", **given)


def decided(seq: int, card: str, *, variant: str = "challenger", yes: bool = True, **more: Any) -> Decision:
    body = json.dumps({"payment_id": f"p{seq}", "card_id": card, "amount": 1}).encode()
    given: dict[str, Any] = {"assigned": "ab:t:hash", "experiment": 1, "time": NOW, **more}
    return Decision(
        seq=seq, read_seq=0, source="payments", event_id=f"p{seq}", body=body, digest=b"", contract="", model="",
        version="", variant=variant, features=b"", score=0.0, probability=0.0, threshold=0.0, decision=yes, **given,
    )  # fmt: skip


def outcome(seq: int, event: int, value: int, version: int = 1) -> Outcome:
    return Outcome(
        seq=seq,
        received_at=NOW,
        source="payments",
        label="is_fraud",
        event_id=f"p{event}",
        version=version,
        value=value,
    )


def counted(*records: Any) -> Counts:
    start = started()
    counts = Counts(start, first())
    counts.step(start)
    for record in records:
        counts.take(record)
    return counts


def test_an_entity_counts_once_however_often_it_comes() -> None:
    counts = counted(*(decided(seq, f"card-{seq % 3}") for seq in range(2, 14)))
    found = counts.of(1)
    assert (found.answered, found.units) == (12, 3)


def test_outcomes_count_when_they_are_final_and_not_when_they_come() -> None:
    counts = counted(decided(2, "a"), decided(3, "b"), decided(4, "c", yes=False), outcome(5, 2, 1))
    counts.mature(NOW + 14 * DAY - 1)
    assert counts.of(1).matured == 0
    counts.mature(NOW + 14 * DAY)
    # Right about a; wrong about b, which got no outcome and so was none; right about c.
    assert dict(counts.of(1).losses) == {0.0: 2, 1.0: 1}
    counts.take(outcome(6, 3, 1, version=2))
    assert +counts.of(1).losses == {0.0: 3}
    counts.take(outcome(7, 3, 0, version=1))  # an older version changes nothing
    assert +counts.of(1).losses == {0.0: 3}


def test_who_takes_no_part_is_not_counted_and_a_failure_stays_with_its_variant() -> None:
    counts = counted(
        decided(2, "a", variant="champion", assigned="ab:t:outside"),
        decided(3, "b", variant="champion", assigned="fallback:t:challenger"),
        decided(4, "c", experiment=9),
        Tally(seq=5, process="x", experiment=1, counts=[("challenger", 7, 2, 1, 4)]),
    )
    assert counts.of(0).units == 0
    challenger = counts.of(1)
    assert (challenger.units, challenger.failed, challenger.refused, challenger.slow, challenger.tried) == (
        1,
        2,
        1,
        4,
        10,
    )


def test_a_record_that_lost_a_race_is_passed_over_by_everyone() -> None:
    start = started()
    step = started(action="step", seq=2, started=1, after=1)
    late = started(action="halt", seq=3, started=1, after=1)
    second = started(seq=4, name="other")
    course = Experiments([start, step, late, second])
    assert [item.seq for item in course.running()] == [2]
    assert sorted(course.records) == [1, 2]
    shadow = started(seq=5, name="beside", kind="shadow")
    assert course.take(shadow)
    assert [item.seq for item in course.running()] == [2, 5]


def test_the_interval_holds_the_effect_and_narrows() -> None:
    draw = np.random.default_rng(7)
    counts = counted()
    (at,) = counts.spans.values()
    widths = []
    for n in (1_000, 4_000, 16_000):
        for place, rate in ((0, 0.08), (1, 0.05)):
            lost = int(draw.binomial(n, rate))
            at.arms[place].losses = type(at.arms[place].losses)({1.0: lost, 0.0: n - lost})
        found = compare([at], 1, counts.plan)
        assert found.interval is not None
        low, high = found.interval
        assert low < -0.03 < high
        widths.append(high - low)
    assert widths[0] > 1.5 * widths[1] > 2 * widths[2]
    assert found.verdict == "challenger wins"
    assert found.e_better > 40

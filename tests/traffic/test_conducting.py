"""What follows from counts, without a server: winners, losers, harm, and the bandit's next period."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from tests.serving.shop import first
from tests.traffic.test_count import NOW, started

from holdfast.ledger.records import Experiment
from holdfast.traffic.assign import SLOTS, owners_of
from holdfast.traffic.conduct import NOTHING, conduct
from holdfast.traffic.count import Counts
from holdfast.traffic.plan import Plan

HOUR = 3_600_000_000


def begun(kind: str, plan: Plan, **more: Any) -> tuple[Experiment, Counts]:
    start = started(kind=kind, plan=plan.as_dict(), received_at=NOW, **more)
    counts = Counts(start, first())
    counts.step(start)
    return start, counts


def matured(counts: Counts, place: int, lost: int, of: int) -> None:
    (at,) = counts.spans.values()
    at.arms[place].losses = Counter({1.0: lost, 0.0: of - lost})


def test_a_winner_is_promoted_only_when_that_was_asked_for() -> None:
    for auto in (False, True):
        start, counts = begun("ab", Plan(auto=auto))
        matured(counts, 0, 400, 5_000)
        matured(counts, 1, 200, 5_000)
        found = conduct(start, counts, "champion", NOW)
        assert found.promote == ("challenger" if auto else "")
        assert ("matured outcomes" in found.why) is auto


def test_a_champion_that_wins_ends_the_experiment() -> None:
    start, counts = begun("ab", Plan(auto=True))
    matured(counts, 0, 200, 5_000)
    matured(counts, 1, 400, 5_000)
    found = conduct(start, counts, "champion", NOW).record
    assert found is not None
    assert (found.action, found.after, found.started) == ("stop", 1, 1)
    assert found.evidence["challenger"]["matured"] == 5_000


def test_what_is_undecided_goes_on() -> None:
    start, counts = begun("ab", Plan(auto=True))
    matured(counts, 0, 300, 5_000)
    matured(counts, 1, 290, 5_000)
    assert conduct(start, counts, "champion", NOW) == NOTHING


def test_a_challenger_that_fails_ends_any_experiment() -> None:
    for kind in ("ab", "bandit"):
        start, counts = begun(kind, Plan())
        (at,) = counts.spans.values()
        at.arms[1].tried, at.arms[1].failed = 100, 30
        found = conduct(start, counts, "champion", NOW).record
        assert found is not None
        assert found.action == "halt"
        assert "failed or refused 30 of 100" in found.why


def test_the_bandit_weighs_anew_when_a_period_has_ended_and_writes_the_weights_down() -> None:
    start, counts = begun("bandit", Plan(period=3_600.0, floor=500))
    matured(counts, 0, 100, 1_000)
    matured(counts, 1, 50, 1_000)
    assert conduct(start, counts, "champion", NOW + HOUR - 1) == NOTHING
    found = conduct(start, counts, "champion", NOW + HOUR).record
    assert found is not None
    assert (found.action, found.step, sum(arm.weight for arm in found.arms)) == ("weights", 1, SLOTS)
    assert found.arms[1].weight > 9_000
    assert found.arms[0].weight >= 500
    owners = owners_of(found.slots)
    assert [owners.count(place) for place in (0, 1)] == [arm.weight for arm in found.arms]
    # The challenger keeps every slot it had.
    assert all(after == 1 for before, after in zip(owners_of(start.slots), owners, strict=True) if before == 1)
    # The same counts give the same weights, wherever they are computed.
    assert conduct(start, counts, "champion", NOW + HOUR).record == found


def test_decisions_that_have_not_matured_move_no_weight() -> None:
    start, counts = begun("bandit", Plan(period=3_600.0))
    (at,) = counts.spans.values()
    at.arms[0].units, at.arms[1].units = 1_000, 1_000
    found = conduct(start, counts, "champion", NOW + HOUR).record
    assert found is not None
    assert abs(found.arms[0].weight - found.arms[1].weight) < 300


def test_another_champion_ends_it() -> None:
    start, counts = begun("ab", Plan())
    found = conduct(start, counts, "another bundle", NOW).record
    assert found is not None
    assert found.action == "stop"


def test_a_canary_steps_up_when_every_guard_holds_and_waits_where_one_is_open() -> None:
    plan = Plan(dwell=60.0, at_least=100, rate=0.05)
    start, counts = begun("canary", plan)
    (at,) = counts.spans.values()
    at.weights = (9_900, 100)
    champion, challenger = at.arms
    champion.units, champion.unit_yes, champion.tried = 99_000, 4_950, 99_000
    challenger.units, challenger.unit_yes, challenger.tried = 1_000, 50, 1_000
    assert conduct(start, counts, "champion", NOW + 59_000_000) == NOTHING
    found = conduct(start, counts, "champion", NOW + 60_000_000).record
    assert found is not None
    assert (found.action, found.step, [arm.weight for arm in found.arms]) == ("step", 1, [9_000, 1_000])
    challenger.tried, challenger.failed = 1_000, 100
    halted = conduct(start, counts, "champion", NOW + 60_000_000).record
    assert halted is not None
    assert halted.action == "halt"
    challenger.failed = 0
    counts.plan = replace(plan, margin=0.05)
    assert conduct(start, counts, "champion", NOW + 60_000_000) == NOTHING
    champion.losses, challenger.losses = Counter({1.0: 4_000, 0.0: 95_000}), Counter({1.0: 40, 0.0: 960})
    stepped = conduct(start, counts, "champion", NOW + 60_000_000).record
    assert stepped is not None
    assert stepped.action == "step"
    challenger.losses = Counter({1.0: 300, 0.0: 700})
    dear = conduct(start, counts, "champion", NOW + 60_000_000).record
    assert dear is not None
    assert "cost more" in dear.why


def test_every_part_of_a_plan_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "experiments.md").read_text(encoding="utf-8")
    assert [item.name for item in fields(Plan) if f"`{item.name}`" not in page] == []

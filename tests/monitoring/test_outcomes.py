"""Watches of outcomes: quiet on clean weeks, and each names what was broken."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from tests.monitoring.outcome_stage import BEGIN, DAY, Change, Seen, alerts, cases, judged, told, traffic

from holdfast.monitoring import (
    outcomes_calibration,
    outcomes_decisions,
    outcomes_delay,
    outcomes_estimated,
    outcomes_fairness,
    outcomes_importance,
    outcomes_prior,
    outcomes_ranking,
    outcomes_reconciled,
    outcomes_segments,
)
from holdfast.monitoring.judged import Judged
from holdfast.monitoring.matured import Matured, clustering

WATCHES = (
    outcomes_ranking.WATCH, outcomes_decisions.WATCH, outcomes_segments.WATCH, outcomes_calibration.WATCH,
    outcomes_prior.WATCH, outcomes_fairness.WATCH, outcomes_importance.WATCH, outcomes_delay.WATCH,
    outcomes_estimated.WATCH, outcomes_reconciled.WATCH,
)  # fmt: skip
LAST = 98
BROKEN = 70


@cache
def clean() -> Judged:
    return traffic(LAST + 1)


def from_day(day: int, rows: Judged, **changes: object) -> Judged:
    return replace(rows, **changes) if day >= BROKEN else rows  # type: ignore[arg-type]  # names are checked by running


def test_clean_weeks_raise_nothing_and_something_is_judged() -> None:
    rows, statuses = clean(), set[tuple[str, str]]()
    for day in range(1, LAST, 4):
        for watch in WATCHES:
            for item in told(watch, rows, day):
                assert item.status != "alert", (day, item)
                statuses.add((item.code, item.status))
    assert {code for code, status in statuses if status == "ok"} == {watch.code for watch in WATCHES}


def test_what_has_not_matured_is_too_few_and_never_ok() -> None:
    for watch in WATCHES:
        if watch is not outcomes_fairness.WATCH and watch is not outcomes_estimated.WATCH:
            assert {item.status for item in told(watch, clean(), 3)} == {"too_few"}, watch.code


def truth_by_another_law(day: int, rows: Judged) -> Judged:
    """Equal inputs mean something else: what ranks now is `z`."""
    times, X, truth = cases(day, 1, len(rows), 2, beta=(0.1, 2.0, 0.0))
    return judged(times, X, truth, 2 + day) if day >= BROKEN else rows


def test_concept_drift_is_seen_by_ranking_by_importance_and_by_estimates_that_did_not_turn_out() -> None:
    rows = traffic(LAST + 1, broken=truth_by_another_law)
    assert alerts(outcomes_ranking.WATCH, rows, BROKEN + 6) == []  # its labels are not in
    assert alerts(outcomes_ranking.WATCH, rows, BROKEN + 20)[0] in ("ranking_lost", "below_floor")
    assert "importance" in alerts(outcomes_importance.WATCH, rows, LAST - 1)
    assert alerts(outcomes_reconciled.WATCH, rows, LAST - 1) == ["concept_drift"]
    estimate = told(outcomes_estimated.WATCH, rows, LAST - 1)[0]
    assert estimate.status == "not_applicable"
    assert "cannot be trusted" in estimate.why


def test_what_one_week_has_too_few_positives_to_show_four_weeks_show(monkeypatch: pytest.MonkeyPatch) -> None:
    def guessed(day: int, rows: Judged) -> Judged:
        generator = np.random.default_rng(day)
        mixed = np.where(generator.random(len(rows)) < 0.5, generator.permutation(rows.truth), rows.truth)
        return from_day(day, rows, truth=mixed)

    rows, later = traffic(LAST + 1, a_day=40, broken=guessed), BROKEN + 28
    assert alerts(outcomes_ranking.WATCH, rows, later) == ["ranking_lost"]
    monkeypatch.setattr(Matured, "stretches", property(lambda view: (view.recent,)))
    assert alerts(outcomes_ranking.WATCH, rows, later) == []


def test_a_spike_of_false_positives_is_named() -> None:
    def spike(day: int, rows: Judged) -> Judged:
        more = np.random.default_rng(day).random(len(rows)) < 0.25
        return from_day(day, rows, decided=rows.decided | (more & (rows.truth == 0)))

    assert alerts(outcomes_decisions.WATCH, traffic(LAST + 1, broken=spike), BROKEN + 14) == ["false_positives"]


def test_recall_that_falls_two_percent_a_week_is_seen() -> None:
    def slowly(day: int, rows: Judged) -> Judged:
        missed = np.random.default_rng(day).random(len(rows)) < 0.02 * max(0, day - 28) / 7
        return replace(rows, decided=rows.decided & ~(missed & (rows.truth == 1)))

    rows = traffic(LAST + 1, a_day=1_000, broken=slowly)
    found = [day for day in range(30, LAST, 4) if "missed_positives" in alerts(outcomes_decisions.WATCH, rows, day)]
    assert found
    assert found[0] <= 28 + 9 * 7, "within nine weeks, two of them for the labels"


def test_positives_that_come_together_are_fewer_than_they_look_and_a_slow_fall_is_not_taken_for_it() -> None:
    def wider(kind: str) -> float:
        generator, rows = np.random.default_rng(3), traffic(84, a_day=60)
        positive = rows.truth == 1
        day = (rows.times - rows.times[0]) // DAY
        hit = {
            "alone": generator.random(len(rows)) < 0.5,
            "by day": (generator.random(int(day.max()) + 1) < 0.5)[day],
            "falling": generator.random(len(rows)) < 0.9 - 0.8 * day / day.max(),
        }[kind]
        return clustering(replace(rows, decided=hit & positive), positive)

    assert wider("alone") < 1.15
    assert wider("falling") < 1.2
    assert wider("by day") > 2.5
    few = traffic(2, a_day=60)
    assert 1.3 < clustering(replace(few, decided=few.truth == 1), few.truth == 1) < 1.8, "supposed, until days tell"


def test_precision_that_falls_for_want_of_hits_is_named_by_what_is_away() -> None:
    def away(day: int, rows: Judged) -> Judged:
        missed = (np.random.default_rng(day).random(len(rows)) < 0.8) & (rows.truth == 1)
        return from_day(day, rows, decided=rows.decided & ~missed)

    found = told(outcomes_decisions.WATCH, traffic(LAST + 1, broken=away), BROKEN + 14)
    assert [(item.feature, item.cause) for item in found if item.status == "alert"] == [
        ("precision", "missed_positives"), ("recall", "missed_positives"),
    ]  # fmt: skip


def test_precision_is_asked_to_be_no_better_than_the_share_of_positives_lets_it_be() -> None:
    def fewer(day: int, rows: Judged) -> Judged:
        away = (np.random.default_rng(day).random(len(rows)) < 0.8) & (rows.truth == 1)
        return rows.take(~away) if day >= BROKEN else rows

    def also_worse(day: int, rows: Judged) -> Judged:
        left = fewer(day, rows)
        missed = (np.random.default_rng(1_000 + day).random(len(left)) < 0.9) & (left.truth == 1)
        return from_day(day, left, decided=left.decided & ~missed)

    def said(broken: Change) -> tuple[str, str]:
        found = told(outcomes_decisions.WATCH, traffic(LAST + 1, a_day=600, broken=broken), LAST)
        return next((item.status, item.cause) for item in found if item.feature == "precision")

    assert said(fewer) == ("explained", "prior_shift")
    assert said(also_worse) == ("alert", "missed_positives")


def more_positives(day: int, rows: Judged) -> Judged:
    """Of equal cases more turn out positive, all alike: a shift of the prior that no input foretells."""
    times, X, truth = cases(day, 1, len(rows), 2, base=-1.4)
    return judged(times, X, truth, 2 + day) if day >= BROKEN else rows


def test_a_shift_of_the_prior_is_raised_as_what_it_is() -> None:
    rows = traffic(LAST + 1, broken=more_positives)
    found = [item for item in told(outcomes_prior.WATCH, rows, BROKEN + 14) if item.status == "alert"]
    assert [item.cause for item in found] == ["prior_shift"]
    assert found[0].evidence["foretold"] is False
    estimate = told(outcomes_estimated.WATCH, rows, BROKEN + 14)[0]
    assert estimate.evidence["trusted"] is False
    assert "share of positives" in estimate.why
    assert alerts(outcomes_calibration.WATCH, rows, BROKEN + 14) == []


def test_other_cases_that_come_are_told_apart_from_equal_ones_that_turn_out_otherwise() -> None:
    def riskier(day: int, rows: Judged) -> Judged:
        times, X, _ = cases(day, 1, len(rows), 2)
        X = X + np.array([1.0, 0.0, 0.0])
        logits = -2.2 + 1.6 * X[:, 0] + 0.8 * X[:, 1] + 0.4 * (X[:, 2] == 3)
        truth = np.random.default_rng(day).random(len(X)) < 1 / (1 + np.exp(-logits))
        return judged(times, X, truth, 2 + day) if day >= BROKEN else rows

    found = told(outcomes_prior.WATCH, traffic(LAST + 1, broken=riskier), BROKEN + 14)[0]
    assert (found.status, found.evidence["foretold"]) == ("alert", True)


def test_probabilities_that_say_too_much_are_named() -> None:
    def surer(day: int, rows: Judged) -> Judged:
        logits = np.log(rows.probability / (1 - rows.probability))
        return from_day(day, rows, probability=1 / (1 + np.exp(-2.2 * logits)))

    assert alerts(outcomes_calibration.WATCH, traffic(LAST + 1, broken=surer), BROKEN + 14) == ["overconfident"]


def test_a_segment_that_is_guessed_at_is_named_and_the_others_are_not() -> None:
    def lost(day: int, rows: Judged) -> Judged:
        shuffled = np.random.default_rng(day).permutation(len(rows))
        truth = np.where(rows.X[:, 2] == 3, rows.truth[shuffled], rows.truth)
        return from_day(day, rows, truth=truth)

    found = told(outcomes_segments.WATCH, traffic(LAST + 1, broken=lost), LAST - 1)
    assert [item.feature for item in found if item.status == "alert"] == ["kind = web"]


def test_a_group_that_gets_fewer_favourable_decisions_is_named() -> None:
    def unfair(day: int, rows: Judged) -> Judged:
        against = (rows.groups["sex"].code == 0) & (np.random.default_rng(day).random(len(rows)) < 0.4)
        return from_day(day, rows, decided=rows.decided | against)

    found = told(outcomes_fairness.WATCH, traffic(LAST + 1, broken=unfair), LAST - 1)
    assert [item.feature for item in found if item.cause == "impact"] == ["sex = f"]
    assert {item.status for item in found} == {"alert"}


@pytest.mark.parametrize("kept", [0.0, 0.5])
def test_labels_that_stop_or_become_fewer_are_named(kept: float) -> None:
    def silent(day: int, rows: Judged) -> Judged:
        came = np.random.default_rng(day).random(len(rows)) < kept
        return from_day(day, rows, arrived=np.where(came, rows.arrived, 0))

    rows = traffic(LAST + 1, broken=silent)
    assert alerts(outcomes_delay.WATCH, rows, BROKEN + 3) == []
    assert alerts(outcomes_delay.WATCH, rows, BROKEN + 16) == ["labels_stopped" if kept == 0 else "labels_fewer"]


def test_labels_that_come_later_are_named() -> None:
    def late(day: int, rows: Judged) -> Judged:
        return from_day(day, rows, arrived=rows.times + 12 * DAY)

    rows = traffic(LAST + 1, broken=late)
    found = [alerts(outcomes_delay.WATCH, rows, day) for day in range(BROKEN + 4, BROKEN + 26)]
    assert {cause for causes in found for cause in causes} <= {"labels_fewer", "labels_late", "labels_stopped"}
    assert any("labels_late" in causes for causes in found)


def test_labels_that_come_later_than_the_contract_says_are_named_though_they_always_did() -> None:
    rows = traffic(LAST + 1)
    late = replace(rows, arrived=rows.times + 20 * DAY)
    found = told(outcomes_delay.WATCH, late, LAST - 1)[0]
    assert (found.status, found.cause) == ("alert", "labels_late")
    assert "the contract says 7.0 days" in found.why


def test_an_estimate_is_marked_and_held_against_what_turns_out() -> None:
    estimate = told(outcomes_estimated.WATCH, clean(), 60)[0]
    assert (estimate.status, estimate.evidence["trusted"]) == ("ok", True)
    assert estimate.why.startswith("estimated over")
    reconciled = told(outcomes_reconciled.WATCH, clean(), 60)[0]
    assert len(reconciled.evidence["weeks"]) == 4


def test_inputs_that_rank_worse_are_foretold_before_any_label_is_in() -> None:
    def alike(day: int, rows: Judged) -> Judged:
        times, X, _ = cases(day, 1, len(rows), 2)
        X = X * np.array([0.3, 0.3, 1.0])
        logits = -2.2 + 1.6 * X[:, 0] + 0.8 * X[:, 1] + 0.4 * (X[:, 2] == 3)
        truth = np.random.default_rng(day).random(len(X)) < 1 / (1 + np.exp(-logits))
        return judged(times, X, truth, 2 + day) if day >= BROKEN else rows

    found = told(outcomes_estimated.WATCH, traffic(LAST + 1, broken=alike), BROKEN + 6)[0]
    assert (found.status, found.cause) == ("alert", "estimated_fall")
    assert "an estimate, no measurement" in found.mend


def test_nothing_after_the_look_is_used() -> None:
    rows = clean()
    after = BEGIN + 61 * DAY
    future = rows.take(rows.times < after)
    for watch in WATCHES:
        assert told(watch, rows, 60) == told(watch, future, 60), watch.code
    seen = Seen(rows, after)
    assert not (seen.outcomes(0, after).arrived > after).any()

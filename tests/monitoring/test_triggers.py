"""Over a simulated quarter each trigger fires on exactly the day it should, and on no other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

from holdfast.monitoring.triggers import Day, Kind, Rules, fired

FIRST = date(2026, 10, 1)
QUARTER = 92
GUIDE = Rules()
TRAINED = FIRST - timedelta(days=1)
QUIET = [Day(FIRST + timedelta(days=at), auc=0.86, features=40, rules="a") for at in range(QUARTER)]


def told(
    change: Callable[[int, Day], Day] = lambda _, day: day, rules: Rules = GUIDE, trained: date = TRAINED
) -> list[tuple[int, Kind]]:
    """(day of the quarter, kind) of everything that fired, asked at the end of each day."""
    days = [change(at, day) for at, day in enumerate(QUIET)]
    return [
        (at, item.kind) for at in range(QUARTER) for item in fired(days[: at + 1], rules, trained=trained)
    ]  # fmt: skip


def test_a_quiet_quarter_fires_nothing() -> None:
    assert told() == []


def test_seven_days_below_the_limit_fire_on_the_seventh_and_once() -> None:
    assert told(lambda at, day: replace(day, auc=0.74) if 30 <= at < 37 else day) == [(36, "performance")]
    assert told(lambda at, day: replace(day, auc=0.74) if 30 <= at < 50 else day) == [(36, "performance")]


def test_six_days_do_not_and_neither_do_seven_with_a_better_one_among_them() -> None:
    assert told(lambda at, day: replace(day, auc=0.74) if 30 <= at < 36 else day) == []
    assert told(lambda at, day: replace(day, auc=0.74) if 30 <= at < 43 and at != 36 else day) == []


def test_a_day_without_a_figure_breaks_the_days_running() -> None:
    def gap(at: int, day: Day) -> Day:
        return replace(day, auc=None if at == 33 else 0.7) if 30 <= at < 38 else day

    assert told(gap) == []


def test_a_day_that_is_missing_breaks_them_too() -> None:
    days = [replace(day, auc=0.7) for at, day in enumerate(QUIET[:8]) if at != 4]
    assert [item.kind for item in fired(days, Rules(), trained=TRAINED)] == []


def test_exactly_the_limit_is_not_below_it() -> None:
    assert told(lambda _, day: replace(day, auc=0.75)) == []


def test_a_second_bad_week_after_a_good_day_fires_again() -> None:
    bad = {*range(10, 17), *range(20, 27)}
    assert told(lambda at, day: replace(day, auc=0.7) if at in bad else day) == [
        (16, "performance"), (26, "performance"),
    ]  # fmt: skip


def test_days_before_the_model_was_trained_do_not_count() -> None:
    def bad(at: int, day: Day) -> Day:
        return replace(day, auc=0.7) if 30 <= at < 44 else day

    assert told(bad, trained=FIRST + timedelta(days=34)) == [(40, "performance")]


def test_eleven_features_fire_and_ten_do_not() -> None:
    rules = Rules(severe_share=0.9)
    assert told(lambda at, day: replace(day, drifted=10) if at == 50 else day, rules) == []
    assert told(lambda at, day: replace(day, drifted=11) if 50 <= at < 53 else day, rules) == [(50, "drifted_features")]


def test_severe_drift_fires_at_once_by_share_and_by_word() -> None:
    rules = Rules(most_features=99)
    assert told(lambda at, day: replace(day, drifted=12) if at == 20 else day, rules) == []
    assert told(lambda at, day: replace(day, drifted=13) if at == 20 else day, rules) == [(20, "severe_drift")]
    assert told(lambda at, day: replace(day, severe=True) if at == 20 else day, rules) == [(20, "severe_drift")]


def test_drift_that_lasts_fires_on_its_seventh_day() -> None:
    assert told(lambda at, day: replace(day, drifted=1) if 60 <= at < 66 else day) == []
    assert told(lambda at, day: replace(day, drifted=1) if 60 <= at < 80 else day) == [(66, "sustained_drift")]


def test_a_changed_rule_fires_on_the_day_it_changed() -> None:
    assert told(lambda at, day: replace(day, rules="b") if at >= 45 else day) == [(45, "business_rule")]
    assert told(lambda at, day: replace(day, rules="") if at % 2 else day) == []


def test_schedules_fall_on_mondays_on_firsts_of_months_and_of_quarters() -> None:
    mondays = [at for at, day in enumerate(QUIET) if day.day.weekday() == 0]
    assert told(rules=Rules(schedule="weekly")) == [(at, "schedule") for at in mondays]
    assert len(mondays) == 13
    firsts = [0, 31, 61]
    assert told(rules=Rules(schedule="monthly")) == [(at, "schedule") for at in firsts]
    assert told(rules=Rules(schedule="quarterly")) == [(0, "schedule")]


def test_a_model_trained_on_the_day_of_the_schedule_is_not_trained_again() -> None:
    assert told(rules=Rules(schedule="quarterly"), trained=FIRST) == []


def test_everything_at_once_each_on_its_own_day() -> None:
    def busy(at: int, day: Day) -> Day:
        if 7 <= at < 14:
            day = replace(day, auc=0.7)
        if at == 21:
            day = replace(day, drifted=11)
        if at == 40:
            day = replace(day, drifted=14)
        if 50 <= at < 57:
            day = replace(day, drifted=2)
        return replace(day, rules="b") if at >= 70 else day

    assert told(busy, Rules(schedule="monthly")) == [
        (0, "schedule"), (13, "performance"), (21, "drifted_features"), (31, "schedule"), (40, "drifted_features"),
        (40, "severe_drift"), (56, "sustained_drift"), (61, "schedule"), (70, "business_rule"),
    ]  # fmt: skip

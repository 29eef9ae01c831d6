"""The watch asks at the end of each day whether it is time to train anew: on that day, and once."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.checks import stage

from holdfast.contract.model import DAY
from holdfast.monitoring.causes import ordered
from holdfast.monitoring.finding import Finding, Severity, Status
from holdfast.monitoring.triggers import day_of
from holdfast.project.alerts.outbox import Outbox
from holdfast.project.alerts.sending import Sending
from holdfast.project.bundles import history, opened
from holdfast.project.daily import Daily
from holdfast.project.monitor import Report
from holdfast.project.project import Project
from holdfast.project.training_days import NOTED, Training, by_day, drifted, noted
from holdfast.project.watching import Round, Watching

START = 20_800 * DAY  # 2026-12-13, a Sunday


def report(
    *features: str, at: int = START, bundle: str = "b", severity: Severity = "warning", by: str = "",
    beside: tuple[Finding, ...] = (),
) -> Report:  # fmt: skip
    """A look that found these drifts, explained `by` another finding where told."""
    status: Status = "explained" if by else "alert"
    why = {"explained_by": by} if by else {}
    found = [
        Finding("WATCH201", status, "drift", "why", feature=name, severity=severity, evidence=why) for name in features
    ]
    nulls = Finding("WATCH101", "alert", "nulls", "why", feature="z")
    score = Finding("WATCH301", "alert", "score", "why", severity="high")
    return Report("shop", "1", bundle, at, 100, (*found, *beside, nulls, score))


def test_the_worst_of_a_day_is_noted_and_another_version_begins_anew() -> None:
    kept = noted(None, report("a", "b", severity="high"), 10, "r")
    kept = noted(kept, report("a", at=START + DAY // 2), 10, "r")
    kept = noted(kept, report(at=START + DAY), 10, "s")
    assert list(kept["days"].values()) == [
        {"drifted": 2, "features": 10, "severe": True, "rules": "r"},
        {"drifted": 0, "features": 10, "severe": False, "rules": "s"},
    ]
    assert list(noted(kept, report(at=START + DAY, bundle="c"), 10, "s")["days"]) == ["2026-12-14"]


@pytest.mark.parametrize(
    ("by", "counts"),
    [
        ("WATCH202 many_features", True), ("WATCH105 vocabulary of kind", True), ("WATCH203 units of amount", False),
        ("WATCH101 nulls of z", False), ("WATCH207 population of age", False), ("WATCH205 night_shift", False),
        ("WATCH203 scale of amount", False),
    ],
)  # fmt: skip
def test_a_drift_that_a_named_cause_explains_is_no_reason(by: str, counts: bool) -> None:
    """Training on cents for dollars would learn them; many that moved together are what the trigger is for."""
    names = [f"f{at}" for at in range(11)]
    (day,) = noted(None, report(*names, by=by, severity="high"), 40, "r")["days"].values()
    assert (day["drifted"], day["severe"]) == ((11, True) if counts else (0, False))


def test_what_is_explained_by_what_is_explained_is_followed_to_its_end() -> None:
    names = [f"f{at}" for at in range(11)]
    for end, counted in (("WATCH202 many_features", 11), ("WATCH101 nulls of z", 0)):
        beside = Finding("WATCH203", "explained", "scale", "why", feature="amount", evidence={"explained_by": end})
        share = Finding("WATCH202", "alert", "many_features", "why", severity="high")
        look = report(*names, by="WATCH203 scale of amount", beside=(beside, share))
        assert len(drifted(look.findings)) == counted


def test_what_the_watches_themselves_explain_counts_as_it_should() -> None:
    """Findings put in order by the watches, not by hand: eleven features apart, then eleven of one field in cents."""
    names = [f"f{at}" for at in range(11)]
    drifts = [Finding("WATCH201", "alert", "drift", "why", feature=name) for name in names]
    share = Finding("WATCH202", "alert", "many_features", "why", severity="high")
    units = Finding("WATCH203", "alert", "units", "why", feature="f0")
    apart = {name: frozenset({f"cases.{name}"}) for name in names}
    of_one = {name: frozenset({"cases.amount"}) for name in names}
    assert len(drifted(ordered([*drifts, share], apart))) == 11
    assert drifted(ordered([*drifts, share, units], of_one)) == []


def test_a_day_s_figure_belongs_to_the_day_at_whose_end_it_was_known() -> None:
    one = Daily(START, 100, 10, 0.7, None, None, None)
    for settled, late in ((0, 0), (1, 1), (DAY, 1), (7 * DAY, 7)):
        assert by_day([one], settled) == {day_of(START) + timedelta(days=late): 0.7}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = stage.project(tmp_path_factory.mktemp("stage") / "shop")
    stage.live(made, "1")
    return made


def asked(project: Project, folder: Path, now: int, days: dict[str, dict[str, Any]] | None = None) -> Round:
    """The duty at an instant, by a watch that has just begun."""
    live = history(project).live()
    assert live is not None
    outbox = Outbox(folder)
    outbox.remember(NOTED, {"bundle": live.bundle, "now": now, "days": days or {}})
    with Sending(outbox, []) as sending:
        return Watching(project, outbox, sending, [Training()], address="").round(Training())


def kinds(done: Round) -> list[str]:
    return [item["kind"] for item in done.found.told.get("triggers", [])]


def begun(project: Project) -> int:
    """A day of the traffic's clock that is after the training: the first Monday but one."""
    live = history(project).live()
    assert live is not None
    made = date.fromisoformat(opened(project, live.bundle).manifest.created_at[:10])
    return (made - date(1970, 1, 1)).days + 14 - made.weekday()


def test_the_schedule_is_asked_at_the_end_of_each_day_and_once_though_the_watch_begins_again(
    project: Project, tmp_path: Path
) -> None:
    weekly = replace(project, settings=replace(project.settings, retrain_schedule="weekly"))
    monday = begun(project)
    told = {}
    for number in range(-2, 9):
        for hour in (1, 13):
            done = asked(weekly, tmp_path, (monday + number) * DAY + hour * DAY // 24)
            told[number, hour] = (kinds(done), [item.event for item in done.messages])
    fired = {key: value for key, value in told.items() if value[0]}
    # Monday is over when Tuesday has begun.
    assert fired == {(1, 1): (["schedule"], ["opened"]), (8, 1): (["schedule"], ["opened"])}
    assert asked(project, tmp_path / "never", (monday + 1) * DAY).found.told.get("triggers") == []


def test_days_that_nobody_watched_are_asked_about_too(project: Project, tmp_path: Path) -> None:
    weekly = replace(project, settings=replace(project.settings, retrain_schedule="weekly"))
    monday = begun(project)
    assert kinds(asked(weekly, tmp_path, (monday - 2) * DAY)) == []
    assert kinds(asked(weekly, tmp_path, (monday + 4) * DAY)) == ["schedule"]


def test_drift_noted_by_the_looks_fires_on_its_day(project: Project, tmp_path: Path) -> None:
    monday, quiet = begun(project), {"drifted": 0, "features": 40, "severe": False, "rules": "r"}
    days = {day_of((monday + number) * DAY).isoformat(): dict(quiet) for number in range(6)}
    days[day_of((monday + 3) * DAY).isoformat()]["drifted"] = 11
    found = [kinds(asked(project, tmp_path, (monday + number) * DAY, days)) for number in range(1, 7)]
    assert found == [[], [], [], ["drifted_features"], [], []]


def test_eleven_features_fire_on_their_day_ten_and_eleven_in_cents_do_not(project: Project, tmp_path: Path) -> None:
    """Look by look as the watch of the traffic notes them, six days, each asked about at its end."""
    monday, many = begun(project), "WATCH202 many_features"
    live = history(project).live()
    assert live is not None
    looks = {1: (10, many), 2: (11, "WATCH203 units of amount"), 3: (11, many), 4: (12, many), 5: (0, "")}
    kept: dict[str, Any] | None = None
    found = {}
    for day in range(6):
        count, by = looks.get(day, (0, ""))
        for hour in (3, 21):
            at = (monday + day) * DAY + hour * DAY // 24
            names = [f"f{number}" for number in range(count if hour == 3 else 0)]
            kept = noted(kept, report(*names, at=at, bundle=live.bundle, by=by), 40, "r")
        assert kept is not None
        found[day] = kinds(asked(project, tmp_path, (monday + day + 1) * DAY, kept["days"]))
    assert found == {0: [], 1: [], 2: [], 3: ["drifted_features"], 4: [], 5: []}


def test_it_trains_by_itself_where_that_is_set_and_says_what_came_of_it(project: Project, tmp_path: Path) -> None:
    """The command in a process of its own; here too little is new, which is an end like others."""
    changed = replace(project.settings, retrain_schedule="weekly", retrain_automatic=True)
    done = asked(replace(project, settings=changed), tmp_path, (begun(project) + 1) * DAY)
    assert kinds(done) == ["schedule"]
    assert done.found.told["retrained"]["ok"] is False
    (message,) = done.messages
    assert "trained anew: refused" in message.what

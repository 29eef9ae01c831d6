"""Each alert is seen to arrive, and a fault of what alerts is found."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.checks import stage
from tests.checks.unsound import HUNDREDFOLD, LYING, Nowhere, With

from holdfast.bundle.bins import season
from holdfast.checks import (
    monitoring_drift,
    monitoring_errors,
    monitoring_outage,
    monitoring_told,
    played,
    receiver,
)
from holdfast.checks.check import Check
from holdfast.checks.limits import Limits
from holdfast.checks.subject import Subject
from holdfast.errors import HoldfastError
from holdfast.ledger.records import Decision
from holdfast.project.monitor import Monitor
from holdfast.project.project import Project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """One version; nothing is live."""
    return stage.project(tmp_path_factory.mktemp("stage") / "shop")


@pytest.fixture
def subject(project: Project) -> Iterator[Subject]:
    with stage.subject(project) as found:
        yield found


def test_a_sound_version_passes_in_any_order_on_one_server(project: Project) -> None:
    with stage.subject(project) as found:
        checks = (monitoring_errors.CHECK, monitoring_outage.CHECK, monitoring_drift.CHECK, monitoring_errors.CHECK)
        errors, outage, drift, again = (stage.asked(check, found) for check in checks)
    assert {item.why for item in (errors, outage, drift, again) if item.status != "passed"} == set()
    told = drift.evidence
    assert (told["alerts_as_in_training"], told["lost"]) == ([], [])
    assert told["cause"] in monitoring_drift.NAMES
    assert told["code"] in told["alert"]["codes"]
    assert told["predictions"] in monitoring_drift.LOOKS
    assert told["alert"]["event"] == "opened"
    assert [outage.evidence[name] for name in ("cause", "codes", "severity")] == ["outage", ["WATCH591"], "critical"]
    assert [item["codes"] for item in errors.evidence["alerts_named"]] == [["WATCH592"], ["WATCH594"]]
    assert errors.evidence["statuses_while_the_disk_was_full"] == {"503": monitoring_errors.ASKED}
    assert str(project.folder) not in json.dumps(errors.evidence)  # another on every machine


@pytest.mark.parametrize("check", [monitoring_drift.CHECK, monitoring_outage.CHECK, monitoring_errors.CHECK])
def test_an_alert_that_does_not_arrive_is_found(
    subject: Subject, check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiver, "WebhookDoor", Nowhere)
    answer = stage.asked(check, subject)
    assert answer.status == "failed"
    assert "no alert" in answer.why


def test_a_deaf_watch_is_found(project: Project) -> None:
    with stage.subject(project, monitor={"least_predictions": 1_000_000_000}) as found:
        answer = stage.asked(monitoring_drift.CHECK, found)
    assert answer.status == "failed"
    assert "no alert came" in answer.why
    assert answer.evidence["predictions"] == monitoring_drift.ROWS


def test_an_alert_that_names_something_else_is_found(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitoring_drift, "NAMES", frozenset())
    answer = stage.asked(monitoring_drift.CHECK, subject)
    assert answer.status == "failed"
    assert "none of the alerts names it" in answer.why
    assert answer.evidence["other_causes_told_before"]


@pytest.mark.parametrize(("limit", "code"), [("drift_psi", "WATCH2"), ("score_psi", "WATCH301")])
def test_a_watch_that_cries_where_the_trainings_own_rows_come_is_found(project: Project, limit: str, code: str) -> None:
    with stage.subject(project, monitor={limit: -1.0}) as found:
        answer = stage.asked(monitoring_drift.CHECK, found)
    assert answer.status == "failed"
    assert answer.why.startswith("where rows come as in training, WATCH")
    assert {item["code"][: len(code)] for item in answer.evidence["alerts_as_in_training"]} == {code}


def test_a_server_that_computes_a_feature_otherwise_is_found(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.spoilt_servers(monkeypatch, tmp_path / "other", HUNDREDFOLD)
    with stage.subject(project) as found:
        answer = stage.asked(monitoring_drift.CHECK, found)
    assert answer.status == "failed"
    assert "amount" in answer.why


def test_a_watch_that_did_not_look_is_not_silent(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    def blind(self: Monitor, at: int | None = None) -> None:
        raise HoldfastError("the counts are away")

    monkeypatch.setattr(Monitor, "look", blind)
    answer = stage.asked(monitoring_drift.CHECK, subject)
    assert answer.status == "crashed"
    assert "the counts are away" in answer.why


@pytest.mark.parametrize("profile", [{}, {"rows": 9, "probability": {"null_share": 0.0}}])
def test_a_bundle_without_a_profile_of_its_training_is_told_so(subject: Subject, profile: dict[str, Any]) -> None:
    bundle: Any = With(subject.bundle, profile=profile)
    answer = monitoring_drift.CHECK.ask(replace(subject, bundle=bundle), Limits())
    assert answer.status == "failed"
    assert "no profile of its training rows" in answer.why
    assert "train it again" in answer.mend


def test_scores_are_held_against_rows_it_did_not_learn_from_and_windows_are_as_they_were(tmp_path: Path) -> None:
    project = stage.project(tmp_path / "shop", template="cards", rows=8_000)
    with stage.subject(project, serving_max_rows=50) as found:  # one ask sees what the ask before it left
        chosen = np.sort(found.split.train.index[-400:])
        names = [str(found.rows.ids[at]) for at in chosen.tolist()]
        answers = played.answered(found.rehearsal, names)
        told = np.vstack([np.frombuffer(answers[name].features, "<f8") for name in names])
        assert np.array_equal(told, found.rows.X[chosen], equal_nan=True)
    with stage.subject(project) as found:
        answer = stage.asked(monitoring_drift.CHECK, found)
    assert (answer.status, answer.evidence["alerts_as_in_training"]) == ("passed", [])
    assert answer.evidence["rows_not_learned_from"] > 100
    with stage.subject(project, monitor={"score_psi": -1.0}) as found:
        crying = stage.asked(monitoring_drift.CHECK, found)
    assert [item["code"] for item in crying.evidence["alerts_as_in_training"]] == ["WATCH301"]


def test_rows_are_laid_into_two_days_of_their_kind_each_at_its_hour(project: Project) -> None:
    hours = [0, 0, 0, 7, 23]
    rows = [decision(at * played.HOUR + 12_345) for at in hours]
    for weekend in (False, True):
        days = played.TwoDays(project, weekend)
        first, second = (days.lay(rows, which) for which in (0, 1))
        assert second[0].time - first[0].time == 24 * played.HOUR
        for day in (first, second):
            times = np.array([item.time for item in day])
            assert (times // played.HOUR % 24).tolist() == hours
            assert (np.diff(times) > 0).all()
            assert {bool(at) for at in season(times) >= 24} == {weekend}
        assert len({item.event_id for item in (*first, *second)}) == 2 * len(rows)
        assert second[-1].time < time.time_ns() // 1_000 - 24 * played.HOUR


def decision(at: int) -> Decision:
    return Decision(
        read_seq=0, source="payments", event_id="p", time=at, body=b"{}", digest=b"", contract="", model="",
        version="1", variant="", features=b"", score=0.0, probability=0.0, threshold=0.5, decision=False,
    )  # fmt: skip


def test_answers_that_are_not_on_the_disk_are_found(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.spoilt_servers(monkeypatch, tmp_path / "lying", LYING)
    with stage.subject(project) as found:
        answer = stage.asked(monitoring_errors.CHECK, found)
    assert answer.status == "failed"
    assert "answered that are not on the disk" in answer.why


def test_alerts_that_only_the_log_hears_are_told(project: Project) -> None:
    with stage.subject(project) as found:
        assert stage.asked(monitoring_told.CHECK, found).status == "failed"
    with stage.subject(project, alerts_webhook="https://alerts.example.com/secret") as found:
        answer = stage.asked(monitoring_told.CHECK, found)
    assert answer.status == "passed"
    assert "secret" not in str(answer)

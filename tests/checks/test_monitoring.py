"""Each alert is seen to arrive, and a fault of what alerts is found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.checks import stage
from tests.checks.unsound import LYING, Nowhere

from holdfast.checks import (
    monitoring_drift,
    monitoring_errors,
    monitoring_outage,
    monitoring_told,
    receiver,
)
from holdfast.checks.check import Check
from holdfast.checks.subject import Subject
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
    assert drift.evidence["psi_drifted"] > drift.evidence["limit"] > drift.evidence["psi_as_in_training"]
    assert outage.evidence["alert"]["severity"] == "critical"
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


def test_drift_that_alerts_of_everything_or_of_nothing_is_found(project: Project) -> None:
    for limit, why in ((0.0001, "the training's own rows ask"), (1_000.0, "no alert came")):
        with stage.subject(project, alerts_score_psi=limit) as found:
            answer = stage.asked(monitoring_drift.CHECK, found)
        assert answer.status == "failed"
        assert why in answer.why


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

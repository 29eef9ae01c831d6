"""A backup that was spoilt, a restore that fails, a way back that is closed: each is found."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.checks import stage
from tests.checks.unsound import flip

from holdfast.checks import (
    recovery_backup,
    recovery_rollback,
)
from holdfast.checks.subject import Subject
from holdfast.errors import HoldfastError
from holdfast.project.backup import backup
from holdfast.project.project import Project
from holdfast.project.restore import restore
from holdfast.project.settings import Settings, settings_from
from holdfast.project.twin import toml

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Two versions; nothing is live."""
    return stage.project(tmp_path_factory.mktemp("stage") / "shop", versions=2, registered=True)


@pytest.fixture
def subject(project: Project) -> Iterator[Subject]:
    with stage.subject(project) as found:
        yield found


def test_a_first_version_comes_back_and_goes_back_to_itself(subject: Subject) -> None:
    kept = stage.asked(recovery_backup.CHECK, subject)
    assert kept.status == "passed", kept.why
    assert kept.evidence["rehearsal"]["records"] > 0
    assert "is not what was backed up" in kept.evidence["project"]["spoilt_backup"]
    back = stage.asked(recovery_rollback.CHECK, subject)
    assert back.status == "passed", back.why
    assert not back.evidence["former_is_another_version"]
    assert "no other version was live" in back.why


@pytest.mark.parametrize("pattern", ["**/bundles/*/model.*", "mlflow.db", "contract.py"])
def test_a_backup_that_was_spoilt_before_it_is_needed_is_found(
    subject: Subject, pattern: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoilt(project: Project, to: Path) -> Any:
        done = backup(project, to)
        flip(next(to.glob(pattern)))
        return done

    monkeypatch.setattr(recovery_backup, "backup", spoilt)
    answer = stage.asked(recovery_backup.CHECK, subject)
    assert answer.status == "failed"
    assert "the project does not come back" in answer.why
    assert "is not what was backed up" in answer.why


def test_a_restore_that_fails_or_sees_nothing_is_found(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: Path, into: Path) -> Any:
        raise HoldfastError("no space is left")

    monkeypatch.setattr(recovery_backup, "restore", full)
    assert "no space is left" in stage.asked(recovery_backup.CHECK, subject).why

    def blind(source: Path, into: Path) -> Any:
        return None if into.name == "spoilt" else restore(source, into)

    monkeypatch.setattr(recovery_backup, "restore", blind)
    assert "as if it were sound" in stage.asked(recovery_backup.CHECK, subject).why


def test_the_way_back_leads_to_the_present_champion_and_a_broken_one_is_found(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = stage.copied(project, tmp_path / "shop")
    monkeypatch.setattr(recovery_rollback, "PATIENCE", 3.0)
    stage.live(shop, "1")
    with stage.subject(shop, "2") as found:
        answer = stage.asked(recovery_rollback.CHECK, found)
        assert answer.status == "passed", answer.why
        assert answer.evidence["former_is_another_version"]
        assert answer.evidence["versions_that_answered"] == ["1", "2"]
        impatient = stage.asked(recovery_rollback.CHECK, found, most_rollback_seconds=0.0001)
        assert "the former version answered after" in impatient.why
    with stage.subject(shop, "2") as found:
        kept = found.rehearsal.project.bundles_path / found.rehearsal.former[1].hash / "model.json"
        _ = found.rehearsal.server
        flip(kept)
        broken = stage.asked(recovery_rollback.CHECK, found)
    assert broken.status == "failed"
    assert "the way back is closed" in broken.why


def test_settings_come_back_from_what_the_rehearsal_writes() -> None:
    told = replace(
        Settings(), name='a "name" of ünusual kind', serving_max_rows=7, alerts_error_share=0.5,
        serving_reasons="never", inputs={"payments": "/data/a b.parquet", "payments.is_fraud": "c.csv"},
    )  # fmt: skip
    assert settings_from(tomllib.loads(toml(told)), {}) == told

"""The interface, the records, the documents: each fault is found by its check."""

from __future__ import annotations

import copy
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.checks import stage
from tests.checks.unsound import OTHER_FEATURES, OTHER_SHAPE, ROUNDED

from holdfast.checks import (
    readiness_documents,
    readiness_integration,
    readiness_owners,
    readiness_repository,
    readiness_versions,
)
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


def test_a_sound_version_answers_as_documented(subject: Subject) -> None:
    answer = stage.asked(readiness_integration.CHECK, subject)
    assert answer.status == "passed", answer.why
    told = answer.evidence
    assert told["computed_again_from_records"] == told["answers"] == 200
    assert len(told["replies_as_documented"]) == 13


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (ROUNDED, "answers are not the bundle's own"),
        (OTHER_SHAPE, "422 where 422 is due"),
        (OTHER_FEATURES, "differences when computed again from the records"),
    ],
)
def test_a_server_that_answers_otherwise_is_found(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, why: str
) -> None:
    stage.spoilt_servers(monkeypatch, tmp_path / "other", code)
    with stage.subject(project) as found:
        answer = stage.asked(readiness_integration.CHECK, found)
    assert answer.status == "failed"
    assert why in answer.why


def recorded(what: Subject, **changes: Any) -> Subject:
    """The version with another record of its training."""
    bundle = copy.copy(what.bundle)
    bundle.manifest = replace(what.bundle.manifest, training={**what.bundle.manifest.training, **changes})
    return replace(what, bundle=bundle)


def git(folder: Path, *words: str) -> str:
    person = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
    done = subprocess.run(["git", *person, "-C", str(folder), *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_what_is_not_recorded_or_not_committed_is_named(project: Project, tmp_path: Path) -> None:
    shop = stage.copied(project, tmp_path / "shop")
    git(shop.folder, "init", "-q")
    (shop.folder / "other.txt").write_text("x")
    git(shop.folder, "add", "other.txt")
    git(shop.folder, "commit", "-qm", "without the contract")
    first = git(shop.folder, "rev-parse", "HEAD")
    git(shop.folder, "add", ".")
    git(shop.folder, "commit", "-qm", "all of it")
    second = git(shop.folder, "rev-parse", "HEAD")
    with stage.subject(shop) as found:
        sound = stage.asked(readiness_versions.CHECK, found)
        assert sound.status == "passed"
        assert "no commit" in sound.why  # it was trained before there was a repository
        assert stage.asked(readiness_repository.CHECK, found).status == "failed"
        clean = {"commit": second, "changed": False}
        assert stage.asked(readiness_repository.CHECK, recorded(found, code=clean)).status == "passed"
        assert second[:12] in stage.asked(readiness_versions.CHECK, recorded(found, code=clean)).why
        for changes, why in (
            ({"code": {"commit": second, "changed": True}}, "files differed from commit"),
            ({"code": {"commit": first, "changed": False}}, "does not hold contract.py"),
            ({"code": {"commit": "0" * 40, "changed": False}}, "does not know commit"),
            ({"data": {}}, "which data it was trained on"),
            ({"python": ""}, "which Holdfast and Python"),
            ({"settings": {}}, "no seed is recorded"),
        ):
            answer = stage.asked(readiness_versions.CHECK, recorded(found, **changes))
            assert answer.status == "failed", changes
            assert why in answer.why
        (found.place.bundles_path / found.bundle.hash / "environment.lock").write_text("# Python 3.11\n")
        assert "with which libraries" in stage.asked(readiness_versions.CHECK, found).why


def test_a_card_of_nothing_and_a_card_of_another_model_are_found(project: Project, tmp_path: Path) -> None:
    shop = stage.copied(project, tmp_path / "shop")
    with stage.subject(shop) as found:
        assert stage.asked(readiness_documents.CHECK, found).status == "passed"
        card = found.place.bundles_path / found.bundle.hash / "model_card.md"
        text = card.read_text()
        for spoilt, why in (
            ("", "the model card is empty"),
            ("# fraud", "says next to nothing"),
            (text.replace("merchant_fraud_rate", "merchant_rate"), "does not name merchant_fraud_rate"),
            (text.replace("fraud", "loan"), "is not of fraud"),
        ):
            card.write_text(spoilt)
            answer = stage.asked(readiness_documents.CHECK, found)
            assert answer.status == "failed"
            assert why in answer.why


def test_what_nobody_describes_or_owns_is_told(subject: Subject) -> None:
    answer = stage.asked(readiness_owners.CHECK, subject)
    assert answer.status == "failed"
    assert "8 of 8 features have no owner" in answer.why
    contract = subject.bundle.contract
    features = tuple(replace(item, description="a thing", owner="ada") for item in contract.features)
    bundle = copy.copy(subject.bundle)
    bundle.contract = replace(contract, description="Says what is fraud.", features=features)
    assert stage.asked(readiness_owners.CHECK, replace(subject, bundle=bundle)).status == "passed"

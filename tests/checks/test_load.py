"""The gate's load: what a real server does is told as it is, and a slow or a large one is found."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from tests.checks import stage
from tests.checks.unsound import SLOW

from holdfast.checks import load, scalability_load, scalability_peak, scalability_resources
from holdfast.checks.check import Check
from holdfast.checks.limits import Limits
from holdfast.checks.load import Answered, Run, quantile
from holdfast.checks.processes import Reading, reading
from holdfast.checks.subject import Subject
from holdfast.errors import HoldfastError
from holdfast.project.project import Project

EASY = {"least_rate": 50.0, "most_milliseconds": 20_000.0, "most_batch_seconds": 60.0}
"""Limits that any machine meets, however busy."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return stage.project(tmp_path_factory.mktemp("stage") / "shop")


@pytest.fixture(scope="module")
def subject(project: Project) -> Iterator[Subject]:
    with stage.subject(project) as found:
        yield found


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    stage.hurried(monkeypatch)
    monkeypatch.setattr(load, "QUIET", 1_000.0)  # other tests run meanwhile; they are no reason here


def test_what_a_server_does_is_told_with_its_figures(subject: Subject) -> None:
    answer = stage.asked(scalability_load.CHECK, subject, **EASY)
    assert answer.status == "passed", answer.why
    single, batch = answer.evidence["single"], answer.evidence["batch"]
    assert single["asked"] == int(50 * load.OVER * load.STEADY)
    assert single["failed"] == batch["failed"] == 0
    assert 0 < single["p50"] <= single["p95"] <= single["p99"]
    assert batch["asked"] == load.BATCHES
    used = stage.asked(scalability_resources.CHECK, subject, **EASY)
    assert used.status == "passed", used.why
    told = used.evidence
    assert 10 < told["memory_mb"] < told["resident_with_pages_of_state_mb"] * 1.2
    # Nothing was asked but what was counted: warm-up, steady, batches and peak.
    peak = stage.asked(scalability_peak.CHECK, subject, **EASY, peak_rate=1.0).evidence["peak"]["asked"]
    warm = int(50 * load.OVER * load.WARM)
    assert told["decisions"] == warm + single["asked"] + load.BATCHES * load.BATCH_ROWS + peak
    assert told["disk_gb_per_million_decisions"] > 0


@pytest.mark.parametrize(
    ("check", "limit", "named"),
    [
        (scalability_load.CHECK, {"most_milliseconds": 0.001}, "single answers take"),
        (scalability_load.CHECK, {"most_batch_seconds": 0.0001}, "a batch of 1,000 takes"),
        (scalability_peak.CHECK, {"peak_rate": 1e9}, "1,000,000,000 a second are wanted"),
        (scalability_resources.CHECK, {"most_memory_mb": 1.0}, "MB of memory"),
        (scalability_resources.CHECK, {"most_disk_gb_per_million": 1e-6}, "GB of disk for a million"),
        (scalability_resources.CHECK, {"most_bundle_mb": 0.001}, "a bundle of"),
    ],
)
def test_a_limit_that_is_missed_is_named(subject: Subject, check: Check, limit: dict[str, float], named: str) -> None:
    answer = stage.asked(check, subject, **(EASY | limit))
    assert answer.status == "failed"
    assert named in answer.why
    assert answer.mend


def test_a_slow_server_is_found(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.spoilt_servers(monkeypatch, tmp_path / "slow", SLOW)
    monkeypatch.setattr(load, "BATCHES", 0)
    monkeypatch.setattr(load, "PATIENCE", 2.0)
    with stage.subject(project) as found:
        answer = stage.asked(scalability_load.CHECK, found, least_rate=40.0)
    assert answer.status == "failed"
    assert "95 % of single answers take" in answer.why
    json.dumps(dict(answer.evidence), allow_nan=False)
    assert "answers a second where 40 are wanted" in answer.why


def test_on_a_machine_that_others_use_only_a_pass_is_known(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "QUIET", -1.0)  # as if others used it all the time
    answer = stage.asked(scalability_load.CHECK, subject, **EASY)
    assert answer.status == "passed"
    assert "the best of 5 parts" in answer.why
    slow = stage.asked(scalability_load.CHECK, subject, **EASY | {"most_milliseconds": 0.001})
    assert slow.status == "not_applicable"
    assert slow.why.startswith("not known: other programs used")


def test_without_a_project_nothing_passes(subject: Subject) -> None:
    alone = Subject(subject.version, subject.bundle, subject.table)
    answer = stage.asked(scalability_load.CHECK, alone)
    assert answer.status == "crashed"
    assert "needs the project" in answer.why


def test_of_the_rehearsal_nothing_is_left_and_the_project_is_as_it_was(project: Project) -> None:
    before = {item: item.stat().st_mtime_ns for item in project.home.rglob("*")}
    with stage.subject(project) as found:
        server = found.rehearsal.server
        pid = server.pid
        assert (project.home / found.rehearsal.project.folder.name).is_dir()
        assert reading(pid).own > 0
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    after = {item: item.stat().st_mtime_ns for item in project.home.rglob("*")}
    assert after == before
    with pytest.raises(HoldfastError, match="does not tell"):
        reading(pid)


def test_a_server_that_answers_nothing_is_named_in_json_that_anybody_reads() -> None:
    nothing = Run(1.0, asked=10)
    nothing.others = [0.0] * load.PARTS
    reading_of = Reading(1, 1, 0.0, 1)
    measured = load.Measured(nothing, nothing, Run(1.0), reading_of, reading_of, reading_of, 0, 0, 0)

    class Stage:
        requests = type("Asked", (), {"refused": 0})

        def load(self, rate: float) -> load.Measured:
            return measured

    answer = scalability_load.ask(cast(Subject, type("One", (), {"rehearsal": Stage()})), Limits())
    assert answer.status == "failed"
    assert "fewer than 95 % of single requests were answered at all" in answer.why
    json.dumps(dict(answer.evidence), allow_nan=False)


def test_waits_count_from_when_a_request_was_due() -> None:
    run = Run(10.0)
    run.answers = [Answered(due=at / 10, wait=0.01 if at % 10 else 5.0, good=at != 99) for at in range(100)]
    run.asked = 101
    assert run.failed == 2
    assert run.milliseconds(0.5) == pytest.approx(10.0)
    assert run.milliseconds(0.95) == pytest.approx(5_000.0)
    assert run.rate == (99 - sum(at / 10 + 5 > 10 for at in range(0, 100, 10))) / 10
    parts = run.parts(5)
    assert [part.asked for part in parts] == [20] * 5
    assert all(0 <= item.due < 2.0 for part in parts for item in part.answers)
    assert quantile([], 0.5) == float("inf")

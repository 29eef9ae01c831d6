"""`holdfast watch` logs each settled day onto its version's run in MLflow: once, killed, slept through or not."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.checks import stage

from holdfast.bundle.mlflow_quiet import pointed_at
from holdfast.contract.model import DAY
from holdfast.ledger.ids import body_digest
from holdfast.ledger.records import Decision, Outcome
from holdfast.project.alerts.outbox import Outbox
from holdfast.project.alerts.sending import Sending
from holdfast.project.counted import Counted
from holdfast.project.daily import TAG, Daily, daily
from holdfast.project.duties import duties
from holdfast.project.judged import Judgements
from holdfast.project.production_days import Production
from holdfast.project.project import Project
from holdfast.project.settings import Settings
from holdfast.project.train import place
from holdfast.project.training_days import NOTED
from holdfast.project.watching import Round, Watching

pytestmark = pytest.mark.long

A_DAY = 40
BEGIN = 20_400 * DAY
DAYS = {"1": range(10), "2": range(10, 18)}
"""Days on which each version answered; labels settle weeks later."""


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Recorded traffic: ten days of the first version and eight of the second, with their outcomes."""
    made = stage.project(tmp_path_factory.mktemp("lived") / "shop", versions=2)
    generator = np.random.default_rng(4)
    for version, days in DAYS.items():
        stage.live(made, version)
        bundle = stage.version(made, version)
        label = bundle.contract.target
        with made.writing() as (_, writer):
            for day in days:
                records: list[Decision | Outcome] = []
                for at in range(A_DAY):
                    name, probability = f"d{day}-{at}", float(generator.random())
                    raw: dict[str, object] = {"payment_id": name}
                    time = BEGIN + day * DAY + at * 60_000_000
                    records.append(Decision(
                        read_seq=0, source=bundle.contract.decide_on, event_id=name, time=time,
                        body=json.dumps(raw).encode(), digest=body_digest(raw),
                        contract=bundle.contract.hash, model=bundle.hash, version=version, variant="champion",
                        features=np.zeros(len(bundle.features)).tobytes(), score=0.0, probability=probability,
                        threshold=0.5, decision=probability >= 0.5,
                    ))  # fmt: skip
                    value = int(generator.random() < probability)
                    records.append(
                        Outcome(source=label.source, label=label.name, event_id=name, version=1, value=value)
                    )
                writer.commit(records)
    return made


@pytest.fixture
def project(lived: Project, tmp_path: Path) -> Project:
    return stage.copied(lived, tmp_path / "shop")


def settled(project: Project) -> int:
    return -(-stage.version(project, "1").contract.target.settled_after // DAY)


def asked(project: Project, day: float) -> Round:
    """The duty by a watch that has just begun, so many days after the first decision."""
    outbox = Outbox(project.home / "alerts")
    bundle = stage.version(project, "2")
    with Counted(project) as counted:
        counted.catch_up()
    outbox.remember(NOTED, {"bundle": bundle.hash, "now": BEGIN + int(day * DAY), "days": {}})
    with Sending(outbox, []) as sending:
        return Watching(project, outbox, sending, [Production()], address="").round(Production())


def new(done: Round) -> dict[str, int]:
    return {item["version"]: item["new"] for item in done.found.told.get("metrics", ())}


def expected(project: Project, version: str) -> list[Daily]:
    bundle = stage.version(project, version)
    judgements = Judgements(project.reader, bundle.contract, version)
    judgements.catch_up()
    now = BEGIN + 400 * DAY
    return daily(judgements.outcomes(0, now, now), bundle.contract.target, now)


def logged(project: Project) -> dict[str, dict[str, list[tuple[int, float]]]]:
    """By version, each metric's (day, value) in order; a day that is there twice is there twice."""
    found = {}
    with pointed_at(place(project).uri) as mlflow:
        client = mlflow.MlflowClient()
        experiment = client.get_experiment_by_name(place(project).experiment)
        if experiment is None:
            return {}
        for run in client.search_runs([experiment.experiment_id], filter_string=f"tags.`{TAG}` != ''"):
            version = run.data.tags["holdfast.version"]
            assert version not in found, "two runs of one version"
            found[version] = {
                name: sorted((item.step, item.value) for item in client.get_metric_history(run.info.run_id, name))
                for name in run.data.metrics
            }
    return found


def whole(project: Project) -> dict[str, dict[str, list[tuple[int, float]]]]:
    """What is to be there once everything settled."""
    found: dict[str, dict[str, list[tuple[int, float]]]] = {}
    for version in DAYS:
        told = found.setdefault(version, {})
        for item in expected(project, version):
            for name, value in item.metrics().items():
                told.setdefault(name, []).append((item.start // DAY, value))
    return found


def test_each_day_is_logged_on_the_day_it_settles_and_of_the_version_that_decided(project: Project) -> None:
    """Ten days of version 1 settle long after version 2 was promoted."""
    late = settled(project)
    told = {day: new(asked(project, day + 0.5)) for day in range(late - 1, late + 20)}
    for version, days in DAYS.items():
        assert [day for day, found in told.items() if found.get(version)] == [late + day + 1 for day in days]
        assert {found[version] for found in told.values() if found.get(version)} == {1}
    assert logged(project) == whole(project)
    assert new(asked(project, late + 19.9)) == {}  # asked about already
    assert logged(project) == whole(project)


def test_days_slept_through_are_logged_when_it_wakes_also_after_more_than_is_looked_back_on(project: Project) -> None:
    late = settled(project)
    assert new(asked(project, late + 3.5)) == {"1": 3}
    assert new(asked(project, late + 12.5)) == {"1": 7, "2": 2}
    assert new(asked(project, late + 300)) == {"1": 0, "2": 6}
    assert logged(project) == whole(project)


def test_the_watch_has_the_duty() -> None:
    names = [duty.name for duty in duties(Settings(), 30.0)]
    assert names == ["server", "monitor", "training", "canary", "metrics", "parity"]


def test_a_watch_that_begins_late_logs_everything(project: Project) -> None:
    assert new(asked(project, 399)) == {"1": 10, "2": 8}
    assert logged(project) == whole(project)


VICTIM = """
import os, signal, sys
from pathlib import Path
from mlflow import MlflowClient
from tests.project.test_production_days import asked, settled
from holdfast.project.project import Project

number, when = int(sys.argv[2]), sys.argv[3]
real, calls = getattr(MlflowClient, sys.argv[4]), []

def dying(self, *given, **named):
    calls.append(1)
    if len(calls) == number and when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    found = real(self, *given, **named)
    if len(calls) == number:
        os.kill(os.getpid(), signal.SIGKILL)
    return found

setattr(MlflowClient, sys.argv[4], dying)
project = Project.open(Path(sys.argv[1]))
asked(project, settled(project) + 40)
"""


MOMENTS = [
    (1, "after", "create_run"),
    (4, "before", "log_batch"),
    (4, "after", "log_batch"),
    (2, "after", "set_terminated"),  # all is logged, and the watch does not know it
]


@pytest.mark.parametrize("moment", MOMENTS, ids=str)
def test_killed_at_any_moment_each_day_is_logged_once(project: Project, moment: tuple[int, str, str]) -> None:
    words = [str(project.folder), *map(str, moment)]
    done = subprocess.run([sys.executable, "-c", VICTIM, *words], check=False, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert logged(project) != whole(project) or moment[2] == "set_terminated"
    done_again: Any = new(asked(project, settled(project) + 40.5))
    assert set(done_again) == {"1", "2"}
    assert logged(project) == whole(project)


def test_a_store_that_is_away_is_told_and_the_days_are_logged_when_it_is_back(project: Project) -> None:
    file = project.registry_file
    assert file is not None
    aside = file.with_suffix(".aside")
    if file.exists():
        file.rename(aside)
    file.mkdir()
    (message,) = asked(project, 399).messages
    assert (message.rule, "metrics" in message.what) == ("watching", True)
    file.rmdir()
    if aside.exists():
        aside.rename(file)
    assert new(asked(project, 399)) == {"1": 10, "2": 8}
    assert logged(project) == whole(project)

"""Trained anew on what a real server recorded: a challenger that the gate let pass, and never a champion."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.vouched import promote

from holdfast.access import keys
from holdfast.checks.catalog import CHECKS
from holdfast.checks.journey import check
from holdfast.errors import HoldfastError
from holdfast.ledger.records import Approval, Experiment
from holdfast.project import experiment, gate
from holdfast.project.alerts.outbox import Outbox
from holdfast.project.alerts.sending import Sending
from holdfast.project.bundles import history, named
from holdfast.project.fresh import grounds
from holdfast.project.ledger import shown
from holdfast.project.people import VARIABLE
from holdfast.project.project import Project
from holdfast.project.reproduce import reproduce
from holdfast.project.retrain import resume, retrain, retrainings
from holdfast.project.server import Server
from holdfast.project.start import start
from holdfast.project.traffic import Client, Traffic
from holdfast.project.train import train
from holdfast.project.waiting import Waiting
from holdfast.project.watching import Round, Watching
from holdfast.simulate import cards
from holdfast.simulate.table import DAY, this_minute

pytestmark = pytest.mark.long

QUICK = (
    "params={ num_iterations = 25, num_leaves = 7 }",
    "folds=2",
    "bootstrap=0",
    "test_days=7",
    "validation=stratified",
)
LIVE = 30
"""Days that a server sees."""
CODES = ("GATE101", "GATE203", "GATE204")


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Champion trained on sixty days, then a month through a real server, outcomes as they came."""
    folder = tmp_path_factory.mktemp("lived") / "shop"
    start("shop", "cards", folder, data=False)
    settings = (folder / "holdfast.toml").read_text()
    more = f"backdate_seconds = {86_400 * (LIVE + 2)}\n"
    (folder / "holdfast.toml").write_text(
        settings.replace("port = 8000", "port = 0\n" + more) + "\n[retrain]\nleast_rows = 300\nleast_positives = 5\n"
    )
    # Until midnight: at another hour other payments would be the test part, and some hours bring no fraud.
    now = this_minute() // DAY * DAY
    table = cards.payments(customers=30, terminals=18, days=90, end=now, fraud=6.0)
    cut = now - LIVE * DAY
    past = table.columns["occurred_at"] < cut
    table.take(past).known("is_fraud", cut).write(folder / "data" / "payments.parquet")
    project = Project.open(folder)
    train(project, changes=QUICK)
    promote(project, "1", why="the first", who="tests")
    live = table.take(~past)
    came = live.columns["is_fraud_received_at"]
    outcomes = sorted(
        (int(at), str(name), bool(value))
        for at, name, value in zip(came, live.columns["payment_id"], live.columns["is_fraud"], strict=True)
        if at is not None and value is not None
    )
    bodies = list(live.bodies(frozenset({"is_fraud", "is_fraud_received_at"})))
    times = live.columns["occurred_at"]
    with Server(folder) as server, Client(server.port) as client:
        for day in range(LIVE + 1):
            begin, end = cut + day * DAY, cut + (day + 1) * DAY
            today = [body for body, at in zip(bodies, times, strict=True) if begin <= at < end]
            sent = Traffic(server.port, today).start().finish()
            assert not sent.failed, sent.failed[0]
            told = [
                {"event_id": name, "label": "is_fraud", "value": value}
                for at, name, value in outcomes
                if begin <= at < end
            ]
            if told:
                status, reply = client.post("/outcomes", {"outcomes": told})
                assert (status, reply["refused"]) == (200, 0)
    return folder


@pytest.fixture
def project(lived: Path, tmp_path: Path) -> Project:
    shutil.copytree(lived, tmp_path / "shop")
    return Project.open(tmp_path / "shop")


def examine(project: Project, version: str) -> Mapping[str, Any]:
    """Three of the gate's own checks, the comparison with the champion among them; written down as `check` does."""
    verdict = check(project, version, checks=[item for item in CHECKS if item.code in CODES])
    stopping = [item.check.code for item in verdict.stopping]
    gate.record(
        project, version=verdict.version, bundle=verdict.bundle, verdict="a" * 64, ok=not stopping, stopping=stopping,
        counted=[],
    )  # fmt: skip
    return {**verdict.as_dict(), "ok": not stopping}


def refuse(project: Project, version: str) -> Mapping[str, Any]:
    told = examine(project, version)
    lost = [{**item, "status": "failed", "why": "worse"} for item in told["checks"] if item["code"] == "GATE203"]
    return {**told, "ok": False, "checks": lost}


def test_it_learns_from_what_a_server_recorded_and_becomes_a_challenger(project: Project) -> None:
    done = retrain(project, examine=examine, because=["performance"], why="below for a week", changes=QUICK)
    assert done.ok, done.record.reason
    assert done.record.ended == "challenger"
    decided = history(project)
    assert [decided.live().version, decided.live("challenger").version] == ["1", "2"]  # type: ignore[union-attr]
    figures = done.record.figures
    assert figures["lived"] > 1_500
    assert figures["outcomes"] > 5
    assert figures["unreadable"] == 0
    assert figures["settled"] >= 300
    assert "ROC-AUC" in figures["compared"]
    assert set(figures["difference"]) >= {"roc_auc", "f1"}
    assert retrainings(project)[-1] == done.record
    assert "trained anew, version 2 challenger" in shown(project, kind="retraining")[-1]["what"]
    assert json.loads(json.dumps(done.as_dict()))["because"] == ["performance"]


def test_the_newcomer_can_be_examined_and_made_again_on_what_it_learned_from(project: Project) -> None:
    done = retrain(project, examine=examine, why="the calendar", changes=QUICK)
    again = reproduce(project, "2")
    assert again.ok, again.lines()
    assert reproduce(project, "1").ok
    assert grounds(project, done.record.bundle).settings.inputs != project.settings.inputs
    moved = project.folder.with_name("moved")
    project.folder.rename(moved)
    assert reproduce(Project.open(moved), "2").ok


def test_live_rows_have_the_features_that_they_were_decided_on(project: Project) -> None:
    """What is gathered, built by batch, is what the server computed; records that came late may differ."""
    import numpy as np

    from holdfast.ledger.records import Decision
    from holdfast.project.build import features

    done = retrain(project, examine=examine, why="the calendar", changes=QUICK)
    table = features(grounds(project, done.record.bundle))
    rows = {item: at for at, item in enumerate(table.ids.tolist())}
    decisions = [item for item in project.reader.records() if isinstance(item, Decision)]
    assert {item.event_id for item in decisions} <= set(rows)
    live = np.vstack([np.frombuffer(item.features) for item in decisions])
    built = table.matrix[[rows[item.event_id] for item in decisions]]
    equal = ((live == built) | (np.isnan(live) & np.isnan(built))).all(axis=1)
    # Four clients send a day's payments: some overtake each other, as the arrival skew says.
    assert equal.mean() > 0.8


def test_too_few_matured_decisions_are_refused_and_written_down(project: Project) -> None:
    wanting = Project(project.folder, type(project.settings)(**{**vars_of(project), "retrain_least_positives": 10_000}))
    done = retrain(wanting, examine=examine, why="too early", changes=QUICK)
    assert (done.ok, done.record.ended, done.record.version) == (False, "refused", "")
    assert "10,000 are wanted" in done.record.reason
    assert len(project.registry.versions()) == 1
    assert retrainings(project)[-1].ended == "refused"


def test_what_the_gate_stops_becomes_nothing(project: Project) -> None:
    done = retrain(project, examine=refuse, why="the calendar", changes=QUICK)
    assert (done.ok, done.record.ended, done.record.version) == (False, "stopped", "2")
    assert "GATE203 worse" in done.record.reason
    assert done.notes == ("GATE203 worse",)
    assert [line.strip() for line in done.lines()[2:4]] == [
        f"stopped (record {done.record.seq}): the gate found what it may not pass with, 1 in all", "GATE203 worse",
    ]  # fmt: skip
    assert done.lines()[-1].startswith("next: mend it and train anew; or answer for each: holdfast waive CODE 2")
    assert history(project).live("challenger") is None
    assert history(project).live().version == "1"  # type: ignore[union-attr]


def left_waiting(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = {name: keys.create(project.home, name, [role], by="keeper")[1] for name, role in PEOPLE.items()}
    monkeypatch.setenv(VARIABLE, texts["ann"])
    done = retrain(project, examine=examine, why="drift", canary={"dwell": 1.0}, changes=QUICK)
    assert (done.ok, done.record.ended) == (True, "waiting"), done.record.reason
    assert "approval" in done.record.reason


def approved(project: Project) -> None:
    version, bundle = named(project, "2")
    eve = next(item for item in keys.read(project.home).all if item.name == "eve")
    with project.writing() as (_, writer):
        writer.commit([
            Approval(action="approve", version=version, bundle=bundle.hash, verdict="a" * 64, who="eve", key=eve.id,
                     why="looked at it")
        ])  # fmt: skip


def watched(project: Project) -> Round:
    """The duty by a watch that has just begun."""
    outbox = Outbox(project.home / "alerts")
    with Sending(outbox, []) as sending:
        return Watching(project, outbox, sending, [Waiting()], address="").round(Waiting())


def canaries(project: Project) -> list[Experiment]:
    return [item for item in project.reader.course() if isinstance(item, Experiment) and item.action == "start"]


def test_a_canary_waits_for_people_and_the_watch_begins_it_once_when_they_approved(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert watched(project).found.told == {}
    left_waiting(project, monkeypatch)
    assert watched(project).found.told == {"canary": {"version": "2", "begun": False}}
    assert canaries(project) == []
    approved(project)
    done = watched(project)
    assert done.messages == []
    assert done.found.told["canary"]["begun"] is True
    assert "in the canary canary-" in done.found.lines[0]
    assert [item.ended for item in retrainings(project)] == ["waiting", "canary"]
    (begun,) = canaries(project)
    assert (begun.kind, [arm.version for arm in begun.arms], begun.plan["dwell"]) == ("canary", ["1", "2"], 1.0)
    assert history(project).live().version == "1"  # type: ignore[union-attr]
    assert watched(project).found.told == {}
    experiment.stop(project, why="worse")
    assert watched(project).found.told == {}
    assert resume(project) is None
    assert canaries(project) == [begun]


KILLED = """
import os, signal, sys
from pathlib import Path
from holdfast.project import experiment
from holdfast.project.project import Project
from tests.project.test_retrain import watched

real = experiment.start

def start(*given, **named):
    real(*given, **named)
    os.kill(os.getpid(), signal.SIGKILL)

experiment.start = start
watched(Project.open(Path(sys.argv[1])))
"""


def test_a_canary_is_begun_once_though_the_watch_was_killed_before_it_could_say_so(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what people began and ended by hand is not begun again either."""
    left_waiting(project, monkeypatch)
    approved(project)
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(project.folder)], check=False, capture_output=True, text=True
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert [item.ended for item in retrainings(project)] == ["waiting"]
    assert len(canaries(project)) == 1
    experiment.stop(project, why="worse, says somebody")
    told = watched(project)
    assert told.found.told["canary"]["begun"] is True
    assert [item.ended for item in retrainings(project)] == ["waiting", "canary"]
    assert watched(project).found.told == {}
    assert len(canaries(project)) == 1


def test_a_canary_that_may_begin_and_cannot_is_told(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    left_waiting(project, monkeypatch)
    approved(project)
    shutil.rmtree(project.bundles_path / named(project, "1")[1].hash)
    (message,) = watched(project).messages
    assert (message.rule, "canary" in message.what) == ("watching", True)
    assert canaries(project) == []


PEOPLE = {"ann": "operator", "eve": "approver"}


def test_nobody_trains_anew_without_a_reason_or_a_champion(project: Project, tmp_path: Path) -> None:
    with pytest.raises(HoldfastError, match="nobody says why"):
        retrain(project, examine=examine)
    start("new", "fraud", tmp_path / "new", rows=500)
    with pytest.raises(HoldfastError, match="nothing answers yet"):
        retrain(Project.open(tmp_path / "new"), examine=examine, why="early")


def vars_of(project: Project) -> dict[str, Any]:
    return {name: getattr(project.settings, name) for name in project.settings.__dataclass_fields__}

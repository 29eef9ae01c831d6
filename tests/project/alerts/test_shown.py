"""`holdfast alerts` shows what is open and what was, and who answers for it; duties keep their times over restarts."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest
from tests.project.alerts.receivers import finding
from typer.testing import CliRunner

from holdfast.cli import place
from holdfast.cli.main import app
from holdfast.project.alerts.sending import Sending
from holdfast.project.project import Project
from holdfast.project.watching import Found, Place, Round, Watching, alone


class Duty:
    """Finds what it is told to find."""

    def __init__(self, name: str, every: float, *, quick: bool) -> None:
        self.name, self.every, self.quick = name, every, quick
        self.begun: list[float] = []

    def look(self, place: Place) -> Found | None:
        self.begun.append(time.monotonic())
        return Found(time.time_ns() // 1_000, {"3": [finding(severity="high")]}, remember={"seen": len(self.begun)})


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    (tmp_path / "holdfast.toml").write_text('name = "shop"\n')
    monkeypatch.setattr(place, "_chosen", None)
    monkeypatch.delenv("HOLDFAST_KEY", raising=False)
    return Project.open(tmp_path)


def asked(project: Project, *words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["-C", str(project.folder), "alerts", *words])
    return done.exit_code, done.output


def test_an_alert_is_shown_and_somebody_answers_for_it(project: Project) -> None:
    assert asked(project) == (0, "no alerts\n")
    with alone(project) as outbox, Sending(outbox, []) as sending:
        Watching(project, outbox, sending, [], address="").round(Duty("traffic", 1.0, quick=True))
    code, told = asked(project, "--json")
    (alert,) = json.loads(told)["alerts"]
    assert code == 1  # nobody has it
    assert {name: alert[name] for name in ("state", "severity", "cause", "version", "features", "acknowledged")} == {
        "state": "open", "severity": "high", "cause": "units", "version": "3", "features": ["amount"],
        "acknowledged": None,
    }  # fmt: skip
    code, told = asked(project)
    assert code == 1
    assert "amount is 100 times what it was" in told
    assert asked(project, "--acknowledge", alert["alert"][:5], "--because", "cents", "--as", "ada")[0] == 0
    code, told = asked(project, "--json")
    (alert,) = json.loads(told)["alerts"]
    assert (code, alert["state"]) == (0, "acknowledged")
    assert (alert["acknowledged"]["who"], alert["acknowledged"]["why"]) == ("ada", "cents")
    with alone(project) as outbox, Sending(outbox, []) as sending:  # looks go on, and nothing of it is lost
        Watching(project, outbox, sending, [], address="").round(Duty("traffic", 1.0, quick=True))
    assert json.loads(asked(project, "--json")[1])["alerts"][0]["acknowledged"]["who"] == "ada"


@pytest.mark.parametrize("words", [["--acknowledge", "0"], ["--acknowledge", "nobody", "--because", "x"]])
def test_an_answer_needs_a_reason_and_an_alert(project: Project, words: list[str]) -> None:
    with alone(project) as outbox, Sending(outbox, []) as sending:
        Watching(project, outbox, sending, [], address="").round(Duty("traffic", 1.0, quick=True))
    assert asked(project, *words)[0] != 0
    assert json.loads(asked(project, "--json")[1])["alerts"][0]["acknowledged"] is None


def followed(project: Project, duties: list[Duty], seconds: float) -> list[Round]:
    ended, rounds = threading.Event(), list[Round]()
    threading.Timer(seconds, ended.set).start()
    with alone(project) as outbox, Sending(outbox, []) as sending:
        Watching(project, outbox, sending, duties, address="").follow(ended, rounds.append)
    return rounds


def test_what_is_due_by_the_hour_is_not_done_again_because_the_watch_began_again(project: Project) -> None:
    looks, hourly = Duty("looks", 0.1, quick=True), Duty("hourly", 3_600.0, quick=False)
    rounds = followed(project, [looks, hourly], 1.0)
    assert len(hourly.begun) == 1  # never done before: it is due
    assert len(looks.begun) >= 2
    assert [len(done.messages) for done in rounds].count(1) == 2  # one alert of each, told once
    again, later = Duty("looks", 0.1, quick=True), Duty("hourly", 3_600.0, quick=False)
    rounds = followed(project, [again, later], 1.0)
    assert (later.begun, len(again.begun) >= 2) == ([], True)
    assert [done.messages for done in rounds if done.messages] == []  # the second process knows what the first told
    due = Duty("hourly", 0.2, quick=False)
    followed(project, [due], 1.0)
    assert due.begun

"""A look raises what is wrong, and nothing where nothing is."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.checks import stage
from tests.project.alerts.receivers import web
from tests.serving.shop import Server, pack_model, payment, promote, second, serving, shop
from typer.testing import CliRunner

from holdfast.access import keys
from holdfast.checks.rehearsal import promotion
from holdfast.cli import place
from holdfast.cli.main import app
from holdfast.ledger.read import LedgerReader
from holdfast.ledger.records import Arm, Experiment, ExperimentKind, Record
from holdfast.ledger.replay import Difference, ReplayReport
from holdfast.monitoring.finding import Finding, Status
from holdfast.project import server as process
from holdfast.project.alerts.sending import Sending
from holdfast.project.alerts.webhook import WebhookDoor
from holdfast.project.duties import Parity, Traffic
from holdfast.project.monitor import keep_parity
from holdfast.project.project import Project
from holdfast.project.replay import LiveParity
from holdfast.project.traffic import Client
from holdfast.project.watch import Seen, look
from holdfast.project.watching import Found, Place, Watching, alone


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Project, Server]]:
    folder = tmp_path_factory.mktemp("shop")
    shop(folder / ".holdfast")
    (folder / "holdfast.toml").write_text('name = "shop"\n')
    with serving(folder / ".holdfast") as server:
        yield Project.open(folder), server


def test_a_sound_server_is_passed_over_in_silence(running: tuple[Project, Server]) -> None:
    project, server = running
    before = look(project, server.address).seen  # other tests ask it too
    for number in range(30):
        assert server.post("/predict", payment(f"sound-{number}")).status_code == 200
    found = look(project, server.address, before)
    assert found.alerts == []
    assert found.seen.since(before) == (30, 0, 0)


def test_requests_refused_since_the_last_look_alert_once(running: tuple[Project, Server]) -> None:
    project, server = running
    before = look(project, server.address).seen
    for number in range(25):
        assert server.post("/predict", payment(f"odd-{number}", merchant_category="?")).status_code == 400
    found = look(project, server.address, before)
    assert [alert.rule for alert in found.alerts] == ["refusals"]
    assert found.alerts[0].evidence == {"requests": 25, "errors": 0, "refused": 25}
    assert look(project, server.address, found.seen).alerts == []


def test_a_promotion_that_cannot_be_followed_alerts(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    shop(home)
    (tmp_path / "holdfast.toml").write_text('name = "shop"\n')
    with serving(home) as server:
        newer = pack_model(home, second())
        model = home / "bundles" / newer / "model.json"
        model.write_bytes(model.read_bytes() + b" ")
        promote(home, second(), newer, "2")
        for _ in range(100):
            found = look(Project.open(tmp_path), server.address)
            if found.alerts:
                break
            threading.Event().wait(0.05)
    assert [(alert.rule, alert.severity) for alert in found.alerts] == [("promotion", "critical")]


def test_counts_of_a_server_begun_anew_count_from_nothing() -> None:
    assert Seen(True, 10, 1, 2).since(Seen(True, 4, 1, 0)) == (6, 0, 2)
    assert Seen(True, 10, 1, 2).since(Seen(True, 400, 7, 9)) == (10, 1, 2)


def test_what_an_earlier_version_kept_of_a_look_can_be_read() -> None:
    assert Seen.of({"answers": True, "requests": 7, "errors": 1, "psi": 0.3, "scores": 900}) == Seen(True, 7, 1, 0)


def test_the_command_exits_by_what_it_saw_and_sends_it(
    running: tuple[Project, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    project, server = running
    monkeypatch.setattr(place, "_chosen", None)
    words = ["-C", str(project.folder), "watch"]
    with web(204) as (address, got):
        monkeypatch.setenv("HOLDFAST_ALERTS_WEBHOOK", address)
        monkeypatch.setenv("HOLDFAST_MONITOR_REFUSED_SHARE", "1.0")  # other tests are refused on purpose
        sound = CliRunner().invoke(app, [*words, server.address, "--once", "--json"])
        assert sound.exit_code == 0, sound.output
        assert got == []
        away = CliRunner().invoke(app, [*words, "http://127.0.0.1:1", "--once"])
    assert away.exit_code == 1
    assert "the server does not answer" in away.output
    assert [item["rule"] for item in got] == ["outage"]


def test_a_server_that_wants_a_key_is_no_outage_without_a_word(tmp_path: Path) -> None:
    """Who may not look is told so, and not that all is well."""
    home = tmp_path / ".holdfast"
    shop(home)
    (tmp_path / "holdfast.toml").write_text('name = "shop"\n')
    text = keys.create(home, "someone", ["viewer"], by="test")[1]
    project = Project.open(tmp_path)
    with serving(home) as server:
        found = look(project, server.address)
        assert [alert.rule for alert in found.alerts] == ["outage"]
        assert "the server does not tell: 401" in found.alerts[0].evidence["why"]
        assert look(project, server.address, key=text).seen.answers


def test_what_clients_sent_is_found_and_neither_written_down_nor_sent(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    shop(home)
    (tmp_path / "holdfast.toml").write_text('name = "shop"\n')
    project, word = Project.open(tmp_path), "jane.doe@example.com"
    with serving(home) as server, web(204) as (address, got), alone(project) as outbox:
        for number in range(40):
            body = payment(f"told-{number}", merchant_category=word) | ({word: 1} if number % 2 else {})
            assert server.post("/predict", body).status_code in (400, 422)
        with Sending(outbox, [WebhookDoor(address)]) as sending:
            duty = Traffic()
            done = Watching(project, outbox, sending, [duty], address=server.address).round(duty)
            assert sending.settle(10)
    alerts = [item for items in done.found.by_version.values() for item in items if item.status == "alert"]
    assert word in str(alerts)  # the monitor of this machine says it
    assert {item["rule"] for item in got} <= {"vocabulary", "schema"}
    assert got
    assert word not in str(got)
    assert "jane" not in (home / "alerts" / "outbox.db").read_bytes().decode(errors="replace")


def test_live_answers_are_computed_again_and_what_differs_is_told(tmp_path: Path) -> None:
    """The whole way: the command in a process of its own keeps what it found, the watch of the traffic tells it."""
    project = stage.project(tmp_path / "shop")
    stage.live(project, "1")
    parity, traffic = Parity(3_600.0, 1_000), Traffic()
    with alone(project) as outbox, Sending(outbox, []) as sending:
        watching = Watching(project, outbox, sending, [parity, traffic], address="")
        nothing = watching.round(parity)
        assert (nothing.found.told, nothing.messages) == ({}, [])  # nothing was answered yet
        with process.Server(project.folder) as server, Client(server.port) as client:
            for number in range(60):
                body = {"payment_id": f"p-{number}", "amount": 99.95, "hour": 14, "day_of_week": 3}
                assert client.post("/predict", body | {"merchant_category": "online"})[0] == 200
        sound = watching.round(parity)
        assert sound.found.told["parity"]["ok"]
        assert sound.found.told["parity"]["replayed"]["decisions"] == 60
        assert [item.rule for item in watching.round(traffic).messages if item.rule == "skew"] == []
        place = project.home / "monitor" / "parity.json"
        told = json.loads(place.read_text())
        place.write_text(json.dumps(told | {"differing": 7, "by_feature": {"amount": 7}}))
        (message,) = (item for item in watching.round(traffic).messages if item.rule == "skew")
    assert (message.severity, message.features) == ("critical", ("amount",))
    assert "7 of 60 live answers differ" in message.what


def test_a_look_reads_what_came_since_the_last_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = stage.project(tmp_path / "shop")
    stage.live(project, "1")
    read: list[int] = []
    after = LedgerReader._after

    def noted(self: LedgerReader, since: int, *holding: Any) -> Iterator[Record]:
        read.append(since)
        return after(self, since, *holding)

    traffic = Traffic()
    with alone(project) as outbox, Sending(outbox, []) as sending:
        watching = Watching(project, outbox, sending, [traffic], address="")
        with process.Server(project.folder) as server, Client(server.port) as client:
            for number in range(45):
                body = {"payment_id": f"p-{number}", "amount": 99.95, "hour": 14, "day_of_week": 3}
                assert client.post("/predict", body | {"merchant_category": "online"})[0] == 200
                if number in (29, 44):
                    last = project.reader.last_seq()
                    monkeypatch.setattr(LedgerReader, "_after", noted)
                    watching.round(traffic)
                    monkeypatch.undo()
                if number == 29:
                    assert 0 in read  # the first look knows nothing yet
                    read.clear()
                    before = last
        assert read
        assert min(read) >= before
        assert last >= before + 15
        bundle = stage.version(project, "1")
        assert watching.followed.judgements("1", bundle.contract).held[0] == 45


def test_one_difference_is_one_alert_though_two_versions_are_looked_at(tmp_path: Path) -> None:
    """Champion and challenger both see what was computed again; a version promoted since has no part in it."""
    project = stage.project(tmp_path / "shop", versions=3)
    stage.live(project, "1")

    def made(version: str, alias: str) -> None:
        bundle = stage.version(project, version)
        with project.writing() as (_, writer):
            writer.commit([msgspec.structs.replace(promotion(version, bundle), alias=alias)])

    made("2", "challenger")
    apart = [Difference(f"p{at}", "B", "feature amount", 1.0, 2.0) for at in range(7)]
    scores = [Difference(f"p{at}", "A", "score", 0.1, 0.2) for at in range(9)]
    keep_parity(project, LiveParity(ReplayReport(decisions=60, differences=[*scores, *apart])))
    traffic = Traffic()
    with alone(project) as outbox, Sending(outbox, []) as sending:
        watching = Watching(project, outbox, sending, [traffic], address="")
        done = watching.round(traffic)
        (message,) = done.messages
        assert (message.rule, message.version, message.features, message.event) == ("skew", "", ("amount",), "opened")
        assert "9 of 60 live answers differ from what batch computes; amount most (7)" in message.what
        assert {version for version, items in done.found.by_version.items() if items} == {"", "1", "2"}
        made("3", "champion")
        assert watching.round(traffic).messages == []
        keep_parity(project, LiveParity(ReplayReport(decisions=60)))
        watching.round(traffic)
        assert [(item.cause, item.lead.well_since is not None) for item in outbox.open()] == [("skew", True)]


def test_whoever_an_experiment_lets_answer_is_looked_at(tmp_path: Path) -> None:
    project = stage.project(tmp_path / "shop", versions=3)
    stage.live(project, "1")
    arms = [
        Arm(name=name, version=version, bundle=(bundle := stage.version(project, version)).hash,
            contract=bundle.contract.hash, weight=5_000)
        for name, version in (("champion", "1"), ("other", "3"))
    ]  # fmt: skip
    traffic = Traffic()
    with alone(project) as outbox, Sending(outbox, []) as sending:
        watching = Watching(project, outbox, sending, [traffic], address="")
        kinds: list[tuple[ExperimentKind, set[str]]] = [("shadow", {"", "1"}), ("ab", {"", "1", "3"})]
        for kind, seen in kinds:
            began = Experiment(action="start", name=kind, kind=kind, arms=arms, salt=b"s", who="me", why="to see")
            with project.writing() as (_, writer):
                writer.commit([began])
            assert set(watching.round(traffic).found.by_version) == seen


def test_a_duty_that_cannot_be_done_is_told_and_ends_no_other(tmp_path: Path) -> None:
    (tmp_path / "holdfast.toml").write_text('name = "shop"\n')
    project = Project.open(tmp_path)

    class Broken:
        name, every, quick = "broken", 1.0, True
        works = False

        def look(self, place: Place) -> Found | None:
            if self.works:
                return None
            raise ZeroDivisionError("with a client's 4711 in it")

    duty = Broken()
    with alone(project) as outbox, Sending(outbox, []) as sending:
        watching = Watching(project, outbox, sending, [duty], address="http://127.0.0.1:1")
        (message,) = watching.round(duty).messages
        assert (message.rule, message.event) == ("watching", "opened")
        assert "broken" in message.what
        assert "4711" not in str(message)
        assert watching.round(duty).messages == []
        duty.works = True
        assert watching.round(duty).messages == []  # well, and not yet for long enough
        assert [alert.lead.well_since is not None for alert in outbox.open()] == [True]


def test_a_watch_that_crashed_is_told_and_is_not_well(tmp_path: Path) -> None:
    (tmp_path / "holdfast.toml").write_text('name = "shop"\n')
    project = Project.open(tmp_path)

    class Blind:
        name, every, quick = "blind", 1.0, True
        status: Status = "alert"

        def look(self, place: Place) -> Found | None:
            said = Finding("WATCH101", self.status, "nulls", "stumbled over 4711", feature="amount")
            return Found(time.time_ns() // 1_000, {"3": [said]}, ours=frozenset({"amount"}))

    duty = Blind()
    with alone(project) as outbox, Sending(outbox, []) as sending:
        watching = Watching(project, outbox, sending, [duty], address="")
        assert [item.rule for item in watching.round(duty).messages] == ["nulls"]
        duty.status = "crashed"
        (message,) = watching.round(duty).messages
        assert (message.rule, message.what) == ("watching", "WATCH101 cannot look")
        assert "4711" not in str(message)
        assert {alert.cause: alert.lead.well_since for alert in outbox.open()} == {"nulls": None, "watching": None}
        duty.status = "ok"
        assert watching.round(duty).messages == []
        assert all(alert.lead.well_since for alert in outbox.open())


def test_the_page_for_prometheus_says_that_somebody_watches(
    running: tuple[Project, Server], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    project, server = running
    monkeypatch.setattr(place, "_chosen", None)
    monkeypatch.setenv("HOLDFAST_ALERTS_TEXTFILE", str(tmp_path / "alerts.prom"))
    CliRunner().invoke(app, ["-C", str(project.folder), "watch", server.address, "--once"])
    assert "holdfast_alerts_written_timestamp_seconds{" in (tmp_path / "alerts.prom").read_text()

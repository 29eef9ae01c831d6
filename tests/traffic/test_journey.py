"""Experiments on a real project, by command: registry, desk, door, server, replay."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.traffic.stage import wait_for
from tests.vouched import People, promote, vouched

from holdfast.cli.main import main
from holdfast.errors import HoldfastError
from holdfast.ledger.records import Decision
from holdfast.project import experiment
from holdfast.project.experiment_status import status
from holdfast.project.project import Project
from holdfast.project.replay import replay
from holdfast.project.server import Server
from holdfast.project.start import start
from holdfast.project.traffic import Client
from holdfast.project.train import train
from holdfast.traffic.recheck import assignments

QUICK = ("params={ num_iterations = 10 }", "folds=2", "bootstrap=0")
BODY = {"amount": 120.5, "hour": 3, "day_of_week": 2, "merchant_category": "online"}
EAGER = {"steps": [5_000, 10_000], "at_least": 10, "dwell": 0.0, "tolerance": 0.9, "failures": 0.5}


@pytest.fixture(scope="module")
def _trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained") / "shop"
    start("shop", "fraud", folder, rows=2_000)
    project = Project.open(folder)
    train(project, changes=QUICK)
    train(project, changes=("params={ num_iterations = 20 }", *QUICK[1:]))
    promote(project, "1", why="the first")
    return folder


@pytest.fixture
def project(_trained: Path, tmp_path: Path) -> Project:
    """A project with version 1 live and version 2 registered."""
    shutil.copytree(_trained, tmp_path / "shop")
    return Project.open(tmp_path / "shop")


@pytest.fixture
def people(project: Project) -> Iterator[People]:
    """Those who answer for version 2, and whose keys the server therefore asks for."""
    with vouched(project, "2") as found:
        yield found


Run = Callable[..., tuple[int, Any]]


@pytest.fixture
def run(project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`holdfast experiment …` on the project, in this process: exit code, and the document it printed."""

    def call(*words: str) -> tuple[int, Any]:
        capsys.readouterr()
        monkeypatch.setattr("sys.argv", ["holdfast", "-C", str(project.folder), "experiment", *words, "--json"])
        with pytest.raises(SystemExit) as end:
            main()
        return int(end.value.code or 0), json.loads(capsys.readouterr().out)

    return call


def version(server: Server, people: People) -> str:
    """Which one answers now."""
    with Client(server.port, key=people.submitter) as client:
        return str(client.get("/model-info")[1]["version"])


def ask(client: Client, numbers: range) -> list[dict[str, Any]]:
    found = []
    for number in numbers:
        code, reply = client.post("/predict", {**BODY, "payment_id": f"p-{number}", "amount": 20 + number})
        assert code == 200, reply
        found.append(reply)
    return found


def test_an_experiment_is_started_watched_promoted_and_replayed_by_command(
    project: Project, people: People, run: Run
) -> None:
    code, told = run("start", "ab", "2", "--name", "try-2", "--why", "twice the trees")
    assert (code, told["name"], [item["share"] for item in told["variants"]]) == (0, "try-2", [0.5, 0.5])
    code, refused = run("start", "bandit", "2", "--why", "at once")
    assert (code, "try-2 is under way" in refused["error"]["what"]) == (2, True)
    with Server(project.folder) as server, Client(server.port, key=people.scorer) as client:
        replies = ask(client, range(60))
        code, found = run("status")
        (seen,) = found["experiments"]
        by_name = {item["variant"]: item for item in seen["variants"]}
        assert {name: item["answered"] for name, item in by_name.items()} == {
            name: sum(reply["variant"] == name for reply in replies) for name in ("champion", "challenger")
        }
        assert by_name["challenger"]["against_champion"]["verdict"] == "nothing has matured"
        code, ended = run("promote", "--why", "it is better")
        assert (code, ended["action"]) == (0, "promote")
        wait_for(lambda: version(server, people) == "2")
        assert ask(client, range(60, 62))[0]["variant"] == "champion"
    assert status(project, "try-2").experiments[0]["state"] == "promoted"
    report = replay(project)
    assert report.ok, str(report)
    assert report.versions.keys() == {"1", "2"}


def test_a_tampered_variant_is_named_by_replay(project: Project, people: People) -> None:
    experiment.start(project, "ab", ["2"], why="to see")
    with Server(project.folder) as server, Client(server.port, key=people.scorer) as client:
        ask(client, range(12))
    records = list(project.reader.records())
    decisions = [item for item in records if isinstance(item, Decision)]
    from holdfast.project.bundles import opened

    def contract_of(bundle: str) -> Any:
        return opened(project, bundle).contract

    assert assignments(decisions, records, contract_of) == []
    other = {"champion": "challenger", "challenger": "champion"}
    for change in ("variant", "version", "assigned", "experiment"):
        honest = getattr(decisions[3], change)
        lies: dict[str, Any] = {
            "variant": other[decisions[3].variant],
            "version": "3",
            "assigned": "ab:other:hash",
            "experiment": 1,
        }
        setattr(decisions[3], change, lies[change])
        found = assignments(decisions, records, contract_of)
        assert {item.prediction_id for item in found} == {decisions[3].prediction_id}, change
        setattr(decisions[3], change, honest)


def test_a_canary_that_holds_every_guard_is_promoted_by_itself(project: Project, people: People) -> None:
    experiment.start(project, "canary", ["2"], told={**EAGER, "auto": True}, why="twice the trees")
    with Server(project.folder) as server, Client(server.port, key=people.scorer) as client:
        numbers = iter(range(0, 100_000, 10))

        def promoted() -> bool:
            at = next(numbers)
            ask(client, range(at, at + 10))
            return version(server, people) == "2"

        wait_for(promoted, 60)
    (found,) = status(project, f"canary-{_start(project)}").experiments
    assert [step["action"] for step in found["course"]] == ["start", "step", "promote"]
    assert found["course"][-1]["why"].startswith("challenger: every guard holds")
    assert replay(project, sample=50).ok


def _start(project: Project) -> int:
    from holdfast.ledger.records import Experiment

    return next(item.seq for item in project.reader.course() if isinstance(item, Experiment))


def test_a_shadow_is_replayed_with_its_decision(project: Project) -> None:
    experiment.start(project, "shadow", ["2"], name="beside", why="to look on")
    with Server(project.folder) as server, Client(server.port) as client:
        ask(client, range(30))
        wait_for(lambda: status(project).experiments[0]["variants"][0]["scored"] == 30)
    (found,) = status(project).experiments
    assert (found["dropped"], found["waiting"]) == (0, 0)
    report = replay(project)
    assert (report.ok, report.decisions, report.shadows) == (True, 30, 30)
    some = [item for item in project.reader.records() if isinstance(item, Decision)][:3]
    with project.writing() as (_, writer):
        writer.commit([msgspec.structs.replace(item, seq=0, event_id=f"{item.event_id}-2") for item in some])
    told = status(project)
    assert told.experiments[0]["waiting"] == 3
    assert "  3 not scored yet" in told.lines()
    experiment.stop(project, why="seen enough")
    assert "  3 not scored when it ended" in status(project, "beside").lines()


def test_what_cannot_be_started_says_everything_that_is_wrong(project: Project) -> None:
    with pytest.raises(HoldfastError) as caught:
        experiment.start(project, "abc", [], name="No Name", why="")
    assert {problem.field for problem in caught.value.problems} == {"kind", "name", "why", "versions"}
    with pytest.raises(HoldfastError) as caught:
        experiment.start(project, "canary", ["2"], told={"steps": [500, 100], "level": 2.0, "colour": 1}, why="x")
    assert {problem.field for problem in caught.value.problems} == {"steps", "level", "colour"}
    with pytest.raises(HoldfastError, match="cannot stand beside"):
        experiment.start(project, "ab", ["1"], why="x")
    with pytest.raises(HoldfastError, match="names no entity"):
        experiment.start(project, "ab", ["2"], entity=["amount", "colour"], why="x")
    with pytest.raises(HoldfastError, match="rule cannot be used"):
        experiment.start(project, "rule", ["2"], rules=["colour == 1"], why="x")
    with pytest.raises(HoldfastError, match="no experiment is under way"):
        experiment.stop(project, why="x")
    assert status(project).experiments == []

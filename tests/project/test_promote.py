"""A version goes live with its state, survives the loss of it, and is refused when history was changed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.vouched import promote

from holdfast.errors import HoldfastError
from holdfast.project.history import ensure_state, pin_file
from holdfast.project.project import Project
from holdfast.project.promote import promote as journey
from holdfast.project.promote import rollback
from holdfast.project.replay import replay
from holdfast.project.server import Server
from holdfast.project.start import start
from holdfast.project.state import rebuilt, shown
from holdfast.project.traffic import Client
from holdfast.project.train import train

QUICK = ("params={ num_iterations = 10 }", "folds=2", "bootstrap=0")
BODY = {"amount": 120.5, "hour": 3, "day_of_week": 2, "merchant_category": "online"}


@pytest.fixture(scope="module")
def _trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained") / "shop"
    start("shop", "fraud", folder, rows=2_000)
    train(Project.open(folder), changes=QUICK)
    return folder


@pytest.fixture
def project(_trained: Path, tmp_path: Path) -> Project:
    """A project with one version that is not live yet."""
    shutil.copytree(_trained, tmp_path / "shop")
    return Project.open(tmp_path / "shop")


def test_nothing_serves_before_something_is_promoted(project: Project) -> None:
    with pytest.raises(HoldfastError, match="did not start") as caught, Server(project.folder):
        pass
    assert "no champion" in caught.value.mend


def test_a_promotion_builds_state_first_and_the_server_needs_only_the_four_fields(project: Project) -> None:
    promote(project, "1", why="the first")
    assert all(series["ready"] for series in shown(project)["series"])
    with Server(project.folder) as server, Client(server.port) as client:
        status, reply = client.post("/predict", BODY)
        assert status == 200
        assert isinstance(reply["is_fraud"], bool)
        assert 0 <= reply["fraud_probability"] <= 1
        status, reply = client.post("/predict", {**BODY, "amount": -1, "hour": 25})
        assert status == 400
        assert [problem["field"] for problem in reply["detail"]["problems"]] == ["amount", "hour"]
    assert replay(project).ok


def test_a_server_that_lost_its_state_builds_it_again_and_gives_the_stored_answer(project: Project) -> None:
    promote(project, "1", why="the first")
    body = {**BODY, "payment_id": "p-1"}
    with Server(project.folder) as server, Client(server.port) as client:
        first = client.post("/predict", body)
    shutil.rmtree(project.state_path)
    with Server(project.folder) as server, Client(server.port) as client:
        assert client.post("/predict", body) == first
    assert replay(project).ok


def test_state_that_is_whole_is_not_built_again(project: Project) -> None:
    promote(project, "1", why="the first")
    assert ensure_state(project) is None
    shutil.rmtree(project.state_path)
    built = ensure_state(project)
    assert built is not None
    assert built.series > 0


def test_a_pinned_history_that_changed_is_refused_until_it_is_pinned_anew(project: Project) -> None:
    promote(project, "1", why="the first")
    path = project.inputs()["payments"]
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(HoldfastError, match="not what it was") as caught:
        rebuilt(project)
    assert caught.value.where == str(pin_file(project))
    assert [problem.field for problem in caught.value.problems] == ["payments"]


def test_a_first_version_has_nothing_to_roll_back_to(project: Project) -> None:
    promote(project, "1", why="the first")
    with pytest.raises(HoldfastError, match="before version 1"):
        rollback(project, why="no reason")


def test_promoting_needs_a_reason_and_a_version_that_exists(project: Project) -> None:
    with pytest.raises(HoldfastError) as caught:
        journey(project, "1", why="")
    assert [problem.field for problem in caught.value.problems] == ["why"]
    with pytest.raises(HoldfastError):
        journey(project, "7", why="it is not there")


def test_state_and_its_rebuilding_need_a_promotion(project: Project) -> None:
    with pytest.raises(HoldfastError, match="no state yet"):
        shown(project)
    with pytest.raises(HoldfastError, match="nothing was promoted"):
        rebuilt(project)

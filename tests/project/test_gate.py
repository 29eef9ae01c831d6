"""By no route does a version go live by its author alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from holdfast.access import keys
from holdfast.errors import HoldfastError
from holdfast.ledger.records import Approval, Examination
from holdfast.project import gate
from holdfast.project import keys as key_journeys
from holdfast.project.bundles import history, named
from holdfast.project.history import build_state
from holdfast.project.people import VARIABLE, machine_user
from holdfast.project.project import Project
from holdfast.project.promote import promote
from holdfast.project.server import Server
from holdfast.project.start import start
from holdfast.project.traffic import Client
from holdfast.project.train import train
from holdfast.registry.door import Wish

QUICK = ("params={ num_iterations = 10 }", "folds=2", "bootstrap=0")
Acting = Callable[[str], None]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A version trained by ann with her key; eve and kim approve, bob submits, ian keeps the keys."""
    folder = tmp_path_factory.mktemp("trained") / "shop"
    start("shop", "fraud", folder, rows=2_000)
    project = Project.open(folder)
    roles = {"ann": "operator", "bob": "operator", "eve": "approver", "kim": "approver", "ian": "admin"}
    made = {name: keys.create(project.home, name, [role], by="keeper")[1] for name, role in roles.items()}
    made["till"] = keys.create(project.home, "till", ["scorer"], by="keeper")[1]
    os.environ[VARIABLE] = made["ann"]
    try:
        train(project, changes=QUICK)
    finally:
        del os.environ[VARIABLE]
    return folder, made


@pytest.fixture
def project(trained: tuple[Path, dict[str, str]], tmp_path: Path) -> Project:
    shutil.copytree(trained[0], tmp_path / "shop")
    return Project.open(tmp_path / "shop")


@pytest.fixture
def made(trained: tuple[Path, dict[str, str]]) -> dict[str, str]:
    """Texts of the keys by name."""
    return trained[1]


@pytest.fixture
def acting(made: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Acting:
    """Be somebody from here on: by the name of a key, or by a key's text."""
    return lambda who: monkeypatch.setenv(VARIABLE, made.get(who, who))


def examined(project: Project, *, ok: bool = True) -> Examination:
    """As `holdfast check` writes it down."""
    version, bundle = named(project, "1")
    return gate.record(
        project,
        version=version,
        bundle=bundle.hash,
        verdict="a" * 64,
        ok=ok,
        stopping=[] if ok else ["GATE101"],
        counted=[],
    )


def refused(project: Project, **more: Any) -> str:
    with pytest.raises(HoldfastError, match="may not pass") as found:
        promote(project, "1", why="it is mine", **more)
    assert history(project).live() is None
    return " ".join(str(problem) for problem in found.value.problems)


def test_two_people_and_a_verdict_are_enough(project: Project, acting: Acting) -> None:
    acting("bob")
    examined(project)
    acting("eve")
    said = gate.approve(project, "1", because="I have read it")
    assert said.lacking == ()
    acting("ann")
    moved = promote(project, "1", why="at last").decided.record
    assert (moved.who, moved.passed) == ("ann", f"verdict {'a' * 12}, approved by eve")


def test_the_author_may_submit_and_not_approve(project: Project, acting: Acting) -> None:
    acting("ann")
    assert "never examined" in refused(project)
    examined(project)
    assert "0 of 1 approvals" in refused(project)
    with pytest.raises(HoldfastError, match="it needs `approve`"):
        gate.approve(project, "1", because="mine")


def test_a_typed_name_is_nobody(project: Project, acting: Acting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USER", "eve")
    monkeypatch.setenv("LOGNAME", "eve")
    assert examined(project).who == machine_user() != "eve"
    assert "nobody proved who asked" in refused(project, who="eve")
    with pytest.raises(HoldfastError, match="it must be proved"):
        gate.approve(project, "1", because="eve says so")


def test_a_second_login_is_no_second_person(project: Project, acting: Acting) -> None:
    acting("ann")
    examined(project)
    with pytest.raises(HoldfastError, match="manage-keys"):
        key_journeys.create(project, "ann2", ["approver"])
    for name, by in (("ann2", "ann"), ("Ann", "keeper")):
        acting(keys.create(project.home, name, ["approver"], by=by)[1])
        with pytest.raises(HoldfastError, match="made or submitted it"):
            gate.approve(project, "1", because="it is not me")
    acting("ian")
    with pytest.raises(HoldfastError, match="holder is the caller"):
        key_journeys.create(project, "ian", ["approver"])


def test_moving_the_alias_with_mlflow_moves_nothing(project: Project, acting: Acting, made: dict[str, str]) -> None:
    from mlflow import MlflowClient

    acting("bob")
    examined(project)
    MlflowClient(project.registry_uri).set_registered_model_alias(project.name, "champion", "1")
    with pytest.raises(HoldfastError, match="did not start"), Server(project.folder):
        pass
    acting("eve")
    gate.approve(project, "1", because="I have read it")
    acting("ann")
    promote(project, "1", why="at last")
    with Server(project.folder) as server, Client(server.port, key=made["bob"]) as client:
        assert client.get("/model-info")[1]["version"] == "1"
        for path in ("/promote", "/approve", "/model/promote", "/versions/1/promote"):
            assert client.post(path, {"version": "1"})[0] in (401, 403, 404, 405)
        paths = client.get("/openapi.json")[1].get("paths", {})
    assert not [path for path in paths if "promot" in path or "approv" in path or "waive" in path]


def test_who_withdraws_while_state_is_built_is_in_time(
    project: Project, acting: Acting, monkeypatch: pytest.MonkeyPatch
) -> None:
    acting("bob")
    examined(project)
    acting("eve")
    gate.approve(project, "1", because="I have read it")
    building = build_state

    def slow(*words: Any) -> Any:
        done = building(*words)
        version, bundle = named(project, "1")
        key = next(item for item in keys.read(project.home).all if item.name == "eve")
        writer = words[3]
        writer.commit(
            [Approval(action="withdraw", version=version, bundle=bundle.hash, who="eve", key=key.id, why="wait")]
        )
        return done

    monkeypatch.setattr("holdfast.project.promote.build_state", slow)
    assert "eve withdrew it: wait" in refused(project)


def test_a_broken_glass_lets_pass_once_also_in_a_race_of_two_processes(project: Project, acting: Acting) -> None:
    acting("bob")
    gate.break_glass(project, "1", because="the old one loses money")
    assert "never examined" in refused(project)
    acting("eve")
    assert gate.break_glass(project, "1", because="it does").lacking == ()
    acting("ann")
    command = [
        sys.executable,
        "-m",
        "holdfast.cli.main",
        "-C",
        str(project.folder),
        "promote",
        "1",
        "--why",
        "it burns",
    ]
    racing = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(2)]
    assert sorted(item.wait(60) for item in racing) == [0, 2]
    assert [item.passed for item in history(project).records] == ["BROKEN GLASS by bob and eve"]
    _, bundle = named(project, "1")
    wish = Wish("promote", "champion", "1", bundle.hash, "", "ann", "again")
    assert gate.gate(project).vetoes(wish)


def test_an_approval_falls_with_its_verdict_and_its_key(project: Project, acting: Acting) -> None:
    acting("bob")
    examined(project)
    acting("eve")
    gate.approve(project, "1", because="I have read it")
    acting("bob")
    version, bundle = named(project, "1")
    gate.record(project, version=version, bundle=bundle.hash, verdict="b" * 64, ok=True, stopping=[], counted=[])
    assert "eve approved another verdict" in refused(project)
    acting("eve")
    gate.approve(project, "1", because="this one too")
    keys.revoke(project.home, "eve", by="keeper")
    acting("bob")
    assert "eve's key is revoked" in refused(project)


def test_what_the_gate_stopped_is_not_approved(project: Project, acting: Acting) -> None:
    acting("bob")
    examined(project, ok=False)
    acting("eve")
    with pytest.raises(HoldfastError, match="not ready to be approved") as found:
        gate.approve(project, "1", because="who cares")
    assert "GATE101" in str(found.value.problems[0])
    said = [row["what"] for row in gate.spoken(project)]
    assert said == ["examined"]

"""A project comes back whole beside a running server's load, or not at all: each fault is named, nothing is left."""

from __future__ import annotations

import json
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.vouched import promote

from holdfast.errors import HoldfastError
from holdfast.ledger.read import LedgerReader
from holdfast.project.backup import MANIFEST, backup, digest
from holdfast.project.project import Project
from holdfast.project.promote import rollback
from holdfast.project.replay import replay
from holdfast.project.restore import restore
from holdfast.project.server import Server
from holdfast.project.start import start
from holdfast.project.traffic import Client
from holdfast.project.train import train

QUICK = ("params={ num_iterations = 10 }", "folds=2", "bootstrap=0")
BODY = {"amount": 120.5, "hour": 3, "day_of_week": 2, "merchant_category": "online"}
DECISIONS = 30


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Two versions, the second live, some answers in the ledger."""
    folder = tmp_path_factory.mktemp("kept") / "shop"
    start("shop", "fraud", folder, rows=2_000)
    made = Project.open(folder)
    train(made, changes=QUICK)
    train(made, changes=(*QUICK, "seed=7"))
    promote(made, "1", why="the first")
    promote(made, "2", why="the second")
    with Server(folder) as server, Client(server.port) as client:
        for number in range(DECISIONS):
            assert client.post("/predict", {**BODY, "amount": 100 + number})[0] == 200
    return made


@pytest.fixture(scope="module")
def kept(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("backups") / "monday"
    backup(project, place)
    return place


@pytest.fixture
def spoilt(kept: Path, tmp_path: Path) -> Path:
    """A copy of the backup, to be spoilt."""
    shutil.copytree(kept, tmp_path / "spoilt")
    return tmp_path / "spoilt"


def test_a_restored_project_serves_rolls_back_and_replays(project: Project, kept: Path, tmp_path: Path) -> None:
    done = restore(kept, tmp_path / "again" / "shop")
    last = project.reader.last_seq()
    assert (done.records, done.applied_seq, done.bundles, done.versions) == (last, last, 2, 2)
    assert (done.champion, done.replayed) == ("2", DECISIONS)
    again = Project.open(tmp_path / "again" / "shop")
    assert list(again.reader.records()) == list(project.reader.records())
    assert rollback(again, why="the first was better").decided.record.version == "1"
    with Server(again.folder) as server, Client(server.port) as client:
        assert client.post("/predict", BODY)[0] == 200
    report = replay(again)
    assert report.ok
    assert report.decisions == DECISIONS + 1
    shutil.rmtree(again.bundles_path)  # and the registry's own files lie where it says
    again.registry.fetch("1", again.bundles_path)


def test_a_backup_beside_a_running_server_holds_a_whole_prefix(project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "busy"
    shutil.copytree(project.folder, folder)
    busy = Project.open(folder)
    stop = threading.Event()
    answered: list[str] = []

    def load(port: int) -> None:
        with Client(port) as client:
            while not stop.is_set():
                status, reply = client.post("/predict", BODY)
                assert status == 200
                answered.append(reply["prediction_id"])

    with Server(folder) as server:
        thread = threading.Thread(target=load, args=(server.port,))
        thread.start()
        try:
            while len(answered) < 20:
                stop.wait(0.05)
            before = set(answered)
            told = backup(busy, tmp_path / "kept")
            beyond = len(answered)
        finally:
            stop.set()
            thread.join()
    assert told.applied_seq <= told.last_seq
    assert beyond > len(before)  # it was answered all the while
    shutil.rmtree(folder)
    done = restore(tmp_path / "kept", folder)
    assert done.applied_seq == done.records == told.last_seq
    ids = {getattr(item, "prediction_id", "") for item in Project.open(folder).reader.records()}
    assert before <= ids


def _cut(place: Path) -> None:
    (ledger,) = (place / ".holdfast" / "ledger").glob("*.log")
    ledger.write_bytes(ledger.read_bytes()[:-40])


def _flip(place: Path) -> None:
    (model, *_) = (place / ".holdfast" / "bundles").rglob("model.*")
    data = bytearray(model.read_bytes())
    data[len(data) // 2] ^= 1
    model.write_bytes(bytes(data))


def _lose(place: Path) -> None:
    (place / ".holdfast" / "state" / "checkpoint.mdb").unlink()


def _add(place: Path) -> None:
    (place / "more.txt").write_text("?")


def _lead_out(place: Path) -> None:
    told = json.loads((place / MANIFEST).read_text())
    told["files"]["../outside"] = next(iter(told["files"].values()))
    (place / MANIFEST).write_text(json.dumps(told))


def _unsay(place: Path) -> None:
    (place / MANIFEST).write_text("{")


def _other_format(place: Path) -> None:
    told = json.loads((place / MANIFEST).read_text())
    (place / MANIFEST).write_text(json.dumps(told | {"format": 99}))


FAULTS: dict[str, tuple[Callable[[Path], None], str]] = {
    "the ledger is cut": (_cut, "altered"),
    "a model has another bit": (_flip, "altered"),
    "the state is lost": (_lose, "missing"),
    "there is a file too many": (_add, "unknown"),
    "a name leads out of it": (_lead_out, "outside"),
    "its list is torn": (_unsay, "no whole backup"),
    "it is of another format": (_other_format, "format 99"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_spoilt_backup_is_named_and_leaves_nothing(spoilt: Path, tmp_path: Path, fault: str) -> None:
    spoil, named = FAULTS[fault]
    spoil(spoilt)
    with pytest.raises(HoldfastError) as caught:
        restore(spoilt, tmp_path / "again")
    codes = {problem.code for problem in caught.value.problems}
    assert named in codes or named in caught.value.what
    assert not (tmp_path / "again").exists()
    assert not [item for item in tmp_path.iterdir() if item.name.endswith(".part")]


def _rehashed(place: Path) -> None:
    """As somebody would who alters a backup and its list with it."""
    told = json.loads((place / MANIFEST).read_text())
    told["files"] = {name: [digest(place / name), (place / name).stat().st_size] for name in told["files"]}
    (place / MANIFEST).write_text(json.dumps(told))


def _forget_a_version(place: Path) -> None:
    with closing(sqlite3.connect(place / "mlflow.db")) as store:
        store.execute("DELETE FROM model_version_tags WHERE version = 1")
        store.execute("DELETE FROM model_versions WHERE version = 1")
        store.commit()


def _forget_records(place: Path) -> None:
    (ledger,) = (place / ".holdfast" / "ledger").glob("*.log")
    ledger.write_bytes(ledger.read_bytes()[:-40])


def test_what_hashes_do_not_show_the_proof_does(kept: Path, tmp_path: Path) -> None:
    for number, (spoil, named) in enumerate(((_forget_a_version, "versions"), (_flip, ""), (_forget_records, ""))):
        place = tmp_path / f"spoilt-{number}"
        shutil.copytree(kept, place)
        spoil(place)
        _rehashed(place)
        with pytest.raises(HoldfastError) as caught:
            restore(place, tmp_path / "again")
        assert not named or named in {problem.field for problem in caught.value.problems}
        assert not (tmp_path / "again").exists()


def test_nothing_is_overwritten(project: Project, kept: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("mine")
    for action in (lambda to: backup(project, to), lambda to: restore(kept, to)):
        with pytest.raises(HoldfastError, match="something already"):
            action(tmp_path / "full")
    assert (tmp_path / "full" / "mine").read_text() == "mine"


def test_a_damaged_project_gives_no_backup(project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    shutil.copytree(project.folder, folder)
    _flip(folder)
    with pytest.raises(HoldfastError, match="bundles are damaged"):
        backup(Project.open(folder), tmp_path / "kept")
    assert not (tmp_path / "kept").exists()


def test_a_home_elsewhere_is_refused(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDFAST_HOME", str(tmp_path / "elsewhere"))
    with pytest.raises(HoldfastError, match="outside of the project's folder"):
        backup(Project.open(project.folder), tmp_path / "kept")


@pytest.fixture(autouse=True)
def _unharmed(project: Project) -> Iterator[None]:
    last = LedgerReader(project.ledger_path).last_seq()
    yield
    assert LedgerReader(project.ledger_path).last_seq() == last

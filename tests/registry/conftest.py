"""A real MLflow store with two registered versions, made once; each test gets its own copy."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] = "false"

from tests.training.tables import contract, table

from holdfast.ledger.records import Promotion
from holdfast.registry.door import Door, OpenDoor
from holdfast.registry.history import History
from holdfast.registry.promote import Desk
from holdfast.registry.registry import Registry
from holdfast.training.settings import TrainingSettings
from holdfast.training.track import Store, train_tracked
from holdfast.training.train import Trained

QUICK = TrainingSettings(folds=2, bootstrap=10, threads=1, family="decision_tree")


@dataclass
class Ledger:
    """What a ledger does for a desk, kept in a list; the clock ticks 1,000 µs a record."""

    records: list[Promotion] = field(default_factory=list)
    fail: bool = False

    def commit(self, record: Promotion) -> Promotion:
        if self.fail:
            raise OSError("no space left")
        record.seq = len(self.records) + 1
        record.received_at = 1_000 * record.seq
        self.records.append(record)
        return record

    def history(self) -> History:
        return History.of(self.records)


@dataclass
class Place:
    """A store, its registry, an empty ledger and an empty folder of bundles."""

    folder: Path
    store: Store
    registry: Registry
    ledger: Ledger
    trained: tuple[Trained, ...]

    def desk(self, door: Door | None = None) -> Desk:
        return Desk(self.registry, self.folder / "bundles", self.ledger.history, self.ledger.commit, door or OpenDoor())


def filled(store: Store, folder: Path) -> tuple[Trained, ...]:
    """Two trainings, registered as versions 1 and 2."""
    registry = Registry(store.uri, "toy")
    done: list[Trained] = []
    for depth in (2, 3):
        settings = replace(QUICK, params={"max_depth": depth})
        trained = train_tracked(contract(), table(900), settings, folder / f"out{depth}", store, author="ada")
        assert registry.register(trained) == str(len(done) + 1)
        done.append(trained)
    return tuple(done)


@pytest.fixture(scope="session")
def _made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[Trained, ...]]:
    folder = tmp_path_factory.mktemp("store")
    store = Store(f"sqlite:///{folder}/mlflow.db", "toy", folder / "mlruns")
    return folder, filled(store, folder)


@pytest.fixture
def place(_made: tuple[Path, tuple[Trained, ...]], tmp_path: Path) -> Callable[[], Place]:
    """Copies the store's database; artifacts are only read and stay where they are."""

    def open_place() -> Place:
        folder, trained = _made
        if not (tmp_path / "mlflow.db").exists():
            shutil.copy(folder / "mlflow.db", tmp_path / "mlflow.db")
        store = Store(f"sqlite:///{tmp_path}/mlflow.db", "toy", folder / "mlruns")
        return Place(tmp_path, store, Registry(store.uri, "toy"), Ledger(), trained)

    return open_place

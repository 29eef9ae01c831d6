"""Copies of a user's own project, made once: before the recorded traffic, and after weeks of it without an incident.

The project itself is only read. The copies lie in a folder of their own, have no keys, listen on loopback only and are
thrown away. The champion answers in them, or the newest version where nothing was promoted.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from itertools import count
from pathlib import Path

from holdfast.bundle.bundle import Bundle
from holdfast.contract.model import DAY
from holdfast.drills.command import command, done
from holdfast.drills.drill import Base
from holdfast.drills.recorded import Recorded, recorded
from holdfast.drills.stage import Stage
from holdfast.project.bundles import history, named
from holdfast.project.history import build_state
from holdfast.project.project import Project
from holdfast.project.settings import FILE
from holdfast.project.twin import inward, promotion, toml

DAYS, LEAD = 42, 28
"""Of recorded traffic in all, and of it before an incident."""
ANY_TIME = 4_000_000_000
"""Seconds: recorded traffic may be as old as it is."""
LEFT = ("data", "mlruns", "mlflow.db", "__pycache__", ".git", ".holdfast")
SEED = 20_261_122


class Sandbox:
    """All that drills on one project share."""

    def __init__(self, project: Project, work: Path, *, say: Callable[[str], None] = lambda _: None) -> None:
        self.origin = project
        self.work = work
        self.say = say
        self._numbers = count(1)

    @cached_property
    def version(self) -> tuple[str, Bundle]:
        if history(self.origin).live() is not None:
            return named(self.origin, "champion")
        newest = max((item.number for item in self.origin.registry.versions()), key=int)
        return named(self.origin, newest)

    @property
    def bundle(self) -> Bundle:
        return self.version[1]

    @cached_property
    def recorded(self) -> Recorded:
        return self._recorded(DAYS, self.work / "fresh")

    def _recorded(self, days: int, into: Path) -> Recorded:
        contract = self.bundle.contract
        found = {name: path.resolve() for name, path in self.origin.inputs(contract).items()}
        return recorded(contract, found, days, into / "data")

    @cached_property
    def fresh(self) -> Path:
        """The copy before any traffic."""
        self.say("copying the project, and building its state as it was")
        return self._copied(self.work / "fresh", self.recorded)

    def _copied(self, folder: Path, history: Recorded) -> Path:
        """The project in a folder that has its history, with the state that belongs to it."""
        for item in sorted(self.origin.folder.iterdir()):
            if item.name not in LEFT and item.is_file() and item.stat().st_size < 1 << 20:
                shutil.copy2(item, folder / item.name)
        inputs = {name: f"data/{path.name}" for name, path in history.inputs.items()}
        told = inward(self.origin.settings, inputs=inputs, name=self.origin.name, serving_backdate_seconds=ANY_TIME)
        (folder / FILE).write_text(toml(told), encoding="utf-8")
        made = Project.open(folder)
        number, bundle = self.version
        made.bundles_path.mkdir(parents=True)
        shutil.copytree(self.origin.bundles_path / bundle.hash, made.bundles_path / bundle.hash)
        with made.writing() as (state, writer):
            build_state(made, state, [bundle.contract], writer)
            writer.commit([promotion(number, bundle, who="operator", why="the first version")])
        return folder

    @cached_property
    def warmed(self) -> Path:
        """The copy after weeks of traffic as it was recorded."""
        folder = _copy(self.fresh, self.work / "warmed")
        recorded = self.recorded
        traffic = recorded.traffic.between(0, recorded.cut + LEAD * DAY, self.bundle.contract)
        self.say(f"sending {len(traffic.requests):,} recorded requests, as they came")
        stage = Stage(folder, self.work / "aside", self.bundle, traffic, recorded.cut, SEED)
        try:
            stage.run(())
        finally:
            stage.close()
        return folder

    @cached_property
    def trained(self) -> Path:
        """A copy with the whole history, and with a version trained in it."""
        folder = self.work / "trained"
        self._copied(folder, self._recorded(0, folder))
        self.say("training a version in the copy")
        done(command(folder, "train"))
        return folder

    @contextmanager
    def stage(self, days: int, base: Base) -> Iterator[Stage]:
        """A copy of its own, with `days` of traffic to come."""
        number = next(self._numbers)
        before = {"warmed": lambda: self.warmed, "fresh": lambda: self.fresh, "trained": lambda: self.trained}[base]()
        folder = _copy(before, self.work / f"copy-{number}")
        start = self.recorded.cut + (LEAD * DAY if base == "warmed" else 0)
        traffic = self.recorded.traffic.between(start, start + days * DAY, self.bundle.contract)
        made = Stage(folder, self.work / f"aside-{number}", self.bundle, traffic, start, SEED)
        try:
            yield made
        finally:
            made.close()
            shutil.rmtree(folder, ignore_errors=True)


def _copy(source: Path, target: Path) -> Path:
    """Files of state are larger than what they hold: holes stay holes."""
    subprocess.run(["cp", "-a", "--sparse=always", str(source), str(target)], check=True)
    return target

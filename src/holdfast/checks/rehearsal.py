"""A rehearsal: a copy of the project in which the version is champion, and a real server that answers there.

It lies in a folder of its own beside the project's ledger, on the same disk, and is thrown away. It has no keys and
listens on loopback only. State is built from the history as it is now; live traffic of the project is not in it.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.checks.requests import Requests, events_of, requests
from holdfast.errors import HoldfastError
from holdfast.ledger.records import Promotion
from holdfast.project import twin
from holdfast.project.project import Project
from holdfast.project.server import Server
from holdfast.project.settings import FILE, Settings
from holdfast.project.twin import bare_environment, toml
from holdfast.training.train import trained_from

if TYPE_CHECKING:
    from holdfast.bundle.bundle import Bundle
    from holdfast.checks.load import Measured
    from holdfast.checks.subject import Subject
    from holdfast.features.history import Events

WHO = "rehearsal"
ANY_TIME = 4_000_000_000
"""Seconds: a request of the rehearsal may have the time of any row of history."""
KEPT = (
    "serving_backdate_seconds", "serving_max_body_bytes", "serving_max_bulk_bytes", "serving_max_rows",
    "serving_reasons", "serving_workers", "serving_max_waiting", "serving_max_waiting_milliseconds",
    "serving_max_connections", "alerts_error_share", "alerts_refused_share", "monitor",
)  # fmt: skip
"""Settings that decide how the server answers and what alerts; keys, TLS, traces, logs and addresses are left out."""


class Rehearsal:
    """Made when first asked for, gone after `close`. What could not be made is told to everyone who asks again."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._folders: list[Path] = []
        self._servers: list[Server] = []
        self._loads: dict[float, Measured] = {}
        self._fault: HoldfastError | None = None

    @cached_property
    def former(self) -> tuple[str, Bundle]:
        """What answered before: the present champion, else the version itself under another name."""
        from holdfast.project.bundles import history

        live = history(self._subject.place).live()
        champion = self._subject.champion
        if live is None or champion is None:
            return f"{self._subject.version} before", self._subject.bundle
        return live.version, champion

    @property
    def has_former(self) -> bool:
        """Whether another version answered before."""
        return self.former[1].hash != self._subject.bundle.hash

    @cached_property
    def inputs(self) -> dict[str, Path]:
        bundle = self._subject.bundle
        found = self._subject.place.inputs(trained_from(bundle.manifest, bundle.contract))
        return {name: path.resolve() for name, path in found.items()}

    @cached_property
    def requests(self) -> Requests:
        """Like the last rows of the history."""
        return requests(self._subject.bundle.contract, self._events)

    def requests_of(self, ids: list[str]) -> Requests:
        """Like the rows of history with these ids."""
        return requests(self._subject.bundle.contract, self._events, ids)

    @cached_property
    def _events(self) -> Events:
        contract = self._subject.bundle.contract
        return events_of(contract, self.inputs[contract.decide_on])

    @cached_property
    def project(self) -> Project:
        """The copy. Raises HoldfastError when the version cannot be made to answer."""
        if self._fault is not None:
            raise self._fault
        try:
            return self._prepare(self._folder())
        except HoldfastError as fault:
            self._fault = fault
            raise

    @cached_property
    def server(self) -> Server:
        """Answers for all checks that share it; who ends it starts it again."""
        return self._started(self.project.folder)

    def load(self, rate: float) -> Measured:
        """What a server of its own did, asked so often a second: so much traffic is in nobody else's windows."""
        from holdfast.checks.load import measure

        if rate not in self._loads:
            with self.apart() as (project, server):
                self._loads[rate] = measure(project, server, self.requests, rate)
        return self._loads[rate]

    @contextmanager
    def idle(self) -> Iterator[Project]:
        """The version as champion of a project in which nothing was ever asked, and no server runs."""
        folder, subject = self._folder(), self._subject
        made = Project(folder, replace(self.project.settings, inputs={}))
        (folder / FILE).write_text(toml(made.settings), encoding="utf-8")
        made.bundles_path.mkdir(parents=True)
        bundle = subject.bundle.hash
        shutil.copytree(self.project.bundles_path / bundle, made.bundles_path / bundle)
        with made.writing() as (_, writer):
            writer.commit([promotion(subject.version, subject.bundle)])
        try:
            yield made
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def apart(self) -> Iterator[tuple[Project, Server]]:
        """A server of its own on a copy of the copy, before anything happened in it."""
        _ = self.project
        folder = self._folder()
        shutil.copytree(self._untouched, folder, dirs_exist_ok=True)
        server = self._started(folder)
        try:
            yield Project.open(folder), server
        finally:
            server.stop()
            shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """End what runs, remove what was made."""
        for server in self._servers:
            server.stop()
        for folder in self._folders:
            shutil.rmtree(folder, ignore_errors=True)

    def _folder(self) -> Path:
        home = self._subject.place.home
        home.mkdir(parents=True, exist_ok=True)
        # On the disk that the ledger is on: a folder in memory would sync in no time.
        folder = Path(tempfile.mkdtemp(prefix=".rehearsal-", dir=home))
        self._folders.append(folder)
        return folder

    def _prepare(self, folder: Path) -> Project:
        subject, place = self._subject, self._subject.place
        kept = {name: getattr(place.settings, name) for name in KEPT}
        kept |= {"serving_backdate_seconds": ANY_TIME, "name": place.name, "inputs": _texts(self.inputs)}
        made = Project(folder, replace(Settings(), **kept))
        (folder / FILE).write_text(toml(made.settings), encoding="utf-8")
        number, former = self.former
        made.bundles_path.mkdir(parents=True)
        for bundle in {former.hash, subject.bundle.hash}:
            shutil.copytree(place.bundles_path / bundle, made.bundles_path / bundle)
        contracts = [subject.bundle.contract, *([former.contract] if self.has_former else [])]
        from holdfast.project.history import build_state

        with made.writing() as (state, writer):
            build_state(made, state, contracts, writer)
            writer.commit([promotion(number, former)])
            writer.commit([promotion(subject.version, subject.bundle, previous=number)])
        self._untouched = self._folder()
        shutil.copytree(folder, self._untouched, dirs_exist_ok=True)
        return made

    def _started(self, folder: Path) -> Server:
        server = Server(folder, environment=bare_environment())
        server.start()
        self._servers.append(server)
        return server


def promotion(version: str, bundle: Bundle, *, previous: str | None = None, back: bool = False) -> Promotion:
    return twin.promotion(version, bundle, previous=previous, back=back, who=WHO, why="rehearsed by the gate")


def _texts(paths: Mapping[str, Path]) -> dict[str, str]:
    return {name: str(path) for name, path in paths.items()}

"""One copy of the project with a real server: traffic is sent to it in event time, and people's tools are asked.

What an incident changes is the traffic, files of the copy, or the Python that the server runs in (`patch`, which lies
outside the copy). Nothing in the copy tells that this is a drill.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import numpy as np

from holdfast.access import keys
from holdfast.bundle.bundle import Bundle
from holdfast.contract.model import DAY, SECOND, Contract
from holdfast.drills.drill import Ask, Caught
from holdfast.drills.recorded import Body, Request, Traffic, outcomes
from holdfast.errors import HoldfastError
from holdfast.ledger.records import Approval, Examination
from holdfast.project.bundles import named
from holdfast.project.project import Project
from holdfast.project.server import Server
from holdfast.project.twin import bare_environment

LOOKS = (20, 50, 100, 200, 500, 1_000, 2_000, 3_000, 4_000, 5_000, 7_500, 10_000, 15_000, 20_000, 30_000, 50_000)
"""After so many predictions those are asked who look meanwhile."""
CLIENTS = 4
MINUTE = 60 * SECOND
HEADERS = {"content-type": "application/json"}


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of a request: its place among those sent, HTTP status, seconds, and the reply where it was none."""

    at: int
    status: int
    seconds: float
    told: dict[str, Any] = field(default_factory=dict)


class Stage:
    """A copy in which something may be injected, then `run`, then asked. Ended by `close`."""

    def __init__(self, folder: Path, aside: Path, bundle: Bundle, traffic: Traffic, start: int, seed: int) -> None:
        self.folder = folder
        self.bundle = bundle
        self.traffic = traffic
        self.start = start
        """µs UTC of event time: when the incident begins."""
        self.chance = np.random.default_rng(seed)
        self.patch = ""
        """Python run by the server's processes before anything else."""
        self.replies: list[Reply] = []
        self.refusal = ""
        """Why the server did not start, or would not answer."""
        self.heard: list[Caught] = []
        """What those said who look meanwhile."""
        self.asked_about = "champion"
        """The version that the gate is asked about."""
        self.sides: tuple[Path, Path] | None = None
        """Research and production as exported files, where the doctor is to compare those."""
        self.clients = CLIENTS
        """Connections that ask at the same time."""
        self._aside = aside
        self._doings: list[tuple[int, Callable[[], None]]] = []
        self.server: Server | None = None
        self.address = ""
        """Where the server is, or was."""

    @property
    def contract(self) -> Contract:
        return self.bundle.contract

    @property
    def project(self) -> Project:
        return Project.open(self.folder)

    @property
    def aside(self) -> Path:
        """A folder outside the copy, for exports and backups."""
        self._aside.mkdir(parents=True, exist_ok=True)
        return self._aside

    @property
    def environment(self) -> dict[str, str]:
        """What the server runs in; only it knows where the patch lies."""
        plain = bare_environment()
        if self.patch:
            (self.aside / "sitecustomize.py").write_text(self.patch, encoding="utf-8")
            plain["PYTHONPATH"] = f"{self.aside}:{plain.get('PYTHONPATH', '')}".rstrip(":")
        return plain

    def each(self, change: Callable[[Body], Body], share: float = 1.0) -> None:
        """Change the body of this share of the requests."""
        hit = self.chance.random(len(self.traffic.requests)) < share
        self.traffic.requests = [
            replace(item, body=change(dict(item.body))) if is_hit else item
            for item, is_hit in zip(self.traffic.requests, hit.tolist(), strict=True)
        ]

    def requests(self, change: Callable[[list[Request]], Iterable[Request]]) -> None:
        """Other requests in the place of these: fewer, more, or at other times; put in order, each under its own id."""
        made = sorted(change(list(self.traffic.requests)), key=lambda item: item.time)
        source, seen, unique = self.contract.deciding, set[str](), list[Request]()
        for number, item in enumerate(made):
            name = str(item.body[source.id])
            if name in seen:
                text = source.field(source.id).type == "text"
                again = f"{name}-{number}" if text else 8_000_000_000 + number
                item = replace(item, body=item.body | {source.id: again})
            seen.add(name)
            unique.append(item)
        self.traffic.requests = unique

    def at(self, number: int, do: Callable[[], None]) -> None:
        """Do this right before the request of that number is sent."""
        self._doings.append((number, do))

    def moment(self, sent: int) -> int:
        """µs UTC of event time once so many were sent."""
        times = self.traffic.requests
        return times[min(sent, len(times)) - 1].time if times and sent else self.start

    def minutes(self, sent: int) -> float:
        """Of event time since the incident began."""
        return max(0.0, (self.moment(sent) - self.start) / MINUTE)

    @property
    def looks(self) -> list[int]:
        """After how many predictions somebody looks; the last is the end."""
        total = len(self.traffic.requests)
        return [*(number for number in LOOKS if number < total), *([total] if total else [])]

    def restart(self) -> None:
        """End the server and start it again, as a deploy does."""
        if self.server is not None:
            self.server.stop()
            self._begin()

    def vouch(self) -> None:
        """Somebody examined the version that is asked about, and another approved of it; no keys are left."""
        project = self.project
        version, bundle = named(project, self.asked_about)
        told: dict[str, Any] = {"version": version, "bundle": bundle.hash, "verdict": "v" * 64}
        submitter, _ = keys.create(project.home, "submitter", ["operator"], by="keeper")
        approver, _ = keys.create(project.home, "approver", ["approver"], by="keeper")
        with project.writing() as (_, writer):
            writer.commit([Examination(**told, ok=True, who=submitter.name, key=submitter.id)])
            approval = Approval(**told, action="approve", who=approver.name, key=approver.id, why="it is sound")
            writer.commit([approval])

    def _begin(self) -> None:
        self.server = Server(self.folder, environment=self.environment)
        try:
            self.server.start()
            self.address = self.server.address
        except HoldfastError as error:
            self.refusal, self.server = str(error), None

    def run(self, asks: Sequence[Ask]) -> None:
        """Start the server, send everything, ask those who look meanwhile, then the others."""
        if self.traffic.requests:
            self._begin()
        if self.server is not None and self.traffic.requests:
            self._send([ask for ask in asks if ask.live])
        for ask in asks:
            if not ask.live:
                self.heard += ask.look(self)

    def _send(self, live: Sequence[Ask]) -> None:
        requests = self.traffic.requests
        days = [at for at in range(1, len(requests)) if requests[at].time // DAY != requests[at - 1].time // DAY]
        cuts = sorted({*days, *self.looks, *(min(at, len(requests)) for at, _ in self._doings), len(requests)} - {0})
        told = self._outcomes()
        begin, waiting = 0, list(live)
        for end in cuts:
            for at, do in self._doings:
                if at == begin:
                    do()
            if self.server is None:  # it does not answer any more: who looks finds out
                self.heard += [item for ask in waiting for item in ask.look(self)]
                return
            due = [body for at, body in told if at <= requests[begin].time]
            told = told[len(due) :]
            self._tell(due)
            self._send_some(begin, end)
            if end in self.looks:
                for ask in list(waiting):
                    found = list(ask.look(self))
                    self.heard += found
                    if found:
                        waiting.remove(ask)
            begin = end
        self._tell([body for at, body in told if at <= self.moment(len(requests))])

    def _outcomes(self) -> list[tuple[int, Body]]:
        told = [*self.traffic.outcomes, *outcomes(self.contract, self.traffic.requests)]
        return sorted(told, key=lambda pair: pair[0])

    def _tell(self, bodies: list[Body]) -> None:
        for first in range(0, len(bodies), 500):
            body = json.dumps({"outcomes": bodies[first : first + 500]}).encode()
            connection = HTTPConnection("127.0.0.1", self._port, timeout=60)
            connection.request("POST", "/outcomes", body, HEADERS)
            connection.getresponse().read()
            connection.close()

    @property
    def _port(self) -> int:
        assert self.server is not None
        return self.server.port

    def _send_some(self, begin: int, end: int) -> None:
        """From `clients` connections, each taking the next one."""
        places, lock = iter(range(begin, end)), threading.Lock()

        def run() -> None:
            connection = HTTPConnection("127.0.0.1", self._port, timeout=60)
            while True:
                with lock:
                    at = next(places, None)
                if at is None:
                    break
                reply = self._one(connection, at)
                with lock:
                    self.replies.append(reply)
            connection.close()

        threads = [threading.Thread(target=run, daemon=True) for _ in range(self.clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _one(self, connection: HTTPConnection, at: int) -> Reply:
        body = json.dumps(self.traffic.requests[at].body).encode()
        began = time.perf_counter()
        try:
            connection.request("POST", "/predict", body, HEADERS)
            reply = connection.getresponse()
            told = reply.read()
        except (OSError, HTTPException) as fault:
            connection.close()
            return Reply(at + 1, 0, time.perf_counter() - began, {"fault": repr(fault)})
        took = time.perf_counter() - began
        return Reply(at + 1, reply.status, took, {} if reply.status == 200 else _json(told))

    def close(self) -> None:
        if self.server is not None:
            self.server.stop()
            self.server = None


def _json(told: bytes) -> dict[str, Any]:
    try:
        found = json.loads(told)
    except ValueError:
        found = {}
    return found if isinstance(found, dict) else {}

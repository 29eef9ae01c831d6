"""Somebody who waits for alerts: a web server on loopback that keeps what it is sent."""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from holdfast.project.alerts.outbox import FOLDER, Outbox
from holdfast.project.alerts.sending import Sending
from holdfast.project.alerts.webhook import WebhookDoor
from holdfast.project.duties import duties
from holdfast.project.project import Project
from holdfast.project.watching import Watching

PATIENCE = 10.0
"""Seconds that an alert may take to us."""
EVERY = 30.0
"""Seconds between two looks of `holdfast watch` at the server, unless told."""


@dataclass
class Receiver:
    """`got` are the alerts that came, as JSON."""

    address: str
    got: list[dict[str, Any]] = field(default_factory=list)
    at: float = 0.0
    """When the last of them came; seconds of `time.perf_counter`."""


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver on a free port, as long as the block lasts."""
    made = Receiver("")

    class Keep(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            made.got.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            made.at = time.perf_counter()
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Keep)
    made.address = f"http://127.0.0.1:{server.server_port}/alerts"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass(frozen=True)
class Told:
    """One duty of `holdfast watch`, done once, with its alerts sent: what arrived, and what did not."""

    arrived: list[dict[str, Any]]
    """As the door sent them."""
    lost: list[str]
    at: float
    """When the last of them was with the receiver; seconds of `time.perf_counter`."""
    remember: Mapping[str, Any]
    """What the duty will want to know at its next look."""

    def of(self, rule: str) -> dict[str, Any] | None:
        """The alert of this rule that arrived."""
        return next((item for item in self.arrived if item["rule"] == rule), None)


def watched(project: Project, name: str, address: str = "", before: Told | None = None) -> Told:
    """Do the duty with this name as `holdfast watch --once` does for the first time after `before`, through an outbox
    of its own; the alerts go to a receiver of ours, and to nobody else.

    `address` of the server, where the duty looks at one.
    """
    duty = next(duty for duty in duties(project.settings, EVERY) if duty.name == name)
    with receiving() as receiver, tempfile.TemporaryDirectory(dir=project.home, prefix=".watch-") as place:
        outbox = Outbox(Path(place) / FOLDER)
        for word, value in ({} if before is None else before.remember).items():
            outbox.remember(word, value)
        with Sending(outbox, [WebhookDoor(receiver.address)]) as sending:
            found = Watching(project, outbox, sending, [duty], address=address).round(duty).found
            sending.settle(PATIENCE)
        return Told(receiver.got, outbox.waiting(sending.names, 0.0), receiver.at, found.remember)


def said(alert: Mapping[str, Any] | None) -> dict[str, Any]:
    """Cause, codes and severity of an alert that arrived; nothing of one that did not."""
    told = alert or {}
    return {"cause": told.get("rule"), "codes": told.get("codes"), "severity": told.get("severity")}

"""Somebody who waits for alerts: a web server on loopback that keeps what it is sent."""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from holdfast.project.alerts.outbox import FOLDER, Outbox
from holdfast.project.alerts.sending import Sending
from holdfast.project.alerts.webhook import WebhookDoor
from holdfast.project.duties import Server
from holdfast.project.project import Project
from holdfast.project.watch import Seen
from holdfast.project.watching import Watching

PATIENCE = 10.0
"""Seconds that an alert may take to us."""


@dataclass
class Receiver:
    """`got` are the alerts that came, as JSON."""

    address: str
    got: list[dict[str, Any]] = field(default_factory=list)


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver on a free port, as long as the block lasts."""
    made = Receiver("")

    class Keep(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            made.got.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
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
    """One look whose alerts were sent: what was seen, what arrived, and what did not."""

    seen: Seen
    arrived: list[dict[str, Any]]
    lost: list[str]
    seconds: float
    """From the beginning of the look until the last alert was with the receiver."""

    def of(self, rule: str) -> dict[str, Any] | None:
        """The alert of this rule that arrived."""
        return next((item for item in self.arrived if item["rule"] == rule), None)


def watched(project: Project, address: str, before: Seen | None = None) -> Told:
    """Look at a server as `holdfast watch --once` does for the first time after `before`, through an outbox of its own;
    the alerts go to a receiver of ours, and to nobody else."""
    with receiving() as receiver, tempfile.TemporaryDirectory(dir=project.home, prefix=".watch-") as place:
        began = time.perf_counter()
        outbox, duty = Outbox(Path(place) / FOLDER), Server(30.0)
        outbox.remember("server.seen", None if before is None else asdict(before))
        with Sending(outbox, [WebhookDoor(receiver.address)]) as sending:
            watching = Watching(project, outbox, sending, [duty], address=address)
            watching.round(duty)
            sending.settle(PATIENCE)
        seen = Seen(**outbox.recall("server.seen"))
        return Told(seen, receiver.got, outbox.waiting(sending.names, 0.0), time.perf_counter() - began)

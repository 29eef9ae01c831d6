"""Somebody who waits for alerts: a web server on loopback that keeps what it is sent."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from holdfast.project.alerts import WebhookDoor, tell
from holdfast.project.project import Project
from holdfast.project.watch import Look, Seen, look


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

    look: Look
    arrived: list[dict[str, Any]]
    lost: list[str]
    seconds: float
    """From the beginning of the look until the last alert was with the receiver."""

    def of(self, rule: str) -> dict[str, Any] | None:
        """The alert of this rule that arrived."""
        return next((item for item in self.arrived if item["rule"] == rule), None)


def watched(project: Project, address: str, before: Seen | None = None) -> Told:
    """Look at a server as `holdfast watch --once` does; its alerts go to a receiver of ours, and to nobody else."""
    with receiving() as receiver:
        began = time.perf_counter()
        found = look(project, address, before)
        lost = tell(found.alerts, [WebhookDoor(receiver.address)])
        return Told(found, receiver.got, lost, time.perf_counter() - began)

"""A few clients that send payments to a running server, and remember what it acknowledged."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from typing import Any


class Client:
    """One keep-alive connection to a server on this machine; `key` where it asks who calls."""

    def __init__(self, port: int, *, key: str = "", timeout: float = 30.0) -> None:
        self._headers = {"content-type": "application/json"}
        if key:
            self._headers["authorization"] = f"Bearer {key}"
        self._connection = HTTPConnection("127.0.0.1", port, timeout=timeout)

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        """Status and JSON reply. Raises OSError or HTTPException where there was no reply."""
        data = None if body is None else json.dumps(body).encode()
        try:
            self._connection.request(method, path, data, self._headers)
            response = self._connection.getresponse()
            return response.status, json.loads(response.read())
        except (OSError, HTTPException):
            self._connection.close()  # the next call opens a new one
            raise

    def post(self, path: str, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        return self.call("POST", path, body)

    def get(self, path: str) -> tuple[int, dict[str, Any]]:
        return self.call("GET", path)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()


@dataclass
class Sent:
    """What became of the requests of one run."""

    answered: list[tuple[Mapping[str, Any], dict[str, Any]]] = field(default_factory=list)
    """(body, reply) of each request answered with 200."""
    failed: list[str] = field(default_factory=list)
    unanswered: list[Mapping[str, Any]] = field(default_factory=list)
    """The bodies that failed."""
    seconds: float = 0.0
    waits: list[float] = field(default_factory=list)
    """Seconds each answer took."""

    @property
    def versions(self) -> set[str]:
        return {reply["model"]["version"] for _, reply in self.answered}

    def wait(self, share: float) -> float:
        """The wait in milliseconds that this share of the answers kept below."""
        waits = sorted(self.waits) or [0.0]
        return 1000 * waits[min(len(waits) - 1, int(share * len(waits)))]


class Traffic:
    """Sends bodies to `/predict` from `clients` connections, each taking the next one, until they end or `stop`."""

    def __init__(
        self,
        port: int,
        bodies: Iterable[Mapping[str, Any]],
        *,
        clients: int = 4,
        pause: float = 0.0,
        key: str = "",
    ) -> None:
        self._key = key
        self.sent = Sent()
        self._port = port
        self._bodies: Iterator[Mapping[str, Any]] = iter(bodies)
        self._pause = pause
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(clients)]
        self._begun = time.perf_counter()

    def start(self) -> Traffic:
        self._begun = time.perf_counter()
        for thread in self._threads:
            thread.start()
        return self

    @property
    def running(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def finish(self) -> Sent:
        """Wait for the last body to be answered."""
        for thread in self._threads:
            thread.join()
        self.sent.seconds = time.perf_counter() - self._begun
        return self.sent

    def stop(self) -> Sent:
        """Send no more, and wait for the answers that are under way."""
        self._end.set()
        return self.finish()

    def _run(self) -> None:
        with Client(self._port, key=self._key) as client:
            while not self._end.is_set() and self._one(client):
                if self._pause:
                    time.sleep(self._pause)

    def _one(self, client: Client) -> bool:
        """Send the next body; False when there is none, or no server any more."""
        with self._lock:
            body = next(self._bodies, None)
        if body is None:
            return False
        begun = time.perf_counter()
        try:
            status, reply = client.post("/predict", body)
        except (OSError, HTTPException) as fault:
            status, reply = 0, {"fault": repr(fault)}
        took = time.perf_counter() - begun
        with self._lock:
            if status == 200:
                self.sent.answered.append((body, reply))
                self.sent.waits.append(took)
            else:
                self.sent.failed.append(f"{status}: {json.dumps(reply)[:300]}")
                self.sent.unanswered.append(body)
        return status != 0

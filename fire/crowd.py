"""Clients in a closed loop on connections of their own, who remember exactly what they were told.

A careful client: a request that got no answer is sent again, the same body, until it is answered; what was
acknowledged is in a file, synced, before the next request leaves.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from itertools import count
from pathlib import Path
from typing import Any

from tests.serving.shop import payment

Make = Callable[[int, int], dict[str, Any]]
"""The body of a client's next request, by the client's number and how many it has sent."""


_ever = count()


def own(number: int, at: int) -> dict[str, Any]:
    """Distinct payments, whatever crowd sends them, acceptable to both contracts of the shop."""
    return payment(f"{next(_ever)}-{number}", channel="web")


def plain(number: int, at: int) -> dict[str, Any]:
    """The same for a shop that has known only its first contract."""
    return payment(f"{next(_ever)}-{number}")


@dataclass
class Told:
    """What the clients saw."""

    answered: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Event id → the reply of its 200."""
    statuses: dict[int, int] = field(default_factory=dict)
    refused: int = 0
    """Connections that nobody took: the server was away, nothing was sent."""
    broken: list[str] = field(default_factory=list)
    """Requests that were sent and got no whole answer, with why."""
    changed: list[str] = field(default_factory=list)
    """Events that were answered twice, differently."""
    waits: list[float] = field(default_factory=list)
    """Seconds each 200 took, from the last time it was sent."""
    ends: list[float] = field(default_factory=list)
    """When each 200 came, by time.monotonic()."""

    @property
    def failed(self) -> dict[int, int]:
        return {status: n for status, n in self.statuses.items() if status != 200}


class Crowd:
    """`clients` threads that send until `stop`; `file` gets each acknowledged event id, synced."""

    def __init__(
        self,
        port: int | Callable[[], int],
        clients: int = 4,
        make: Make = plain,
        *,
        file: Path | None = None,
        again: bool = True,
        pause: float = 0.0,
    ) -> None:
        self._port = port if callable(port) else lambda: port
        self._make = make
        self._again = again
        self._pause = pause
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._file = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND) if file is not None else -1
        self.told = Told()
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(clients)]

    def __enter__(self) -> Told:
        for thread in self._threads:
            thread.start()
        return self.told

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _run(self, number: int) -> None:
        connection: HTTPConnection | None = None
        at = 0
        while not self._stop.is_set():
            at += 1
            body = self._make(number, at)
            data = json.dumps(body).encode()
            while not self._stop.is_set():
                if connection is None:
                    connection = self._connect()
                    if connection is None:
                        continue
                began = time.monotonic()
                try:
                    connection.request("POST", "/predict", data)
                    reply = connection.getresponse()
                    shape = json.loads(reply.read())
                except (OSError, HTTPException, ValueError) as error:
                    connection.close()
                    connection = None
                    with self._lock:
                        self.told.broken.append(f"{body['payment_id']}: {error!r}")
                    if self._again:
                        continue
                    break
                if reply.will_close:
                    connection.close()
                    connection = None
                self._note(body["payment_id"], reply.status, shape, time.monotonic() - began)
                if reply.status != 503 or not self._again:
                    break
                time.sleep(0.05)
            if self._pause:
                time.sleep(self._pause)
        if connection is not None:
            connection.close()

    def _connect(self) -> HTTPConnection | None:
        try:
            connection = HTTPConnection("127.0.0.1", self._port(), timeout=30)
            connection.connect()
        except OSError:
            with self._lock:
                self.told.refused += 1
            time.sleep(0.02)
            return None
        return connection

    def _note(self, event_id: str, status: int, shape: dict[str, Any], seconds: float) -> None:
        with self._lock:
            told = self.told
            told.statuses[status] = told.statuses.get(status, 0) + 1
            if status == 200:
                before = told.answered.setdefault(event_id, shape)
                if before != shape:
                    told.changed.append(event_id)
                told.waits.append(seconds)
                told.ends.append(time.monotonic())
        if status == 200 and self._file >= 0:
            os.write(self._file, event_id.encode() + b"\n")
            os.fsync(self._file)


def wait_for(condition: Callable[[], bool], seconds: float, what: str) -> float:
    """Seconds until the condition holds. Raises TimeoutError."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > seconds:
            raise TimeoutError(f"{what} is not so after {seconds:.0f} s")
        time.sleep(0.01)
    return time.monotonic() - began


def call(port: int, method: str, path: str, body: bytes | None = None, timeout: float = 20.0) -> tuple[int, bytes]:
    """One request on a connection of its own."""
    connection = HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request(method, path, body)
        reply = connection.getresponse()
        return reply.status, reply.read()
    finally:
        connection.close()

"""Clients in a closed loop: keep-alive connections that each send the next request as soon as the answer came.

Plain HTTP/1.1 over asyncio protocols, so that one core of clients can ask more than one core of server answers.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import uvloop

PATIENCE = 5.0
"""Seconds that requests under way have, when the time is over, until they count as failed."""


@dataclass
class Loaded:
    """What one measurement saw: seconds each answer took, and every answer that was no 200."""

    seconds: float
    waits: list[float] = field(default_factory=list)
    failed: list[bytes] = field(default_factory=list)
    on_time: int = 0
    """Answers that came before the time was over."""

    @property
    def rate(self) -> float:
        """Good answers a second."""
        return max(self.on_time - len(self.failed), 0) / self.seconds

    def milliseconds(self, share: float) -> float:
        waits = sorted(self.waits)
        return 1e3 * waits[min(int(len(waits) * share), len(waits) - 1)] if waits else float("nan")


class Client(asyncio.Protocol):
    """One connection. A server that hangs up has failed the request that was under way."""

    def __init__(self, path: str, bodies: Iterator[bytes], loaded: Loaded) -> None:
        self._head = (
            f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ".encode()
        )
        self._bodies = bodies
        self._loaded = loaded
        self._got = b""
        self.stopped = False
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._send()

    def _send(self) -> None:
        body = next(self._bodies)
        self._began = time.perf_counter()
        self._transport.write(self._head + b"%d\r\n\r\n" % len(body) + body)

    def data_received(self, data: bytes) -> None:
        self._got += data
        if not whole(self._got):
            return
        loaded = self._loaded
        loaded.waits.append(time.perf_counter() - self._began)
        if not self._got.startswith(b"HTTP/1.1 200"):
            loaded.failed.append(self._got)
        self._got = b""
        if self.stopped:
            self._transport.close()
            self._end()
        else:
            loaded.on_time += 1
            self._send()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self._loaded.failed.append(self._got or b"the server hung up")
            self._end()

    def give_up(self) -> None:
        self._end()
        self._transport.abort()

    def _end(self) -> None:
        if not self.done.done():
            self.done.set_result(None)


def whole(got: bytes) -> bool:
    """Whether an answer has come to its end."""
    end = got.find(b"\r\n\r\n")
    if end < 0:
        return False
    at = got.find(b"content-length: ", 0, end)
    if at < 0:
        head = got[:end].lower()
        at = head.find(b"content-length:")
        if at < 0:
            return b"transfer-encoding: chunked" in head and got.endswith(b"0\r\n\r\n")
    stop = got.index(b"\r", at)
    return len(got) - end - 4 >= int(got[at + 15 : stop])


async def _load(port: int, path: str, bodies: Iterator[bytes], clients: int, seconds: float) -> Loaded:
    loaded = Loaded(seconds)
    loop = asyncio.get_running_loop()
    made = [Client(path, bodies, loaded) for _ in range(clients)]
    for client in made:
        await loop.create_connection(lambda client=client: client, "127.0.0.1", port)  # type: ignore[misc]
    await asyncio.sleep(seconds)
    for client in made:
        client.stopped = True
    _, late = await asyncio.wait([client.done for client in made], timeout=PATIENCE)
    loaded.failed += [b"no answer"] * len(late)
    for client in made:
        client.give_up()
    return loaded


def load(port: int, path: str, bodies: Iterator[bytes], *, clients: int, seconds: float, core: int) -> Loaded:
    """Ask for so many seconds, from one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        return uvloop.run(_load(port, path, bodies, clients, seconds))
    finally:
        os.sched_setaffinity(0, before)

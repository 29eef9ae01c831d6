"""X15: one, two and four times as many requests as can be answered. What can be answered in time still is.

Open loop: requests leave when they are due, on any free connection, whatever became of the others; nobody waits the
time that a 503 asks for. An answer counts when it is a 200 within a second of being sent.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import count
from typing import Any

import psutil
import uvloop
from tests.serving.shop import payment

from fire.experiment import Plan, Result, share
from fire.server import Running, new_shop
from fire.slow import allow_files

IN_TIME = 1.0
BOUNDED = "patience=Patience(connections=20_000)"
ENDLESS = "patience=Patience(connections=20_000, waiting=10**9, queue=1e9)"
BEFORE = "from holdfast.serving.door import Patience"

_ever = count()


class Seen:
    """What became of the requests of one run."""

    def __init__(self) -> None:
        self.statuses: Counter[int] = Counter()
        self.without_retry_after = 0
        self.in_time = 0
        self.waits: list[float] = []
        self.sent = 0
        self.unsent = 0
        """Due when no connection was free any more."""
        self.broken = 0


class Client(asyncio.Protocol):
    """One connection; told to send when it is free."""

    def __init__(self, seen: Seen, free: list[Client]) -> None:
        self._seen = seen
        self._free = free
        self._got = b""
        self._began = 0.0
        self._counts = True

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def send(self, data: bytes, counts: bool) -> None:
        self._began, self._counts = time.perf_counter(), counts
        self._transport.write(data)

    def data_received(self, data: bytes) -> None:
        self._got += data
        head, end, body = self._got.partition(b"\r\n\r\n")
        if not end:
            return
        at = head.find(b"content-length: ") + 16
        if len(body) < int(head[at:].split(b"\r", 1)[0]):
            return
        took = time.perf_counter() - self._began
        status = int(head[9:12])
        self._got, self._began = b"", 0.0
        if self._counts:
            seen = self._seen
            seen.statuses[status] += 1
            seen.without_retry_after += status in (429, 503) and b"retry-after: " not in head
            if status == 200:
                seen.in_time += took <= IN_TIME
                seen.waits.append(took)
        self._free.append(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._seen.broken += self._began > 0


def requests() -> Iterator[bytes]:
    while True:
        body = json.dumps(payment(f"o{next(_ever)}")).encode()
        yield b"POST /predict HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: %d\r\n\r\n" % len(body) + body


async def open_loop(port: int, rate: float, seconds: float, connections: int) -> Seen:
    """`rate` requests a second; the first second warms up and does not count."""
    seen, free = Seen(), list[Client]()
    loop = asyncio.get_running_loop()
    made = requests()
    ready = iter([next(made) for _ in range(int(rate * (seconds + 1)) + 10)])
    clients = []

    def same(one: Client) -> Client:
        return one

    for _ in range(connections):
        client = Client(seen, free)
        await loop.create_connection(partial(same, client), "127.0.0.1", port)
        clients.append(client)
    free += clients
    began, sent = time.perf_counter(), 0
    while (now := time.perf_counter() - began) < seconds + 1:
        counts = now >= 1
        while sent < rate * now:
            sent += 1
            if free:
                seen.sent += counts
                free.pop().send(next(ready), counts)
            else:
                seen.unsent += counts
        await asyncio.sleep(0.001)
    for client in clients:
        client._transport.abort()
        client._began = 0.0
    await asyncio.sleep(0.05)
    return seen


async def closed_loop(port: int, clients: int, seconds: float) -> float:
    """Answers a second to clients that ask again when they are answered: what the server can do."""
    seen = Seen()
    loop = asyncio.get_running_loop()
    free: list[Client] = []

    def same(one: Client) -> Client:
        return one

    for _ in range(clients):
        client = Client(seen, free)
        await loop.create_connection(partial(same, client), "127.0.0.1", port)
        free.append(client)
    made = requests()
    began = time.perf_counter()
    while (now := time.perf_counter() - began) < seconds + 0.5:
        while free:
            free.pop().send(next(made), now > 0.5)
        await asyncio.sleep(0)
    return seen.statuses[200] / seconds


def run(plan: Plan) -> Result:
    seconds = plan.much(8, 1)
    cores = sorted(os.sched_getaffinity(0))
    figures: dict[str, Any] = {}
    wrong: list[str] = []
    good: dict[int, float] = {}
    try:
        with Running(new_shop(plan.place("bounded")), before=BEFORE, more=BOUNDED) as server:
            psutil.Process(server.pid).cpu_affinity([cores[0]])
            os.sched_setaffinity(0, {cores[-1]})
            peak = uvloop.run(closed_loop(server.port, 64, seconds))
            many = int(2.2 * peak)
            allow_files(many + 200)
            figures["peak answers/s"] = round(peak)
            for times in (1, 2, 4):
                seen = uvloop.run(open_loop(server.port, times * peak, seconds, many))
                good[times] = seen.in_time / seconds
                refused = seen.statuses[503] + seen.statuses[429]
                p99 = 1e3 * share(seen.waits, 0.99)
                figures[f"{times}×"] = f"{good[times]:.0f}/s in time (p99 {p99:.0f} ms), {refused / seconds:.0f}/s told 503"
                others = {status: n for status, n in seen.statuses.items() if status not in (200, 429, 503)}
                if others or seen.without_retry_after or seen.broken:
                    wrong.append(
                        f"{times}×: {others}, {seen.without_retry_after} without Retry-After, {seen.broken} broken"
                    )
        with Running(new_shop(plan.place("endless")), before=BEFORE, more=ENDLESS) as server:
            psutil.Process(server.pid).cpu_affinity([cores[0]])
            seen = uvloop.run(open_loop(server.port, 4 * peak, seconds + 2, many))
    finally:
        os.sched_setaffinity(0, set(cores))
    best = max(peak, *good.values())
    kept, without = good[4] / best, seen.in_time / (seconds + 2) / best
    figures["goodput at 4×"] = f"{100 * kept:.0f} % of peak"
    held = kept >= (0.5 if plan.short else 0.9) and not wrong
    control = f"with an endless queue {100 * without:.0f} % of peak come in time"
    return Result(figures, held, control, without < 0.9 * kept, wrong)

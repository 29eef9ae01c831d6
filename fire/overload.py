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
from statistics import median
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
CONNECTIONS = 1.5
"""Of as many as are answered in a second: enough to have more wait than can be served in time."""
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
    """One connection; told to send when it is free, or to go on by itself."""

    def __init__(self) -> None:
        self.begin(Seen(), None, None)
        self._got = b""
        self.waits = False

    def begin(self, seen: Seen, free: list[Client] | None, following: Iterator[bytes] | None) -> None:
        """What becomes of the requests from now on: `free` gets this one back, or what is `following` is sent."""
        self._seen, self._free, self._following = seen, free, following

    def rest(self) -> None:
        """Send nothing more, and count nothing of what still comes."""
        self.begin(Seen(), None, None)

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def send(self, data: bytes, counts: bool) -> None:
        self._began, self._counts, self.waits = time.perf_counter(), counts, True
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
        self._got, self.waits = b"", False
        if self._counts:
            seen = self._seen
            seen.statuses[status] += 1
            seen.without_retry_after += status in (429, 503) and b"retry-after: " not in head
            if status == 200:
                seen.in_time += took <= IN_TIME
                seen.waits.append(took)
        if self._free is not None:
            self._free.append(self)
        elif self._following is not None:
            self.send(next(self._following), counts=True)

    def connection_lost(self, exc: Exception | None) -> None:
        self._seen.broken += self.waits
        self.waits = False


def requests() -> Iterator[bytes]:
    while True:
        body = json.dumps(payment(f"o{next(_ever)}")).encode()
        yield b"POST /predict HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: %d\r\n\r\n" % len(body) + body


class Load:
    """Connections to one server, and what is sent on them."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._clients: list[Client] = []
        self._made = requests()

    async def connect(self, number: int) -> None:
        loop = asyncio.get_running_loop()

        def same(one: Client) -> Client:
            return one

        while len(self._clients) < number:
            client = Client()
            await loop.create_connection(partial(same, client), "127.0.0.1", self._port)
            self._clients.append(client)

    async def peak(self, seconds: float, clients: int = 64) -> float:
        """Answers a second to clients that ask again when they are answered: what the server can do."""
        seen = Seen()
        for client in self._clients[:clients]:
            client.begin(seen, None, self._made)
            client.send(next(self._made), counts=True)
        await asyncio.sleep(0.3)
        before, began = seen.statuses[200], time.perf_counter()
        await asyncio.sleep(seconds)
        rate = (seen.statuses[200] - before) / (time.perf_counter() - began)
        await self._quiet()
        return rate

    async def offer(self, rate: float, seconds: float) -> Seen:
        """`rate` requests a second; those of the first half second warm up and do not count."""
        seen, free = Seen(), list(self._clients)
        for client in self._clients:
            client.begin(seen, free, None)
        ready = iter([next(self._made) for _ in range(int(rate * (seconds + 0.5)) + 10)])
        began, sent = time.perf_counter(), 0
        while (now := time.perf_counter() - began) < seconds + 0.5:
            counts = now >= 0.5
            while sent < rate * now:
                sent += 1
                if free:
                    seen.sent += counts
                    free.pop().send(next(ready), counts)
                else:
                    seen.unsent += counts
            await asyncio.sleep(0.001)
        await self._quiet()
        return seen

    async def _quiet(self) -> None:
        """Until nobody waits for an answer any more; told 503 or not, everybody gets one."""
        for client in self._clients:
            client.rest()
        for _ in range(6_000):
            if not any(client.waits for client in self._clients):
                return
            await asyncio.sleep(0.01)
        raise TimeoutError("requests that were sent are not answered after a minute")


async def offered(port: int, plan: Plan) -> tuple[list[float], dict[int, list[tuple[float, Seen]]]]:
    """Round by round what the server can do and what of 1×, 2× and 4× that it answers in time: a machine that is
    busy with other things is so for all of a round.
    """
    seconds, load = float(plan.much(4, 1)), Load(port)
    await load.connect(64)
    await load.peak(1.0)
    peaks: list[float] = []
    rounds: dict[int, list[tuple[float, Seen]]] = {1: [], 2: [], 4: []}
    for _ in range(plan.much(5, 2)):
        for times, found in rounds.items():
            peak = await load.peak(seconds / 2)
            await load.connect(int(CONNECTIONS * peak))
            found.append((peak, await load.offer(times * peak, seconds)))
            peaks.append(peak)
    return peaks, rounds


async def endless(port: int, peak: float, seconds: float) -> Seen:
    load = Load(port)
    await load.connect(int(CONNECTIONS * peak))
    return await load.offer(4 * peak, seconds)


def run(plan: Plan) -> Result:
    seconds = plan.much(4, 1)
    cores = sorted(os.sched_getaffinity(0))
    figures: dict[str, Any] = {}
    wrong: list[str] = []
    kept: dict[int, float] = {}
    allow_files(30_000)
    try:
        with Running(new_shop(plan.place("bounded")), before=BEFORE, more=BOUNDED) as server:
            psutil.Process(server.pid).cpu_affinity([cores[0]])
            os.sched_setaffinity(0, {cores[-1]})
            peaks, rounds = uvloop.run(offered(server.port, plan))
            peak = median(peaks)
            figures["peak answers/s"] = round(peak)
            for times, found in rounds.items():
                kept[times] = median(seen.in_time / seconds / best for best, seen in found)
                told = median((seen.statuses[503] + seen.statuses[429]) / seconds for _, seen in found)
                p99 = 1e3 * median(share(seen.waits, 0.99) for _, seen in found)
                figures[f"{times}×"] = f"{100 * kept[times]:.0f} % of peak in time, p99 {p99:.0f} ms, {told:.0f}/s 503"
                for _, seen in found:
                    others = {status: n for status, n in seen.statuses.items() if status not in (200, 429, 503)}
                    if others or seen.without_retry_after or seen.broken:
                        without = seen.without_retry_after
                        wrong.append(f"{times}×: {others}, {without} without Retry-After, {seen.broken} broken")
        with Running(new_shop(plan.place("endless")), before=BEFORE, more=ENDLESS) as server:
            psutil.Process(server.pid).cpu_affinity([cores[0]])
            seen = uvloop.run(endless(server.port, peak, seconds + 2))
    finally:
        os.sched_setaffinity(0, set(cores))
    left = seen.in_time / (seconds + 2) / peak
    # A short look on a busy machine says that it does not collapse, not how much is kept.
    held = kept[4] >= (0.5 if plan.short else 0.9) and not wrong
    control = f"with an endless queue {100 * left:.0f} % of peak come in time at 4×"
    return Result(figures, held, control, left < 0.5 * kept[4], wrong)

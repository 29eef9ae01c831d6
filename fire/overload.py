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
from dataclasses import dataclass, field
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
        self.spent = 0.0
        """Seconds of a processor that the server used meanwhile."""


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

    def __init__(self, server: Running) -> None:
        self._port = server.port
        self._server = psutil.Process(server.pid)
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

    def _spent(self) -> float:
        times = self._server.cpu_times()
        return times.user + times.system

    async def peak(self, seconds: float, clients: int = 64) -> tuple[float, float]:
        """Answers to clients that ask again when they are answered, a second and a second of the server's processor:
        what it can do.
        """
        seen = Seen()
        for client in self._clients[:clients]:
            client.begin(seen, None, self._made)
            client.send(next(self._made), counts=True)
        await asyncio.sleep(0.3)
        before, began, spent = seen.statuses[200], time.perf_counter(), self._spent()
        await asyncio.sleep(seconds)
        answered = seen.statuses[200] - before
        rates = answered / (time.perf_counter() - began), answered / (self._spent() - spent)
        await self._quiet()
        return rates

    async def offer(self, rate: float, seconds: float) -> Seen:
        """`rate` requests a second; those of the first second warm up and do not count."""
        seen, free = Seen(), list(self._clients)
        for client in self._clients:
            client.begin(seen, free, None)
        ready = iter([next(self._made) for _ in range(int(rate * (seconds + 1)) + 10)])
        began, sent = time.perf_counter(), 0
        while (now := time.perf_counter() - began) < seconds + 1:
            counts = now >= 1
            if not counts:
                seen.spent = -self._spent()
            while sent < rate * now:
                sent += 1
                if free:
                    seen.sent += counts
                    free.pop().send(next(ready), counts)
                else:
                    seen.unsent += counts
            await asyncio.sleep(0.001)
        seen.spent += self._spent()
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


@dataclass
class Level:
    """What was seen at one multiple of what the server can do, round by round, as shares of that."""

    in_time: list[float] = field(default_factory=list)
    by_processor: list[float] = field(default_factory=list)
    """The same for each second of the server's processor: what other programs take away does not count."""
    refused: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)


async def offered(server: Running, plan: Plan, wrong: list[str]) -> tuple[float, dict[int, Level]]:
    """Round by round what the server can do, and what of 1×, 2× and 4× that it answers in time."""
    seconds, load = float(plan.much(4, 1)), Load(server)
    await load.connect(64)
    await load.peak(1.0)
    peaks: list[float] = []
    levels = {1: Level(), 2: Level(), 4: Level()}
    for _ in range(plan.much(5, 2)):
        for times, level in levels.items():
            peak, by_processor = await load.peak(seconds / 2)
            await load.connect(int(CONNECTIONS * peak))
            seen = await load.offer(times * peak, seconds)
            peaks.append(peak)
            level.in_time.append(seen.in_time / seconds / peak)
            level.by_processor.append(seen.in_time / seen.spent / by_processor)
            level.refused.append((seen.statuses[503] + seen.statuses[429]) / seconds)
            level.waits.append(share(seen.waits, 0.99))
            others = {status: n for status, n in seen.statuses.items() if status not in (200, 429, 503)}
            if others or seen.without_retry_after or seen.broken:
                without = seen.without_retry_after
                wrong.append(f"{times}×: {others}, {without} without Retry-After, {seen.broken} broken")
    return median(peaks), levels


async def endless(server: Running, peak: float, seconds: float) -> float:
    load = Load(server)
    await load.connect(int(CONNECTIONS * peak))
    seen = await load.offer(4 * peak, seconds)
    return seen.in_time / seconds / peak


def run(plan: Plan) -> Result:
    cores = sorted(os.sched_getaffinity(0))
    wrong: list[str] = []
    allow_files(30_000)
    try:
        with Running(new_shop(plan.place("bounded")), before=BEFORE, more=BOUNDED) as server:
            psutil.Process(server.pid).cpu_affinity([cores[0]])
            os.sched_setaffinity(0, {cores[-1]})
            peak, levels = uvloop.run(offered(server, plan, wrong))
        with Running(new_shop(plan.place("endless")), before=BEFORE, more=ENDLESS) as server:
            psutil.Process(server.pid).cpu_affinity([cores[0]])
            left = uvloop.run(endless(server, peak, plan.much(6, 3)))
    finally:
        os.sched_setaffinity(0, set(cores))
    figures: dict[str, Any] = {"peak answers/s": round(peak)}
    for times, level in levels.items():
        figures[f"{times}×"] = (
            f"{100 * median(level.in_time):.0f} % of peak in time ({100 * median(level.by_processor):.0f} % per second "
            f"of processor), p99 {1e3 * median(level.waits):.0f} ms, {median(level.refused):.0f}/s 503"
        )
    kept = median(levels[4].by_processor)
    # A short look at a busy machine says that it does not collapse, not how much is kept.
    held = kept >= (0.5 if plan.short else 0.9) and not wrong
    control = f"with an endless queue {100 * left:.0f} % of peak come in time at 4×"
    return Result(figures, held, control, left < 0.5 * median(levels[4].in_time), wrong)

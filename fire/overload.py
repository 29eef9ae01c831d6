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

SLOW = """
import time
from holdfast.serving import decide
real = decide.Decider.decide
def slow(self, *given, **more):
    time.sleep(0.002)
    return real(self, *given, **more)
decide.Decider.decide = slow
"""

_ever = count()


class Seen:
    """What came back in one stretch of time, whenever it was asked for."""

    def __init__(self) -> None:
        self.counting = False
        self.statuses: Counter[int] = Counter()
        self.without_retry_after = 0
        self.in_time = 0
        self.waits: list[float] = []
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

    def send(self, data: bytes) -> None:
        self._began, self.waits = time.perf_counter(), True
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
        seen = self._seen
        if seen.counting:
            seen.statuses[status] += 1
            seen.without_retry_after += status in (429, 503) and b"retry-after: " not in head
            if status == 200:
                seen.in_time += took <= IN_TIME
                seen.waits.append(took)
        if self._free is not None:
            self._free.append(self)
        elif self._following is not None:
            self.send(next(self._following))

    def close(self) -> None:
        self.waits = False
        self._transport.abort()

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
            client.send(next(self._made))
        await asyncio.sleep(0.3)
        seen.counting, began, spent = True, time.perf_counter(), self._spent()
        await asyncio.sleep(seconds)
        answered = seen.statuses[200]
        rates = answered / (time.perf_counter() - began), answered / (self._spent() - spent)
        await self._quiet()
        return rates

    async def offer(self, rate: float, seconds: float, *, quiet: bool = True) -> Seen:
        """`rate` requests a second, on any free connection; the first second warms up and does not count."""
        seen, free = Seen(), list(self._clients)
        for client in self._clients:
            client.begin(seen, free, None)
        ready = iter([next(self._made) for _ in range(int(rate * (seconds + 1)) + 10)])
        began, due = time.perf_counter(), 0
        while (now := time.perf_counter() - began) < seconds + 1:
            if now >= 1 and not seen.counting:
                seen.counting, seen.spent = True, -self._spent()
            while due < rate * now:
                due += 1
                if free:
                    free.pop().send(next(ready))
            await asyncio.sleep(0.001)
        seen.spent += self._spent()
        seen.counting = False
        if quiet:
            await self._quiet()
        return seen

    async def close(self) -> None:
        """Hang up on everybody, answered or not."""
        for client in self._clients:
            client.rest()
            client.close()
        await asyncio.sleep(0.1)

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
    levels = {times: Level() for times in ((4,) if plan.short else (1, 2, 4))}
    for _ in range(plan.much(5, 1)):
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
    await load.close()
    return median(peaks), levels


async def endless(server: Running, peak: float, seconds: float) -> float:
    load = Load(server)
    await load.connect(int(CONNECTIONS * peak))
    seen = await load.offer(4 * peak, seconds, quiet=False)
    await load.close()
    return seen.in_time / seconds / peak


def run(plan: Plan) -> Result:
    """Twice: with a model that takes 2 ms, whose pace other programs on the machine do not change, so that what is
    seen is the queue; and (not in a hurry) as fast as it is, where each refusal also costs time that answers lack.

    How much of the peak is kept is a claim of the full run, on a machine left alone. In a hurry it is that nobody was
    left without an answer or a Retry-After, and that without bounds less than half as much comes in time.
    """
    cores = sorted(os.sched_getaffinity(0))
    wrong: list[str] = []
    figures: dict[str, Any] = {}
    allow_files(30_000)
    try:
        peak, levels = measured(plan, "slow", SLOW + BEFORE, cores, wrong)
        figures |= told("2 ms model", peak, levels)
        kept = median(levels[4].in_time)
        with Running(new_shop(plan.place("endless")), before=SLOW + BEFORE, more=ENDLESS) as server:
            left = uvloop.run(endless(server, peak, plan.much(6, 3)))
        if not plan.short:
            figures |= told("as fast as it is", *measured(plan, "fast", BEFORE, cores, wrong))
    finally:
        os.sched_setaffinity(0, set(cores))
    control = f"with an endless queue {100 * left:.0f} % of peak come in time at 4×"
    held = (plan.short or kept >= 0.9) and not wrong
    return Result(figures, held, control, left < 0.5 * kept, wrong)


def measured(plan: Plan, name: str, before: str, cores: list[int], wrong: list[str]) -> tuple[float, dict[int, Level]]:
    with Running(new_shop(plan.place(name)), before=before, more=BOUNDED) as server:
        psutil.Process(server.pid).cpu_affinity([cores[0]])
        os.sched_setaffinity(0, {cores[-1]})
        return uvloop.run(offered(server, plan, wrong))


def told(name: str, peak: float, levels: dict[int, Level]) -> dict[str, Any]:
    figures: dict[str, Any] = {f"{name}: peak answers/s": round(peak)}
    for times, level in levels.items():
        figures[f"{times}×"] = (
            f"{100 * median(level.in_time):.0f} % of peak in time ({100 * median(level.by_processor):.0f} % per second "
            f"of processor), p99 {1e3 * median(level.waits):.0f} ms, {median(level.refused):.0f}/s 503"
        )
    return {what if what.startswith(name) else f"{name}: {what}": value for what, value in figures.items()}

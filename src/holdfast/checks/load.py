"""What a server does under load, seen from the other end of its sockets: waits, rates, memory, disk.

Single requests come at a steady rate whether or not the ones before were answered, and each wait counts from when its
request was due: a server that stands still for a second has a thousand late answers, not one.
"""

from __future__ import annotations

import asyncio
import gc
import math
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import uvloop

from holdfast.checks.processes import Reading, busy, reading
from holdfast.checks.requests import Requests
from holdfast.errors import HoldfastError

if TYPE_CHECKING:
    from holdfast.project.project import Project
    from holdfast.project.server import Server

STEADY = 20.0
"""Seconds at the wanted rate, after `WARM` seconds of the same."""
WARM = 2.0
PEAK = 3.0
"""Seconds in which as much is asked as is answered."""
BATCHES = 15
BATCH_SECONDS = 4.0
"""So many batches, or as many as there is time for."""
BATCH_ROWS = 1_000
OVER = 1.05
"""Asked a little more often than wanted, so that a rate just reached shows."""
PARTS = 5
QUIET = 0.3
"""The steady time is cut into parts; those count in which nothing else used more than so many cores."""
STEADY_LINES, PEAK_LINES = 32, 64
PATIENCE = 10.0
"""Seconds that answers may still come after the last request."""


@dataclass(frozen=True)
class Answered:
    """One request: when it was due, seconds until its answer, and whether that was a 200."""

    due: float
    wait: float
    good: bool


@dataclass
class Run:
    """One run of requests, `seconds` long. `failures` are the first few answers that were no 200."""

    seconds: float
    answers: list[Answered] = field(default_factory=list)
    asked: int = 0
    failures: list[str] = field(default_factory=list)
    others: list[float] = field(default_factory=list)
    """Cores that other programs used in each part of the time."""

    @property
    def failed(self) -> int:
        """Requests without a good answer."""
        return self.asked - sum(item.good for item in self.answers)

    @property
    def rate(self) -> float:
        """Good answers a second, those within the time only."""
        return sum(item.good and item.due + item.wait <= self.seconds for item in self.answers) / self.seconds

    def milliseconds(self, share: float) -> float:
        return quantile([item.wait for item in self.answers], share) * 1_000

    def parts(self, count: int = PARTS) -> list[Run]:
        """The run cut into pieces of equal length, by when requests were due."""
        each = self.seconds / count
        pieces = [Run(each, others=self.others[at : at + 1]) for at in range(count)]
        for item in self.answers:
            at = min(int(item.due / each), count - 1)
            pieces[at].answers.append(Answered(item.due - at * each, item.wait, item.good))
            pieces[at].asked += 1
        return pieces

    def quiet(self) -> list[Run]:
        """The parts in which the machine was ours; none where there was no such part."""
        return [part for part in self.parts() if part.others and part.others[0] <= QUIET]


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that this share of them does not pass; infinite where there is none."""
    ordered = sorted(values)
    return ordered[max(math.ceil(len(ordered) * share), 1) - 1] if ordered else math.inf


def middle(values: Sequence[float]) -> float:
    return quantile(values, 0.5)


@dataclass(frozen=True)
class Measured:
    """What was seen of one server, and what it used."""

    steady: Run
    peak: Run
    batches: Run
    idle: Reading
    """Of its processes before the load."""
    at_rate: Reading
    """Over the steady time: `processor` seconds used in it."""
    after: Reading
    decisions: int
    """New ones in the ledger since the server began."""
    disk_before: int
    disk_after: int
    """Bytes of ledger and state."""

    @property
    def bytes_per_decision(self) -> float:
        return (self.disk_after - self.disk_before) / max(self.decisions, 1)


def measure(project: Project, server: Server, requests: Requests, rate: float) -> Measured:
    """Load a server that nobody else uses; `rate` are the answers wanted in a second."""
    before, disk = project.reader.last_seq(), _disk(project)
    idle = reading(server.pid)
    bodies = requests.endless("load")
    gc.collect()
    gc.freeze()
    gc.disable()  # a pause of ours would look like one of the server's
    try:
        uvloop.run(_steadily(server.port, bodies, rate * OVER, WARM))
        began = reading(server.pid)
        steady = uvloop.run(_steadily(server.port, bodies, rate * OVER, STEADY, _Others(server.pid)))
        ended = reading(server.pid)
        batches = uvloop.run(_one_by_one(server.port, _batches(requests), BATCH_SECONDS))
        peak = uvloop.run(_as_fast(server.port, bodies, PEAK))
    finally:
        gc.enable()
        gc.unfreeze()
    return Measured(
        steady, peak, batches, idle, ended.since(began), reading(server.pid),
        project.reader.last_seq() - before, disk, _disk(project),
    )  # fmt: skip


class _Others:
    """Looks, from one part to the next, at what neither the server nor we used."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._before = self._now()

    def _now(self) -> tuple[float, float]:
        ours = reading(self._pid).processor + time.process_time()
        return time.perf_counter(), busy() - ours

    def cores(self) -> float:
        """In use by others since the last look."""
        before, self._before = self._before, self._now()
        (since, used), (now, more) = before, self._before
        return max(more - used, 0.0) / max(now - since, 1e-9)


def _batches(requests: Requests) -> Iterator[bytes]:
    rows = [requests.rows[at % len(requests.rows)] for at in range(BATCH_ROWS)]
    for number in range(BATCHES):
        yield requests.many(f"batch{number}", rows)


def _disk(project: Project) -> int:
    return sum(
        file.stat().st_blocks * 512
        for folder in (project.ledger_path, project.state_path)
        for file in folder.iterdir()
        if file.is_file()
    )


class Line(asyncio.Protocol):
    """A keep-alive connection that has one request under way at most; `ready` is told when it is free again."""

    def __init__(self, path: str, run: Run, ready: Any) -> None:
        self._head = (
            f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: ".encode()
        )
        self._run, self._ready = run, ready
        self._got = b""
        self.lost = False

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def ask(self, body: bytes, due: float, since: float) -> None:
        """Send one request that was due at `due` seconds of a run that began at `since`."""
        self._due, self._since = due, since
        self._run.asked += 1
        self._transport.write(self._head + b"%d\r\n\r\n" % len(body) + body)

    def data_received(self, data: bytes) -> None:
        self._got += data
        if not _whole(self._got):
            return
        good = self._got.startswith(b"HTTP/1.1 200")
        wait = time.perf_counter() - self._since - self._due
        self._run.answers.append(Answered(self._due, wait, good))
        if not good and len(self._run.failures) < 3:
            self._run.failures.append(self._got[:600].decode(errors="replace"))
        self._got = b""
        self._ready(self)

    def connection_lost(self, error: Exception | None) -> None:
        self.lost = True

    def close(self) -> None:
        self._transport.abort()


def _whole(got: bytes) -> bool:
    """Whether an answer with a length has come to its end."""
    end = got.find(b"\r\n\r\n")
    if end < 0:
        return False
    head = got[:end].lower()
    at = head.find(b"content-length:")
    if at < 0:
        raise HoldfastError("the server answers without a length", where="the gate's client")
    line = head[at + 15 :].split(b"\r", 1)[0]
    return len(got) - end - 4 >= int(line)


async def _lines(port: int, path: str, run: Run, ready: Any, count: int) -> list[Line]:
    loop = asyncio.get_running_loop()
    made = [Line(path, run, ready) for _ in range(count)]
    for line in made:
        await loop.create_connection(lambda line=line: line, "127.0.0.1", port)  # type: ignore[misc]
    return made


async def _steadily(
    port: int, bodies: Iterator[bytes], rate: float, seconds: float, others: _Others | None = None
) -> Run:
    """Requests at a fixed rate, on whichever line is free."""
    run = Run(seconds)
    free: deque[Line] = deque()
    waiting: deque[float] = deque()

    def give(line: Line) -> None:
        if waiting and not line.lost:
            line.ask(next(bodies), waiting.popleft(), since)
        else:
            free.append(line)

    lines = await _lines(port, "/predict", run, give, STEADY_LINES)
    free.extend(lines)
    since, due, total = time.perf_counter(), 0, int(rate * seconds)
    while due < total:
        now = time.perf_counter() - since
        while due < total and due / rate <= now:
            waiting.append(due / rate)
            due += 1
        while waiting and free:
            give(free.popleft())
        if others is not None and now >= seconds * (len(run.others) + 1) / PARTS:
            run.others.append(others.cores())
        if all(line.lost for line in lines):
            break
        await asyncio.sleep(0.0005)
    await _settled(run, lambda: len(run.answers) + len(waiting) < total and not waiting)
    if others is not None:
        run.others += [others.cores()] * (PARTS - len(run.others))
    run.asked = total  # who was never asked was not answered either
    for line in lines:
        line.close()
    return run


async def _as_fast(port: int, bodies: Iterator[bytes], seconds: float) -> Run:
    """Each line sends its next request when it has its answer."""
    run = Run(seconds)
    since = time.perf_counter()

    def again(line: Line) -> None:
        now = time.perf_counter() - since
        if now < seconds and not line.lost:
            line.ask(next(bodies), now, since)

    lines = await _lines(port, "/predict", run, again, PEAK_LINES)
    since = time.perf_counter()
    for line in lines:
        again(line)
    await asyncio.sleep(seconds)
    await _settled(run, lambda: len(run.answers) < run.asked)
    for line in lines:
        line.close()
    return run


async def _one_by_one(port: int, bodies: Iterator[bytes], seconds: float) -> Run:
    """One line, one batch after the other, until they or the time are over."""
    run = Run(seconds)
    done = asyncio.Event()
    (line,) = await _lines(port, "/predict/batch", run, lambda _: done.set(), 1)
    since = time.perf_counter()
    for body in bodies:
        now = time.perf_counter() - since
        if now >= seconds or line.lost:
            break
        done.clear()
        line.ask(body, now, since)
        try:
            await asyncio.wait_for(done.wait(), PATIENCE)
        except TimeoutError:
            break
    line.close()
    return run


async def _settled(run: Run, open_still: Any) -> None:
    """Wait for answers under way."""
    began = time.perf_counter()
    while open_still() and time.perf_counter() - began < PATIENCE:
        await asyncio.sleep(0.01)

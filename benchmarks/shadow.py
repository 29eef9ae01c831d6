"""What a shadow costs the answers: `/predict` without one and with one, in windows of one stream of requests that take
turns.

One server on one core (its shadow process inherits that core), clients on another. Between windows the shadow's process
is stopped or let go on. `--pause` lets each client think between two requests, so that the server has idle time in
which shadows are scored; `--lull` ends each window with seconds in which clients think ten times as long. `--spare`
lets the shadow use the clients' core as well, as it may wherever nobody tied the server to one; `--memory` keeps the
ledger off the disk, whose hiccups are in a p99 too. `cpu` is the worker's own processor time for one answer, `stolen`
the share of its processor that the machine's host gave to others.

Windows differ more among themselves than a shadow does to them. So the p99 is told in a second way, `near`: of all
answers of a window, as a multiple of the same without those that were under way while the shadow's process ran, or
until 50 ms after (`close` is their share). It is read each 2 ms how long that has run. One stream, the same minute, and
only the shadow's work between them; that it runs longer when the server is busy counts against it.

    python -m benchmarks.shadow [--rounds 60] [--seconds 1] [--lull 0] [--clients 16] [--pause 0.01] [--spare]
        [--memory] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psutil
import uvloop
from benchmarks.clients import whole
from benchmarks.serve import ROOT, bodies, prepare
from benchmarks.servers import free_port, running
from numpy.typing import NDArray

from holdfast.contract.model import Contract
from holdfast.features.state.state import State
from holdfast.ledger.log import Log
from holdfast.ledger.read import LedgerReader
from holdfast.ledger.records import Arm, Decision, Experiment, Promotion, Shadow, Tally
from holdfast.ledger.writer import LedgerWriter

Wait = tuple[float, float]
"""When a request was sent, and the seconds until its answer was there."""


class Pace:
    """How long each client waits before its next request, in seconds."""

    def __init__(self, pause: float) -> None:
        self.pause = pause


class Thinking(asyncio.Protocol):
    """One connection that waits before it sends the next request."""

    def __init__(self, pace: Pace, bodies: Iterator[bytes], waits: list[Wait]) -> None:
        self._pace = pace
        self._bodies = bodies
        self._waits = waits
        self._got = b""
        self.stopped = False
        self.failed = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._send()

    def _send(self) -> None:
        if self.stopped:
            return
        body = next(self._bodies)
        head = (
            b"POST /predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        )
        self._began = time.perf_counter()
        self._transport.write(head % len(body) + body)

    def data_received(self, data: bytes) -> None:
        self._got += data
        if not whole(self._got):
            return
        self._waits.append((self._began, time.perf_counter() - self._began))
        if not self._got.startswith(b"HTTP/1.1 200"):
            self.failed = self._got
        self._got = b""
        asyncio.get_running_loop().call_later(self._pace.pause, self._send)


async def load(
    port: int, told: argparse.Namespace, pace: Pace, turns: Callable[[], Awaitable[None]], lasts: float
) -> list[Wait]:
    """Requests until `turns` is done, which takes about this many seconds."""
    waits: list[Wait] = []
    most = int((lasts + 1) * min(12_000, told.clients / max(told.pause, 1e-4)) * 1.2) + 1_000
    made = bodies(told.clients)
    ready = iter([next(made) for _ in range(most)])
    loop = asyncio.get_running_loop()
    connections = []
    for at in range(told.clients):
        await asyncio.sleep(told.pause / told.clients if at else 0)
        connections.append(Thinking(pace, ready, waits))
        await loop.create_connection(lambda: connections[-1], "127.0.0.1", port)
    await turns()
    for connection in connections:
        connection.stopped = True
    await asyncio.sleep(0.3)
    failed = [connection.failed for connection in connections if connection.failed]
    if failed:
        raise SystemExit(f"{len(failed)} connections saw a failure, first: {failed[0]!r}")
    return waits


def write(home: Path, record: Experiment) -> Experiment:
    state = State.open(home / "state")
    writer = LedgerWriter(Log(home / "ledger"), state)
    kept = writer.commit([record])[0]
    writer.close()
    state.close()
    assert isinstance(kept, Experiment)
    return kept


def begun(home: Path, contract: Contract) -> Experiment:
    """The champion's own model in its own shadow: as much work as the answer."""
    champion = next(item for item in LedgerReader(home / "ledger").records() if isinstance(item, Promotion))
    arms = [
        Arm(name=name, version=champion.version, bundle=champion.bundle, contract=contract.hash)
        for name in ("champion", "challenger")
    ]
    return write(
        home, Experiment(action="start", name="beside", kind="shadow", arms=arms, salt=b"s", who="bench", why="bench")
    )


class Window(NamedTuple):
    """What one window saw: seconds each answer took, whether the shadow's process ran then, seconds it lasted,
    processor seconds of the worker, of what was beside it, and stolen from the processor of both.
    """

    waits: NDArray[np.float64]
    near: NDArray[np.bool_]
    lasted: float
    worker: float
    beside: float
    stolen: float


def _quantile(at: float) -> Callable[[Sequence[Window]], float]:
    """Milliseconds, of the answers of all windows together."""
    return lambda windows: 1e3 * float(np.quantile(np.concatenate([item.waits for item in windows]), at))


def _near(windows: Sequence[Window]) -> float:
    """p99 of all answers, as a multiple of that of the answers by which it was not at work."""
    waits, near = (np.concatenate([item[at] for item in windows]) for at in (0, 1))
    return float(np.quantile(waits, 0.99) / np.quantile(waits[~near], 0.99))


FIGURES: dict[str, Callable[[Sequence[Window]], float]] = {
    "rate": lambda windows: sum(len(item.waits) for item in windows) / sum(item.lasted for item in windows),
    "p50": _quantile(0.5),
    "p99": _quantile(0.99),
    "near": _near,
    "close": lambda windows: 100 * float(np.concatenate([item.near for item in windows]).mean()),
    "cpu": lambda windows: 1e6 * sum(item.worker for item in windows) / sum(len(item.waits) for item in windows),
    "share": lambda windows: 100 * sum(item.beside for item in windows) / sum(item.lasted for item in windows),
    "stolen": lambda windows: 100 * sum(item.stolen for item in windows) / sum(item.lasted for item in windows),
}

UNITS = {
    "rate": "/s",
    "p50": "ms",
    "p99": "ms",
    "near": "× ",
    "close": "% ",
    "cpu": "µs",
    "share": "% ",
    "stolen": "% ",
}


def _during(waits: NDArray[np.float64], runs: Sequence[Wait]) -> NDArray[np.bool_]:
    """Which answers were under way while it ran, or shortly after. Shape (answers,); runs in order of time."""
    if not runs:
        return np.zeros(len(waits), dtype=bool)
    began, lasted = np.array(runs).T
    # The last run that began before the answer was there: whether it had been felt to the end when the request came.
    last = np.searchsorted(began, waits.sum(axis=1)) - 1
    near: NDArray[np.bool_] = (last >= 0) & (began[last] + lasted[last] + AFTER > waits[:, 0])
    return near


ARMS = ("without", "shadow")
LULL = 10
"""How much longer clients wait between two requests in a lull."""
GLANCE, AFTER = 0.002, 0.05
"""Seconds between two readings of how long what is beside has run, and after its work in which it is felt."""
SETTLE = 1.0
"""Seconds before a window, in which what gathered is worked off."""
Row = dict[str, Window]


def _ratio(figure: Callable[[Sequence[Window]], float], rows: Sequence[Row]) -> float:
    return figure([row["shadow"] for row in rows]) / figure([row["without"] for row in rows])


class Bench:
    """One server under load, by turns with a shadow beside it."""

    def __init__(self, home: Path, worker: psutil.Process, port: int, told: argparse.Namespace) -> None:
        self._worker, self._port, self._told = worker, port, told
        self._core = worker.cpu_affinity()[0]
        self._cores = sorted({self._core, *os.sched_getaffinity(0)}) if told.spare else [self._core]
        self._shadows = LedgerReader(home / "shadows")
        self._beside: dict[str, list[psutil.Process]] = {"without": []}

    def begin(self) -> None:
        """Let the shadow's processes start."""
        while not self._shadows.last_seq():
            self.round(())
        self._beside["shadow"] = self._worker.children()
        for process in self._beside["shadow"]:
            process.cpu_affinity(self._cores)

    def round(self, arms: Sequence[str]) -> Row:
        """A window for each of these, in this order."""
        told, pace = self._told, Pace(self._told.pause)
        lasts = 1.0 + len(arms) * (SETTLE + told.seconds + told.lull)
        windows: dict[str, tuple[float, float, NDArray[np.float64]]] = {}
        runs: dict[str, list[Wait]] = {arm: [] for arm in arms}

        async def turns() -> None:
            await asyncio.sleep(1.0)
            for arm in arms:
                self._switch(arm)
                await asyncio.sleep(SETTLE)
                watching = asyncio.create_task(self._glance(arm, runs[arm]))
                began, before = time.perf_counter(), self._spent(arm)
                await asyncio.sleep(told.seconds)
                pace.pause = told.pause * LULL
                await asyncio.sleep(told.lull)
                pace.pause = told.pause
                windows[arm] = (began, time.perf_counter(), self._spent(arm) - before)
                watching.cancel()

        waits = np.array(uvloop.run(load(self._port, told, pace, turns, lasts)))
        row = {}
        for arm, (began, ended, spent) in windows.items():
            inside = (waits[:, 0] >= began) & (waits[:, 0] < ended)
            row[arm] = Window(waits[inside, 1], _during(waits[inside], runs[arm]), ended - began, *spent.tolist())
        return row

    async def _glance(self, arm: str, runs: list[Wait]) -> None:
        """Note when what is beside ran: (from, seconds)."""
        files = [os.open(f"/proc/{process.pid}/schedstat", os.O_RDONLY) for process in self._beside[arm]]
        try:
            last, at = None, time.perf_counter()
            while True:
                ran, now = [os.pread(file, 64, 0).split()[0] for file in files], time.perf_counter()
                if ran != last and last is not None:
                    runs.append((at, now - at))
                last, at = ran, now
                await asyncio.sleep(GLANCE)
        finally:
            for file in files:
                os.close(file)

    def _switch(self, arm: str) -> None:
        for name, processes in self._beside.items():
            for process in processes:
                process.send_signal(signal.SIGCONT if name == arm else signal.SIGSTOP)

    def _spent(self, arm: str) -> NDArray[np.float64]:
        """Processor seconds so far: the worker's, of what is beside it, stolen by the host."""
        beside = sum(sum(process.cpu_times()[:2]) for process in self._beside[arm])
        stolen = psutil.cpu_times(percpu=True)[self._core].steal
        return np.array([sum(self._worker.cpu_times()[:2]), beside, stolen])

    def end(self) -> None:
        for processes in self._beside.values():
            for process in processes:
                process.send_signal(signal.SIGCONT)


def measure(folder: Path, contract: Contract, told: argparse.Namespace) -> dict[str, Any]:
    home, cores, port = folder / ".holdfast", sorted(os.sched_getaffinity(0)), free_port()
    command: list[str | Path] = [sys.executable, "-m", "holdfast.cli.main", "-C", folder, "serve", "--port", str(port)]
    rows: list[Row] = []
    os.sched_setaffinity(0, {cores[-1]})
    with running(command, port, "/predict", next(bodies(0)), core=cores[0], folder=folder) as server:
        bench = Bench(home, psutil.Process(server.pid), port, told)
        started = begun(home, contract).seq
        bench.begin()
        try:
            rows += [bench.round(ARMS[::-1] if number % 2 else ARMS) for number in range(told.rounds)]
        finally:
            bench.end()
    os.sched_setaffinity(0, set(cores))
    found: dict[str, Any] = {"clients": told.clients, "pause_s": told.pause, "rounds": told.rounds}
    draws = np.random.default_rng(1).integers(0, len(rows), (1_000, len(rows)))
    for name, figure in FIGURES.items():
        found[name] = {arm: round(figure([row[arm] for row in rows]), 4) for arm in ARMS}
        if name in ("close", "share", "stolen"):
            continue
        ratio = partial(_ratio, figure)
        low, high = np.quantile([ratio([rows[at] for at in draw]) for draw in draws.tolist()], (0.025, 0.975))
        found[name]["shadow / without"] = [round(float(item), 4) for item in (ratio(rows), low, high)]
    shadows, ledger = (list(LedgerReader(home / name).records()) for name in ("shadows", "ledger"))
    found["shadows_scored"] = sum(isinstance(item, Shadow) for item in shadows)
    found["shadows_asked"] = sum(isinstance(item, Decision) and item.seq > started for item in ledger)
    found["shadows_left_out"] = sum(item.dropped for item in ledger if isinstance(item, Tally))
    return found


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--rounds", type=int, default=60)
    words.add_argument("--seconds", type=float, default=1.0)
    words.add_argument("--lull", type=float, default=0.0)
    words.add_argument("--clients", type=int, default=16)
    words.add_argument("--pause", type=float, default=0.01)
    words.add_argument("--history", type=int, default=20_000)
    words.add_argument("--spare", action="store_true")
    words.add_argument("--memory", action="store_true")
    words.add_argument("--json", action="store_true")
    told = words.parse_args()
    with tempfile.TemporaryDirectory(dir="/dev/shm" if told.memory else ROOT, prefix=".bench-") as folder:
        place = Path(folder)
        contract = prepare(place / ".holdfast", told.history)
        (place / "holdfast.toml").write_text("[profiles]\non = false\n")  # else a process more to be stopped
        found = measure(place, contract, told)
    if told.json:
        print(json.dumps(found))
        return
    print(f"{found['clients']} clients, {found['pause_s']} s between requests, {found['rounds']} rounds")
    for name, unit in UNITS.items():
        row = found[name]
        told_of = "   ".join(f"{arm} {row[arm]}" for arm in ARMS)
        ratios = "   ".join(
            f"{pair} {row[pair][0]:.4f} ({row[pair][1]:.4f} to {row[pair][2]:.4f})" for pair in row if "/" in pair
        )
        print(f"{name:6} {unit}  {told_of}   {ratios}")
    scored, answered, left_out = (found[f"shadows_{word}"] for word in ("scored", "asked", "left_out"))
    print(f"{scored} of {answered} shadows scored, {left_out} left out")


if __name__ == "__main__":
    main()

"""What a shadow costs the answers: `/predict` without one, with one, and with a bare loop that uses as much of the
processor at the same priority, in windows of one stream of requests that take turns. The loop says what any process
there would cost.

One server on one core (its shadow process inherits that core), clients on another. Between windows the processes
beside are stopped or let go on; what gathered meanwhile is worked off before the next window begins. `--pause` lets
each client think between two requests, so that the server has idle time in which shadows are scored; without it the
server is saturated and shadows are mostly left out. `--spare` lets what is beside use the clients' core as well, as it
may wherever nobody tied the server to one. `cpu` is the worker's own processor time for one answer, `stolen`
the share of its processor that the machine's host gave to others.

    python -m benchmarks.shadow [--rounds 60] [--seconds 1] [--clients 16] [--pause 0.01] [--spare] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
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
from holdfast.ledger.records import Arm, Experiment, Promotion, Shadow, Tally
from holdfast.ledger.writer import LedgerWriter

Wait = tuple[float, float]
"""When a request was sent, and the seconds until its answer was there."""


class Thinking(asyncio.Protocol):
    """One connection that waits before it sends the next request."""

    def __init__(self, pause: float, bodies: Iterator[bytes], waits: list[Wait]) -> None:
        self._pause = pause
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
        asyncio.get_running_loop().call_later(self._pause, self._send)


async def load(port: int, told: argparse.Namespace, turns: Callable[[], Awaitable[None]], lasts: float) -> list[Wait]:
    """Requests until `turns` is done, which takes about this many seconds."""
    waits: list[Wait] = []
    most = int((lasts + 1) * min(12_000, told.clients / max(told.pause, 1e-4)) * 1.2) + 1_000
    made = bodies(told.clients)
    ready = iter([next(made) for _ in range(most)])
    loop = asyncio.get_running_loop()
    connections = []
    for at in range(told.clients):
        await asyncio.sleep(told.pause / told.clients if at else 0)
        connections.append(Thinking(told.pause, ready, waits))
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
    """What one window saw: seconds each answer took, seconds it lasted, processor seconds of the worker, of what was
    beside it, and stolen from the processor of both.
    """

    waits: NDArray[np.float64]
    lasted: float
    worker: float
    beside: float
    stolen: float


def _quantile(at: float) -> Callable[[Sequence[Window]], float]:
    """Milliseconds, of the answers of all windows together."""
    return lambda windows: 1e3 * float(np.quantile(np.concatenate([item.waits for item in windows]), at))


FIGURES: dict[str, Callable[[Sequence[Window]], float]] = {
    "rate": lambda windows: sum(len(item.waits) for item in windows) / sum(item.lasted for item in windows),
    "p50": _quantile(0.5),
    "p99": _quantile(0.99),
    "cpu": lambda windows: 1e6 * sum(item.worker for item in windows) / sum(len(item.waits) for item in windows),
    "share": lambda windows: 100 * sum(item.beside for item in windows) / sum(item.lasted for item in windows),
    "stolen": lambda windows: 100 * sum(item.stolen for item in windows) / sum(item.lasted for item in windows),
}

UNITS = {"rate": "/s", "p50": "ms", "p99": "ms", "cpu": "µs", "share": "% ", "stolen": "% "}

LOOP = """
import os, sys, time
os.nice(19)
os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
share = float(sys.argv[1])
while True:
    began, used = time.monotonic(), time.thread_time()
    while time.thread_time() - used < share / 4:
        pass
    time.sleep(max(began + 0.25 - time.monotonic(), 0.0))
"""
"""What any process costs that uses this share of the server's processor when it is idle, four times a second."""

ARMS = ("without", "shadow", "loop")
SETTLE = 1.0
"""Seconds before a window, in which what gathered is worked off."""
Row = dict[str, Window]


def _ratio(figure: Callable[[Sequence[Window]], float], rows: Sequence[Row], arm: str, base: str) -> float:
    return figure([row[arm] for row in rows]) / figure([row[base] for row in rows])


class Bench:
    """One server under load, and beside it a shadow or a loop or neither, by turns."""

    def __init__(self, home: Path, worker: psutil.Process, port: int, told: argparse.Namespace) -> None:
        self._worker, self._port, self._told = worker, port, told
        self._core = worker.cpu_affinity()[0]
        self._cores = sorted({self._core, *os.sched_getaffinity(0)}) if told.spare else [self._core]
        self._shadows = LedgerReader(home / "shadows")
        self._beside: dict[str, list[psutil.Process]] = {"without": []}

    def begin(self, share: float | None = None) -> None:
        """Let the shadow's processes start, or with a share of the processor the loop that takes their place."""
        if share is None:
            while not self._shadows.last_seq():
                self.round(())
            self._beside["shadow"] = self._worker.children()
            for process in self._beside["shadow"]:
                process.cpu_affinity(self._cores)
        else:
            tied = ["taskset", "-c", ",".join(map(str, self._cores))]
            loop = subprocess.Popen([*tied, sys.executable, "-c", LOOP, str(share)])
            self._beside["loop"] = [psutil.Process(loop.pid)]

    def round(self, arms: Sequence[str]) -> Row:
        """A window for each of these, in this order."""
        lasts = 1.0 + len(arms) * (SETTLE + self._told.seconds)
        windows: dict[str, tuple[float, float, NDArray[np.float64]]] = {}

        async def turns() -> None:
            await asyncio.sleep(1.0)
            for arm in arms:
                self._switch(arm)
                await asyncio.sleep(SETTLE)
                began, before = time.perf_counter(), self._spent(arm)
                await asyncio.sleep(self._told.seconds)
                windows[arm] = (began, time.perf_counter(), self._spent(arm) - before)

        waits = np.array(uvloop.run(load(self._port, self._told, turns, lasts)))
        row = {}
        for arm, (began, ended, spent) in windows.items():
            inside = (waits[:, 0] >= began) & (waits[:, 0] < ended)
            row[arm] = Window(waits[inside, 1], ended - began, *spent.tolist())
        return row

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
        for process in self._beside.get("loop", ()):
            process.kill()


def measure(folder: Path, contract: Contract, told: argparse.Namespace) -> dict[str, Any]:
    home, cores, port = folder / ".holdfast", sorted(os.sched_getaffinity(0)), free_port()
    command: list[str | Path] = [sys.executable, "-m", "holdfast.cli.main", "-C", folder, "serve", "--port", str(port)]
    rows: list[Row] = []
    os.sched_setaffinity(0, {cores[-1]})
    with running(command, port, "/predict", next(bodies(0)), core=cores[0], folder=folder) as server:
        bench = Bench(home, psutil.Process(server.pid), port, told)
        begun(home, contract)
        bench.begin()
        try:
            known = [bench.round(("without", "shadow"))["shadow"] for _ in range(3)]
            share = sum(item.beside for item in known) / sum(item.lasted for item in known)
            bench.begin(share)
            first = LedgerReader(home / "ledger").last_seq()
            # The shadow in the middle, so that little gathers between two of its windows.
            rows += [bench.round(ARMS[::-1] if number % 2 else ARMS) for number in range(told.rounds)]
        finally:
            bench.end()
    os.sched_setaffinity(0, set(cores))
    found: dict[str, Any] = {"clients": told.clients, "pause_s": told.pause, "rounds": told.rounds}
    draws = np.random.default_rng(1).integers(0, len(rows), (1_000, len(rows)))
    for name, figure in FIGURES.items():
        found[name] = {arm: round(figure([row[arm] for row in rows]), 3) for arm in ARMS}
        for arm, base in (("shadow", "without"), ("loop", "without"), ("shadow", "loop")):
            if name in ("share", "stolen"):
                continue
            drawn = [_ratio(figure, [rows[at] for at in draw], arm, base) for draw in draws.tolist()]
            low, high = np.quantile(drawn, (0.025, 0.975))
            found[name][f"{arm} / {base}"] = [
                round(_ratio(figure, rows, arm, base), 3), round(float(low), 3), round(float(high), 3)
            ]  # fmt: skip
    shadows = LedgerReader(home / "shadows").records()
    found["shadows_scored"] = sum(isinstance(item, Shadow) and item.decision_seq > first for item in shadows)
    told_of = LedgerReader(home / "ledger").records(first)
    found["shadows_left_out"] = sum(item.dropped for item in told_of if isinstance(item, Tally))
    return found


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--rounds", type=int, default=60)
    words.add_argument("--seconds", type=float, default=1.0)
    words.add_argument("--clients", type=int, default=16)
    words.add_argument("--pause", type=float, default=0.01)
    words.add_argument("--history", type=int, default=20_000)
    words.add_argument("--spare", action="store_true")
    words.add_argument("--json", action="store_true")
    told = words.parse_args()
    with tempfile.TemporaryDirectory(dir=ROOT, prefix=".bench-") as folder:
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
            f"{pair} {row[pair][0]:.3f} ({row[pair][1]:.3f} to {row[pair][2]:.3f})" for pair in row if "/" in pair
        )
        print(f"{name:6} {unit}  {told_of}   {ratios}")
    print(f"{found['shadows_scored']} shadows scored, {found['shadows_left_out']} left out")


if __name__ == "__main__":
    main()

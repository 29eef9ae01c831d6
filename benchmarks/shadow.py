"""What a shadow costs the answers: `/predict` without one, with one, and with a bare loop that uses as much of the
processor at the same priority, in windows that take turns. The loop says what any process there would cost.

One server on one core (its shadow process inherits that core), clients on another. `--pause` lets each client think
between two requests, so that the server has idle time in which shadows are scored; without it the server is saturated
and shadows are mostly left out. `cpu` is the worker's own processor time for one answer, which neighbours on the
machine disturb least.

    python -m benchmarks.shadow [--rounds 10] [--seconds 3] [--clients 16] [--pause 0.01] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
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
from holdfast.traffic.conduct import following


class Thinking(asyncio.Protocol):
    """One connection that waits before it sends the next request."""

    def __init__(self, pause: float, bodies: Iterator[bytes], waits: list[float]) -> None:
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
        self._waits.append(time.perf_counter() - self._began)
        if not self._got.startswith(b"HTTP/1.1 200"):
            self.failed = self._got
        self._got = b""
        asyncio.get_running_loop().call_later(self._pause, self._send)


async def load(port: int, clients: int, seconds: float, pause: float) -> list[float]:
    waits: list[float] = []
    made = bodies(clients)
    most = int(seconds * min(12_000, clients / max(pause, 1e-4)) * 1.2) + 1_000
    ready = iter([next(made) for _ in range(most)])
    loop = asyncio.get_running_loop()
    connections = []
    for at in range(clients):
        await asyncio.sleep(pause / clients if at else 0)
        connections.append(Thinking(pause, ready, waits))
        await loop.create_connection(lambda: connections[-1], "127.0.0.1", port)
    await asyncio.sleep(seconds)
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
    """What one window of load saw: seconds each answer took, seconds it lasted, the worker's processor seconds."""

    waits: NDArray[np.float64]
    lasted: float
    spent: float


def _quantile(at: float) -> Callable[[Sequence[Window]], float]:
    """Milliseconds, of the answers of all windows together."""
    return lambda windows: 1e3 * float(np.quantile(np.concatenate([item.waits for item in windows]), at))


FIGURES: dict[str, Callable[[Sequence[Window]], float]] = {
    "rate": lambda windows: sum(len(item.waits) for item in windows) / sum(item.lasted for item in windows),
    "p50": _quantile(0.5),
    "p99": _quantile(0.99),
    "cpu": lambda windows: 1e6 * sum(item.spent for item in windows) / sum(len(item.waits) for item in windows),
}


LOOP = """
import os, sys, time
os.nice(19)
os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
share = float(sys.argv[1])
while True:
    began, used = time.monotonic(), time.thread_time()
    while time.thread_time() - used < share / 10:
        pass
    time.sleep(max(began + 0.1 - time.monotonic(), 0.0))
"""
"""What any process costs that uses this share of the server's processor when it is idle, ten times a second."""

ARMS = ("without", "shadow", "loop")
Row = dict[str, Window]


def _ratio(figure: Callable[[Sequence[Window]], float], rows: Sequence[Row], arm: str, base: str) -> float:
    return figure([row[arm] for row in rows]) / figure([row[base] for row in rows])


def _scored(home: Path, since: int) -> bool:
    """Whether a shadow was kept since then: its process has started."""
    return any(isinstance(item, Shadow) for item in LedgerReader(home / "ledger").records(since))


class Bench:
    """One server under load, with a shadow, with a loop in its place, or with neither."""

    def __init__(self, home: Path, contract: Contract, worker: psutil.Process, port: int, told: argparse.Namespace):
        self.home, self.contract, self.worker, self.port, self.told = home, contract, worker, port, told
        self.share = 0.01
        """Of a processor, that the shadow's processes used last."""

    def load(self, seconds: float) -> list[float]:
        return uvloop.run(load(self.port, self.told.clients, seconds, self.told.pause))

    def window(self, arm: str) -> Window:
        self.load(1.0)
        time.sleep(0.5)
        before, beside = sum(self.worker.cpu_times()[:2]), self._beside()
        waits = np.array(self.load(self.told.seconds))
        if arm == "shadow":
            self.share = (self._beside() - beside) / self.told.seconds
        return Window(waits, self.told.seconds, sum(self.worker.cpu_times()[:2]) - before)

    def _beside(self) -> float:
        return sum(sum(process.cpu_times()[:2]) for process in self.worker.children())

    def measure(self, arm: str) -> Window:
        if arm == "without":
            return self.window(arm)
        if arm == "loop":
            core = str(self.worker.cpu_affinity()[0])
            loop = subprocess.Popen(["taskset", "-c", core, sys.executable, "-c", LOOP, str(self.share)])
            try:
                return self.window(arm)
            finally:
                loop.kill()
                loop.wait()
        record = begun(self.home, self.contract)
        self.load(1.0)
        while not _scored(self.home, record.seq):
            time.sleep(0.1)
        try:
            return self.window(arm)
        finally:
            write(self.home, following(record, "stop", "bench"))
            time.sleep(1.5)


def measure(folder: Path, contract: Contract, told: argparse.Namespace) -> dict[str, Any]:
    home, cores, port = folder / ".holdfast", sorted(os.sched_getaffinity(0)), free_port()
    command: list[str | Path] = [sys.executable, "-m", "holdfast.cli.main", "-C", folder, "serve", "--port", str(port)]
    rows: list[Row] = []
    os.sched_setaffinity(0, {cores[-1]})
    with running(command, port, "/predict", next(bodies(0)), core=cores[0], folder=folder) as server:
        bench = Bench(home, contract, psutil.Process(server.pid), port, told)
        bench.load(1.0)
        for number in range(told.rounds):
            order = ARMS[::-1] if number % 2 else ARMS  # the first loop needs to know what a shadow uses
            rows.append({arm: bench.measure(arm) for arm in order})
    os.sched_setaffinity(0, set(cores))
    found: dict[str, Any] = {"clients": told.clients, "pause_s": told.pause, "rounds": told.rounds}
    found["share"] = round(bench.share, 3)
    draws = np.random.default_rng(1).integers(0, len(rows), (1_000, len(rows)))
    for name, figure in FIGURES.items():
        found[name] = {arm: round(figure([row[arm] for row in rows]), 3) for arm in ARMS}
        for arm, base in (("shadow", "without"), ("loop", "without"), ("shadow", "loop")):
            drawn = [_ratio(figure, [rows[at] for at in draw], arm, base) for draw in draws.tolist()]
            low, high = np.quantile(drawn, (0.025, 0.975))
            found[name][f"{arm} / {base}"] = [
                round(_ratio(figure, rows, arm, base), 3), round(float(low), 3), round(float(high), 3)
            ]  # fmt: skip
    records = list(LedgerReader(home / "ledger").records())
    found["shadows_scored"] = sum(isinstance(item, Shadow) for item in records)
    found["shadows_left_out"] = sum(item.dropped for item in records if isinstance(item, Tally))
    return found


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--rounds", type=int, default=10)
    words.add_argument("--seconds", type=float, default=3.0)
    words.add_argument("--clients", type=int, default=16)
    words.add_argument("--pause", type=float, default=0.01)
    words.add_argument("--history", type=int, default=20_000)
    words.add_argument("--json", action="store_true")
    told = words.parse_args()
    with tempfile.TemporaryDirectory(dir=ROOT, prefix=".bench-") as folder:
        place = Path(folder)
        contract = prepare(place / ".holdfast", told.history)
        (place / "holdfast.toml").write_text("")
        found = measure(place, contract, told)
    if told.json:
        print(json.dumps(found))
        return
    print(
        f"{found['clients']} clients, {found['pause_s']} s between requests, {found['rounds']} rounds; shadow and loop "
        f"use {found['share']:.1%} of the server's processor"
    )
    for name, unit in (("rate", "/s"), ("p50", "ms"), ("p99", "ms"), ("cpu", "µs")):
        row = found[name]
        told_of = "   ".join(f"{arm} {row[arm]}" for arm in ARMS)
        ratios = "   ".join(
            f"{pair} {row[pair][0]:.3f} ({row[pair][1]:.3f} to {row[pair][2]:.3f})" for pair in row if "/" in pair
        )
        print(f"{name:4} {unit}  {told_of}   {ratios}")
    print(f"{found['shadows_scored']} shadows scored, {found['shadows_left_out']} left out")


if __name__ == "__main__":
    main()

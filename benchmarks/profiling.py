"""What counting costs the answers: `/predict` with and without the process that counts, in windows of one stream of
requests that take turns.

One server on one core, the process that counts beside it on the same core, clients on another. Between windows that
process is stopped or let go on; what gathered meanwhile it counts in the pause before its next window. `cpu` is
processor time for one answer: the worker's own (in which counting has no part but a few lines every two seconds), and
`all` with that of the process that counts. `--pause` lets each client think between two requests; 0 saturates the
server, and counting then has to take its time from the answers.

    python -m benchmarks.profiling [--rounds 20] [--seconds 2] [--clients 16] [--pause 0.01 0] [--docs docs/results.md]
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
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import uvloop
from benchmarks.serve import ROOT, bodies, prepare
from benchmarks.servers import free_port, running
from benchmarks.shadow import Window, load

from holdfast.monitoring.counting import Projection
from holdfast.monitoring.store import Store, folder

ARMS = ("without", "counted")
SETTLE = 1.5
"""Seconds before a window, in which what gathered is counted."""
MARKS = ("<!-- profiling -->\n", "<!-- /profiling -->")

Row = dict[str, Window]


def _waits(windows: Sequence[Window], at: float) -> float:
    return 1e3 * float(np.quantile(np.concatenate([item.waits for item in windows]), at))


def _per_answer(seconds: Callable[[Window], float]) -> Callable[[Sequence[Window]], float]:
    return lambda windows: 1e6 * sum(map(seconds, windows)) / sum(len(item.waits) for item in windows)


FIGURES: dict[str, Callable[[Sequence[Window]], float]] = {
    "answers/s": lambda windows: sum(len(item.waits) for item in windows) / sum(item.lasted for item in windows),
    "p50 ms": lambda windows: _waits(windows, 0.5),
    "p99 ms": lambda windows: _waits(windows, 0.99),
    "cpu µs": _per_answer(lambda item: item.worker),
    "all µs": _per_answer(lambda item: item.worker + item.beside),
}


class Bench:
    """One server under load, and the process that counts beside it, stopped or not."""

    def __init__(self, worker: psutil.Process, port: int, told: argparse.Namespace, pause: float) -> None:
        self._worker, self._port = worker, port
        self._told = argparse.Namespace(clients=told.clients, pause=pause)
        self._seconds = told.seconds
        self._core = worker.cpu_affinity()[0]
        self._counting = next(item for item in worker.children() if "profiling" in item.cmdline())

    def round(self, arms: Sequence[str]) -> Row:
        """A window for each of these, in this order."""
        lasts = 1.0 + len(arms) * (SETTLE + self._seconds)
        windows: dict[str, tuple[float, float, np.ndarray[Any, np.dtype[np.float64]]]] = {}

        async def turns() -> None:
            await asyncio.sleep(1.0)
            for arm in arms:
                self.switch(arm)
                await asyncio.sleep(SETTLE)
                began, before = time.perf_counter(), self._spent()
                await asyncio.sleep(self._seconds)
                windows[arm] = (began, time.perf_counter(), self._spent() - before)

        waits = np.array(uvloop.run(load(self._port, self._told, turns, lasts)))
        row = {}
        for arm, (began, ended, spent) in windows.items():
            inside = (waits[:, 0] >= began) & (waits[:, 0] < ended)
            row[arm] = Window(waits[inside, 1], ended - began, *spent.tolist())
        return row

    def switch(self, arm: str) -> None:
        self._counting.send_signal(signal.SIGCONT if arm == "counted" else signal.SIGSTOP)

    def _spent(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Processor seconds so far: the worker's, of the process that counts, stolen by the host."""
        worker, beside = (sum(item.cpu_times()[:2]) for item in (self._worker, self._counting))
        return np.array([worker, beside, psutil.cpu_times(percpu=True)[self._core].steal])


def compared(rows: Sequence[Row]) -> dict[str, Any]:
    """Each figure of both arms, and their ratio with an interval of 95 % over rounds."""
    draws = np.random.default_rng(1).integers(0, len(rows), (1_000, len(rows)))
    found: dict[str, Any] = {}
    for name, figure in FIGURES.items():

        def ratio(chosen: Sequence[Row], figure: Callable[[Sequence[Window]], float] = figure) -> float:
            without, counted = (figure([row[arm] for row in chosen]) for arm in ARMS)
            return counted / without

        drawn = [ratio([rows[at] for at in draw]) for draw in draws.tolist()]
        low, high = np.quantile(drawn, (0.025, 0.975))
        found[name] = {arm: round(figure([row[arm] for row in rows]), 3) for arm in ARMS} | {
            "ratio": [round(ratio(rows), 3), round(float(low), 3), round(float(high), 3)]
        }
    whole = [item for row in rows for item in row.values()]
    found["stolen"] = round(100 * sum(item.stolen for item in whole) / sum(item.lasted for item in whole), 1)
    return found


def alone(place: Path) -> dict[str, float]:
    """What counting takes by itself: all that was answered is counted once more, in this process."""
    home = place / ".holdfast"
    store = Store(folder(home))
    last = store.cursor().seq
    kept = store.counts("1", 0, 1 << 61)
    store.close()
    folder(home).rename(home / "counted-before")
    projection = Projection(home)
    began = time.process_time()
    projection.catch_up(last)
    spent = time.process_time() - began
    again = projection.store.counts("1", 0, 1 << 61)
    if again != kept:
        raise SystemExit("counted again it is not the same")
    projection.close()
    return {"decisions": again.decisions, "µs": round(1e6 * spent / max(1, again.decisions), 2)}


def measure(place: Path, told: argparse.Namespace) -> dict[str, Any]:
    cores, port = sorted(os.sched_getaffinity(0)), free_port()
    command: list[str | Path] = [sys.executable, "-m", "holdfast.cli.main", "-C", place, "serve", "--port", str(port)]
    found: dict[str, Any] = {"clients": told.clients, "rounds": told.rounds}
    os.sched_setaffinity(0, {cores[-1]})
    with running(command, port, "/predict", next(bodies(0)), core=cores[0], folder=place) as server:
        time.sleep(2.0)  # the process that counts has started
        for pause in told.pause:
            bench = Bench(psutil.Process(server.pid), port, told, pause)
            try:
                rows = [bench.round(ARMS[::-1] if number % 2 else ARMS) for number in range(told.rounds)]
            finally:
                bench.switch("counted")
            apart = f"{1e3 * pause:g} ms between" if pause else "none between"
            found[f"{told.clients} clients, {apart}"] = compared(rows)
        time.sleep(3.0)
    os.sched_setaffinity(0, set(cores))
    found["alone"] = alone(place)
    return found


def table(found: dict[str, Any]) -> str:
    lines = [
        "| load | figure | without | counted | ratio (95 %) |",
        "| --- | --- | --- | --- | --- |",
    ]
    for load_, row in found.items():
        if isinstance(row, dict) and "stolen" in row:
            for name in FIGURES:
                one = row[name]
                ratio, low, high = one["ratio"]
                lines.append(
                    f"| {load_} | {name} | {one['without']:,} | {one['counted']:,} | {ratio} ({low} to {high}) |"
                )
    alone_ = found["alone"]
    told = f"Counting {alone_['decisions']:,} answers once more, by itself: {alone_['µs']} µs of a processor for each."
    return "\n".join([*lines, "", told, ""])


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--rounds", type=int, default=20)
    words.add_argument("--seconds", type=float, default=2.0)
    words.add_argument("--clients", type=int, default=16)
    words.add_argument("--pause", type=float, nargs="+", default=[0.01, 0.0])
    words.add_argument("--history", type=int, default=20_000)
    words.add_argument("--json", action="store_true")
    words.add_argument("--docs", type=Path, help="also put the table into this page, between its marks")
    told = words.parse_args()
    with tempfile.TemporaryDirectory(dir=ROOT, prefix=".bench-") as name:
        place = Path(name)
        prepare(place / ".holdfast", told.history)
        (place / "holdfast.toml").write_text("")
        found = measure(place, told)
    if told.json:
        print(json.dumps(found))
        return
    print(table(found))
    print("stolen by the host, %:", {load_: row["stolen"] for load_, row in found.items() if "stolen" in str(row)})
    if told.docs:
        page = told.docs.read_text()
        start, end = (page.index(mark) for mark in MARKS)
        told.docs.write_text(page[: start + len(MARKS[0])] + table(found) + page[end:])


if __name__ == "__main__":
    main()

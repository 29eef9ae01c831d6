"""uvicorn beside granian: a constant reply, and our own app, on one core; the clients on the other.

uvicorn is measured with its own connections and with ours (deadlines and the door, `serving/protocol`); granian with
ASGI and, for the constant, RSGI. The order of the contenders changes with each round, and medians are shown.

    python -m benchmarks.http_servers [--seconds 2] [--rounds 3] [--clients 1 16 64] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.clients import load
from benchmarks.serve import ROOT, bodies, prepare
from benchmarks.servers import NoAnswer, free_port, running

FIXED = json.dumps({"probability": 0.25, "filler": "x" * 330}).encode()
HOME = "HOLDFAST_BENCHMARK_HOME"


async def constant(scope: Any, receive: Any, send: Any) -> None:
    """An ASGI application that reads the body and says the same each time."""
    from holdfast.serving.wire import read_body, send_json

    await read_body(receive, 1_000_000)
    await send_json(send, 200, FIXED)


async def constant_rsgi(scope: Any, protocol: Any) -> None:
    """The same in granian's own interface."""
    await protocol()
    protocol.response_bytes(200, [("content-type", "application/json")], FIXED)


def predict() -> Any:
    """Our app over an open home, as an ASGI application for any server; closed with its process."""
    from holdfast.serving import run
    from holdfast.serving.wire import Limits

    opened = run.opened(Path(os.environ[HOME]), Limits())
    parts = opened.__enter__()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await parts.app(scope, receive, send)

    app.opened = opened  # type: ignore[attr-defined]  # kept as long as the app is
    return app


def granian(target: str, interface: str, port: int, *more: str) -> list[str]:
    return [
        sys.executable, "-m", "granian", target, "--interface", interface, "--host", "127.0.0.1", "--port", str(port),
        "--workers", "1", "--runtime-mode", "st", "--loop", "uvloop", "--no-ws", "--http", "1", *more,
    ]  # fmt: skip


def uvicorn(kind: str, port: int) -> list[str]:
    return [sys.executable, "-m", "benchmarks.http_servers", "--serve", kind, "--port", str(port)]


def serve(kind: str, port: int) -> None:
    """uvicorn with its own connections (``plain``), or with ours."""
    import asyncio
    from functools import partial
    from typing import cast

    import uvicorn as server

    from holdfast.serving import run
    from holdfast.serving.door import Door, Patience
    from holdfast.serving.metrics import Counts
    from holdfast.serving.protocol import Connection

    app = predict() if kind.endswith("predict") else constant
    settings = run.config(app, None)
    with run.listen("127.0.0.1", port) as bound:
        if kind.startswith("ours"):
            clock = __import__("time").monotonic
            door = Door(Patience(), Counts().turned_away, clock)
            settings.load()
            settings.http_protocol_class = cast(type[asyncio.Protocol], partial(Connection, door))
        server.Server(settings).run(sockets=[bound])


def contenders(port: int) -> dict[str, tuple[list[str], str]]:
    """Name → command and path."""
    module = "benchmarks.http_servers"
    return {
        "constant, uvicorn": (uvicorn("plain-constant", port), "/constant"),
        "constant, uvicorn with our connections": (uvicorn("ours-constant", port), "/constant"),
        "constant, granian ASGI": (granian(f"{module}:constant", "asginl", port), "/constant"),
        "constant, granian RSGI": (granian(f"{module}:constant_rsgi", "rsgi", port), "/constant"),
        "/predict, uvicorn": (uvicorn("plain-predict", port), "/predict"),
        "/predict, uvicorn with our connections": (uvicorn("ours-predict", port), "/predict"),
        "/predict, granian ASGI": (granian(f"{module}:predict", "asginl", port, "--factory"), "/predict"),
    }


def measure(home: Path, clients: list[int], seconds: float, rounds: int) -> dict[str, dict[int, list[float]]]:
    """Answers a second of each contender at each number of clients, round by round."""
    cores = sorted(os.sched_getaffinity(0))
    more = {HOME: str(home), "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")])}
    rates: dict[str, dict[int, list[float]]] = {}
    names = list(contenders(0))
    for number in range(rounds):
        for name in names[number:] + names[:number]:
            port = free_port()
            command, path = contenders(port)[name]
            first = next(bodies(number))
            try:
                with running(command, port, path, first, core=cores[0], folder=ROOT, more=more):
                    for count in clients:
                        made: Iterator[bytes] = bodies(1_000 * number + count)
                        ready = [next(made) for _ in range(int(seconds * 12_000))]
                        sent = iter(ready) if path == "/predict" else cycle(ready)
                        seen = load(port, path, sent, clients=count, seconds=seconds, core=cores[-1])
                        rates.setdefault(name, {}).setdefault(count, []).append(seen.rate)
                        if seen.failed:
                            print(f"{name}: {len(seen.failed)} failed, first {seen.failed[0][:120]!r}", flush=True)
            except NoAnswer as silent:
                print(f"{name}: did not answer: {str(silent)[-300:]}", flush=True)
    return rates


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--seconds", type=float, default=2.0)
    words.add_argument("--rounds", type=int, default=3)
    words.add_argument("--clients", type=int, nargs="+", default=[1, 16, 64])
    words.add_argument("--history", type=int, default=20_000)
    words.add_argument("--json", action="store_true")
    words.add_argument("--serve", help=argparse.SUPPRESS)
    words.add_argument("--port", type=int, help=argparse.SUPPRESS)
    told = words.parse_args()
    if told.serve is not None:
        serve(told.serve, told.port)
        return
    with tempfile.TemporaryDirectory(dir=ROOT, prefix=".bench-") as folder:
        home = Path(folder) / ".holdfast"
        home.mkdir()
        prepare(home, told.history)
        rates = measure(home, told.clients, told.seconds, told.rounds)
    table = {name: {count: round(median(found)) for count, found in by.items()} for name, by in rates.items()}
    if told.json:
        print(json.dumps(table))
        return
    for path in ("constant", "/predict"):
        rows = {name: row for name, row in table.items() if name.startswith(path)}
        beside = rows.get(f"{path}, uvicorn")
        print(f"\n{path:45}" + "".join(f"{count:>8} clients" for count in told.clients) + "   of uvicorn")
        for name, row in rows.items():
            ratios = "/".join(f"{row[count] / beside[count]:.2f}" for count in told.clients) if beside else ""
            print(f"{name:45}" + "".join(f"{row[count]:>16,}" for count in told.clients) + f"   {ratios}")


if __name__ == "__main__":
    main()

"""`/predict` beside a constant reply of the same server, and where the time of a request goes.

The server runs on one core, the clients (keep-alive connections that send the next request when the answer came) on
another; every request is a new payment, the ledger is on disk and synced before each reply.

    python -m benchmarks.serve [--seconds 4] [--clients 1 16 64] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain, cycle
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import psutil
from benchmarks.clients import Loaded, load
from numpy.typing import NDArray

from holdfast.bundle.calibration import Calibration
from holdfast.bundle.golden import choose_golden
from holdfast.bundle.pack import pack
from holdfast.bundle.predictors.lightgbm import from_lightgbm
from holdfast.bundle.threshold import Threshold
from holdfast.contract.loading import load_file
from holdfast.contract.model import DAY, Contract
from holdfast.contract.values import compile_reader, read_strict
from holdfast.features.kernel.scalar import compile_row
from holdfast.features.plan import plan
from holdfast.features.state.reads import compile_reads
from holdfast.features.state.state import State
from holdfast.ledger.log import Log
from holdfast.ledger.records import Event, Promotion
from holdfast.ledger.writer import LedgerWriter
from holdfast.training.profile import profile
from holdfast.training.rows import Rows

ROOT = Path(__file__).parents[1]
CONTRACT = ROOT / "src" / "holdfast" / "templates" / "cards" / "contract.py"
MERCHANTS = ("grocery", "restaurant", "retail", "online", "travel")


def payments(seed: int, prefix: str, since: datetime, step: timedelta) -> Iterator[tuple[dict[str, Any], datetime]]:
    """Endless distinct payments of 5,000 customers at 10,000 terminals (as the fraud handbook's), in order of time."""
    chance = random.Random(seed)
    number = 0
    while True:
        number += 1
        at = since + step * number
        yield (
            {
                "payment_id": f"{prefix}-{number}",
                "occurred_at": at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
                "customer_id": f"c-{chance.randrange(5_000)}",
                "terminal_id": f"t-{chance.randrange(10_000)}",
                "merchant_category": chance.choice(MERCHANTS),
                "entry_mode": chance.choice(("chip", "contactless", "swipe", "online")),
                "amount": round(chance.lognormvariate(3.5, 1.0) + 0.01, 2),
            },
            at,
        )


def prepare(home: Path, history: int, contract: Contract | None = None) -> Contract:
    """A project folder with `history` payments in its state, and a LightGBM model of 100 trees, 31 leaves, as champion.

    It has learned an invented rule on rows as they are served, and decides positively on one payment in a hundred.
    """
    contract = contract or load_file(CONTRACT)
    state = State.open(home / "state")
    state.register(plan(contract).series)
    writer = LedgerWriter(Log(home / "ledger"), state)
    span = timedelta(days=183)
    made = payments(1, "h", datetime.now(UTC) - span, span / (history + 100))
    for start in range(0, history, 1_000):
        batch: list[Any] = []
        for _ in range(min(1_000, history - start)):
            body, at = next(made)
            raw = json.dumps(body).encode()
            batch.append(
                Event(
                    source="payments",
                    event_id=body["payment_id"],
                    time=int(at.timestamp() * 1e6),
                    body=raw,
                    digest=os.urandom(16),
                )
            )
        writer.commit(batch)
    name = _pack(home, contract, feature_rows(contract, state, 5_000))
    champion = Promotion(
        action="promote", alias="champion", version="1", bundle=name, contract=contract.hash, who="bench", why="bench"
    )  # fmt: skip
    writer.commit([champion])
    writer.close()
    state.close()
    return contract


def feature_rows(contract: Contract, state: State, count: int) -> NDArray[np.float64]:
    """Features of payments about now, as a server would compute them."""
    parse = compile_reader(contract.deciding, contract.deciding.fields)
    reads, row = compile_reads(plan(contract)), compile_row(contract)
    time_at = contract.deciding.position(contract.deciding.time)
    made = bodies(5)
    rows = []
    with state.snapshot() as snapshot:
        for _ in range(count):
            cells = parse(read_strict(next(made))).cells
            rows.append(row(cells, reads(snapshot, cells, int(cells[time_at]))))  # type: ignore[arg-type]
    return np.array(rows)


def _pack(home: Path, contract: Contract, rows: NDArray[np.float64]) -> str:
    import lightgbm

    chance = np.random.default_rng(7)
    risk = np.nan_to_num(rows).argsort(axis=0).argsort(axis=0).mean(axis=1) + chance.normal(0, 200, len(rows))
    data = lightgbm.Dataset(rows, (risk > np.quantile(risk, 0.95)).astype(int))
    settings = {"objective": "binary", "num_leaves": 31, "verbose": -1, "seed": 7, "num_threads": 1}
    booster = lightgbm.train(settings, data, 100)
    threshold = float(np.quantile(booster.predict(rows), 0.99))
    packing = home / "bundles" / "packing"
    packing.parent.mkdir(parents=True)
    name = pack(
        packing, contract=contract, model=from_lightgbm(booster), calibration=Calibration(),
        threshold=Threshold(threshold), golden_rows=choose_golden(rows),
        profile=_profile(contract, rows, np.asarray(booster.predict(rows)), threshold), environment="", card="",
        training={},
    )  # fmt: skip
    packing.rename(packing.with_name(name))
    return name


def _profile(
    contract: Contract, rows: NDArray[np.float64], probability: NDArray[np.float64], threshold: float
) -> dict[str, Any]:
    """As training makes it, the rows spread over the last month: what is answered is counted in its bins."""
    now = time.time_ns() // 1_000
    times = np.linspace(now - 30 * DAY, now, len(rows)).astype(np.int64)
    names = tuple(feature.name for feature in contract.features)
    told = (probability >= threshold).astype(np.int8)
    known = Rows(np.arange(len(rows)).astype(str), times, rows, told, times, names)
    return profile(contract, known, probability, told, threshold)


def serve(home: Path, core: int) -> None:
    """The server process: the product's app, with one constant route put before it."""
    os.sched_setaffinity(0, {core})
    import uvicorn

    from holdfast.serving import run
    from holdfast.serving.wire import Limits, read_body, send_json

    constant = json.dumps({"prediction_id": "p00000000a", "probability": 0.25, "filler": "x" * 330}).encode()
    with run.opened(home, Limits()) as parts, run.listen("127.0.0.1", 0) as bound:
        inner = parts.app

        async def app(scope: Any, receive: Any, send: Any) -> None:
            if scope["path"] == "/constant":
                await read_body(receive, 1_000_000)
                await send_json(send, 200, constant)
            else:
                await inner(scope, receive, send)

        print(bound.getsockname()[1], flush=True)
        uvicorn.Server(run.config(app)).run(sockets=[bound])


def bodies(seed: int) -> Iterator[bytes]:
    """Distinct payments about now, made before they are needed."""
    now = datetime.now(UTC) - timedelta(seconds=30)
    for body, _ in payments(seed, f"{os.getpid():x}-{time.time_ns():x}", now, timedelta(microseconds=20)):
        yield json.dumps(body, separators=(",", ":")).encode()


def ask(port: int, path: str, clients: int, seconds: float, core: int) -> Loaded:
    """Distinct payments to `/predict`; a constant reply is faster than they can be made: it gets them again."""
    made = bodies(clients)
    most = int(seconds * (5_000 if path == "/constant" else 15_000))
    ready = [next(made) for _ in range(most)]  # the client's core is not to be spent on making them
    asked = cycle(ready) if path == "/constant" else chain(ready, made)
    return load(port, path, asked, clients=clients, seconds=seconds, core=core)


def measure(home: Path, clients: list[int], seconds: float, rounds: int) -> list[dict[str, Any]]:
    """Constant and predict in turn, `rounds` times for each number of clients; medians of the rounds."""
    cores = sorted(os.sched_getaffinity(0))
    script = [sys.executable, "-m", "benchmarks.serve", "--server", str(home), "--core", str(cores[0])]
    process = subprocess.Popen(script, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    found = []
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        worker = psutil.Process(process.pid)
        for number in clients:
            spent: dict[str, list[float]] = {"/constant": [], "/predict": []}
            rates: dict[str, list[float]] = {"/constant": [], "/predict": []}
            slow: dict[str, list[list[float]]] = {"/constant": [], "/predict": []}
            for _ in range(rounds):
                for path in rates:
                    before = sum(worker.cpu_times()[:2])
                    seen = ask(port, path, number, seconds, cores[-1])
                    spent[path].append((sum(worker.cpu_times()[:2]) - before) / max(len(seen.waits), 1))
                    if seen.failed:
                        raise SystemExit(f"{len(seen.failed)} requests failed, first: {seen.failed[0]!r}")
                    rates[path].append(seen.rate)
                    slow[path].append([seen.milliseconds(0.5), seen.milliseconds(0.99)])
            row: dict[str, float] = {"clients": number}
            for path, name in (("/constant", "constant"), ("/predict", "predict")):
                row |= {
                    f"{name}_per_second": round(median(rates[path])),
                    f"{name}_p50_ms": round(median(pair[0] for pair in slow[path]), 2),
                    f"{name}_p99_ms": round(median(pair[1] for pair in slow[path]), 2),
                    f"{name}_processor_us": round(1e6 * median(spent[path])),
                }
            found.append(row)
    finally:
        process.terminate()
        process.wait(30)
    return found


def stages(home: Path, contract: Contract, requests: int = 2_000) -> list[dict[str, Any]]:
    """Where the time of one request goes in the process, in µs: each step on its own over distinct payments."""
    from holdfast.bundle.load import load as open_bundle
    from holdfast.ledger.ids import body_digest
    from holdfast.ledger.read import LedgerReader
    from holdfast.ledger.records import Decision
    from holdfast.serving import replies
    from holdfast.serving.app import now_us
    from holdfast.serving.decide import Decider
    from holdfast.serving.live import LiveSet, compile_version
    from holdfast.serving.wire import Limits

    name = next(path.name for path in (home / "bundles").iterdir())
    live = LiveSet.of(compile_version(open_bundle(home / "bundles" / name, expect=name), "1"))
    version = live.champion
    state = State.open(home / "state")
    writer = LedgerWriter(Log(home / "ledger"), state)
    reader = LedgerReader(home / "ledger")
    decider = Decider(lambda seq: reader.record(seq), Limits(), now_us)  # type: ignore[arg-type, return-value]
    made = bodies(99)
    sent = [next(made) for _ in range(requests)]
    table: list[dict[str, Any]] = []

    def step(what: str, run: Callable[[int], Any], items: int = requests, per: int = 1) -> list[Any]:
        results, best = [], []
        for at in range(items):
            began = time.perf_counter_ns()
            results.append(run(at))
            best.append((time.perf_counter_ns() - began) / 1_000 / per)
        table.append({"step": what, "us": round(median(best), 1)})
        return results

    raws = step("strict JSON", lambda at: read_strict(sent[at]))
    parsed = step("cells of the contract", lambda at: version.read(raws[at]))
    step("digest of the body", lambda at: body_digest(raws[at]))

    def opened(at: int) -> None:
        with state.snapshot():
            pass

    step("open and close a snapshot", opened)
    with state.snapshot() as snapshot:
        step("look the event id up", lambda at: snapshot.event("payments", parsed[at].cells[0]))
        step("read_seq", lambda at: snapshot.applied_seq)
        reads = step(
            f"{len(contract.aggregates)} aggregates",
            lambda at: version.reads(snapshot, parsed[at].cells, parsed[at].cells[version.time_at]),
        )
    rows = step("feature row", lambda at: version.row(parsed[at].cells, reads[at]))
    step("score and probability", lambda at: version.bundle.predict(rows[at]))

    def decide(at: int) -> Decision:
        with state.snapshot() as now:
            return decider.decide(live, raws[at], sent[at], now)[0]

    decisions = step("all of these but JSON, with the record", decide)
    step("reply bytes", lambda at: replies.encode(replies.decision(decisions[at], version.names)))
    step("append, sync, apply: one alone", lambda at: writer.settle([decisions[at]]), 300)
    rest = decisions[300:]
    step("append, sync, apply: 64 together, each", lambda at: writer.settle(rest[at * 64 : at * 64 + 64]), 20, 64)
    writer.close()
    state.close()
    return table


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--seconds", type=float, default=4.0)
    words.add_argument("--rounds", type=int, default=3)
    words.add_argument("--clients", type=int, nargs="+", default=[1, 16, 64])
    words.add_argument("--history", type=int, default=50_000)
    words.add_argument("--json", action="store_true")
    words.add_argument("--stages-only", action="store_true")
    words.add_argument("--server", type=Path, help=argparse.SUPPRESS)
    words.add_argument("--core", type=int, help=argparse.SUPPRESS)
    told = words.parse_args()
    if told.server is not None:
        serve(told.server, told.core)
        return
    with tempfile.TemporaryDirectory(dir=ROOT, prefix=".bench-") as folder:
        home = Path(folder)
        contract = prepare(home, told.history)
        table = [] if told.stages_only else measure(home, told.clients, told.seconds, told.rounds)
        steps = stages(home, contract)
    if told.json:
        print(json.dumps({"requests": table, "stages_us": steps}))
        return
    if table:
        print("clients | constant/s  p50   p99 ms   cpu µs | predict/s   p50   p99 ms   cpu µs | share of constant")
    for row in table:
        parts = [
            f"{row[f'{name}_per_second']:10} {row[f'{name}_p50_ms']:5} {row[f'{name}_p99_ms']:7} "
            f"{row[f'{name}_processor_us']:8}"
            for name in ("constant", "predict")
        ]
        share = row["predict_per_second"] / row["constant_per_second"]
        print(f"{row['clients']:7} | {' | '.join(parts)} | {share:.2f}")
    print("\nwhere the time of a request goes (median µs, in process)")
    for row in steps:
        print(f"{row['us']:9.1f}  {row['step']}")


if __name__ == "__main__":
    main()

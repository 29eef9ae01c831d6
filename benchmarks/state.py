"""Windows online and the ledger, each beside its bare floor, in interleaved rounds of one run.

Four windows × (count, sum, mean) of one entity with 1,000,000 events in state, beside prefix sums read from LMDB by
hand; and records accepted 1, 32 and 256 at a time (ordered, on disk, in state), beside the same bytes through write
and fdatasync. Run it as ``python benchmarks/state.py [--events 1000000]``.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import struct
import tempfile
import time
from bisect import bisect_left
from collections.abc import Callable, Sequence
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any

import lmdb
import numpy as np
import pyarrow as pa

from holdfast.contract import Contract, Events, days, decimal, hours, text, timestamp
from holdfast.contract.model import DAY, SECOND, Cell
from holdfast.contract.model import Contract as Frozen
from holdfast.features.plan import plan
from holdfast.features.state.reads import compile_reads
from holdfast.features.state.state import State
from holdfast.ledger.log import Log
from holdfast.ledger.rebuild import rebuild
from holdfast.ledger.records import Decision, encode
from holdfast.ledger.writer import LedgerWriter

CARDS = 10_000
START = 1_700_000_000 * SECOND
SPAN = 30 * DAY
OVER = (3_600 * SECOND, DAY, 7 * DAY, 30 * DAY)
ROUNDS = 5


def contract() -> Frozen:
    payments = Events(
        "payments",
        id="id",
        time="at",
        fields={"id": text(), "at": timestamp(), "card": text(), "amount": decimal(scale=2)},
    )
    card = payments.per("card")
    fraud = payments.label("fraud", known_after=days(7))
    windows = {"1h": hours(1), "1d": days(1), "7d": days(7), "30d": days(30)}
    features = {}
    for name, over in windows.items():
        features[f"n_{name}"] = card.count(over=over)
        features[f"sum_{name}"] = card.sum(payments.amount, over=over)
        features[f"mean_{name}"] = card.mean(payments.amount, over=over)
    return Contract("bench", decide_on=payments, label=fraud, features=features).freeze()


def table(events: int) -> pa.Table:
    dice = np.random.default_rng(1)
    return pa.table(
        {
            "id": [f"p{i}" for i in range(events)],
            "at": pa.array(np.sort(START + dice.integers(0, SPAN, events)), pa.timestamp("us", tz="UTC")),
            "card": [f"c{i}" for i in dice.integers(0, CARDS, events)],
            "amount": dice.integers(1, 100_000, events) / 100,
            "fraud": pa.nulls(events, pa.bool_()),
        }
    )


def floor(folder: Path, events: pa.Table) -> lmdb.Environment:
    """Times and prefix sums of each card as one value: the least that can be read."""
    environment = lmdb.open(str(folder), map_size=1 << 32, sync=False)
    cards: dict[str, list[tuple[int, int]]] = {}
    times = events.column("at").cast(pa.int64()).to_pylist()
    for card, at, amount in zip(
        events.column("card").to_pylist(), times, events.column("amount").to_pylist(), strict=True
    ):
        cards.setdefault(card, []).append((at, round(amount * 100)))
    with environment.begin(write=True) as transaction:
        for card, points in cards.items():
            n = len(points)
            sums = list(accumulate((k for _, k in points), initial=0))
            value = struct.pack(f"<{2 * n + 1}q", *(at for at, _ in points), *sums)
            transaction.put(card.encode(), value)
    return environment


def read_floor(environment: lmdb.Environment, card: str, t: int) -> list[float]:
    with environment.begin() as transaction:
        words = memoryview(transaction.get(card.encode()) or bytes(8)).cast("q")
    n = len(words) // 2
    end = bisect_left(words, t, 0, n)
    answers = []
    for over in OVER:
        low = bisect_left(words, t - over, 0, n)
        count, total = end - low, words[n + end] - words[n + low]
        answers += [float(count), total / 100, total / (count * 100) if count else float("nan")]
    return answers


def timed(read: Callable[[str, int], object], asked: Sequence[tuple[str, int]]) -> list[float]:
    """Microseconds of each call."""
    found = []
    for card, t in asked:
        begun = time.perf_counter_ns()
        read(card, t)
        found.append((time.perf_counter_ns() - begun) / 1_000)
    return found


def windows(events: int, folder: Path) -> None:
    given = table(events)
    chosen = contract()
    begun = time.perf_counter()
    rebuild(folder / "state", [chosen], {"payments": given}, folder / "empty")
    print(f"{events:,} events into state at once: {time.perf_counter() - begun:.1f} s")
    bare = floor(folder / "floor", given)
    state = State.open(folder / "state")
    reads = compile_reads(plan(chosen))

    def ours(card: str, t: int) -> list[float]:
        cells: list[Cell] = ["x", t, card, 1]
        with state.snapshot() as snapshot:
            return reads(snapshot, cells, t)

    dice = random.Random(2)
    asked = [(f"c{dice.randrange(CARDS)}", START + SPAN + dice.randrange(3_600) * SECOND) for _ in range(5_000)]
    differing = sum(repr(ours(*item)) != repr(read_floor(bare, *item)) for item in asked)
    rounds = [(timed(ours, asked), timed(lambda *item: read_floor(bare, *item), asked)) for _ in range(ROUNDS)]
    for name, at in (("Holdfast, transaction included", 0), ("floor: prefix sums in LMDB by hand", 1)):
        p50 = statistics.median(statistics.median(item[at]) for item in rounds)
        p99 = statistics.median(statistics.quantiles(item[at], n=100)[98] for item in rounds)
        print(f"four windows × (count, sum, mean), {name}: p50 {p50:.1f} µs, p99 {p99:.1f} µs")
    ratio = statistics.median(statistics.median(a) / statistics.median(b) for a, b in rounds)
    print(f"ratio {ratio:.2f}; {differing} of {len(asked):,} answers differ")
    state.close()
    bare.close()


def decisions(first: int, count: int) -> list[Decision]:
    made = []
    for number in range(first, first + count):
        body = json.dumps(
            {"id": f"d{number}", "at": "2026-11-22T00:00:00Z", "card": f"c{number % CARDS}", "amount": 1.5}
        )
        made.append(
            Decision(
                read_seq=0,
                source="payments",
                event_id=f"d{number}",
                time=START + SPAN + number,
                body=body.encode(),
                digest=number.to_bytes(16, "big"),
                contract="c" * 32,
                model="bench",
                version="1",
                variant="champion",
                features=bytes(8 * 12),
                score=0.1,
                probability=0.1,
                threshold=0.5,
                decision=False,
            )
        )
    return made


def ledger(folder: Path) -> None:
    state = State.open(folder / "state")
    writer = LedgerWriter(Log(folder / "ledger"), state)
    log = Log(folder / "bare-log")
    number = 0
    for size in (1, 32, 256):
        batches = {1: 300, 32: 100, 256: 30}[size]
        rates = []
        for _ in range(ROUNDS):
            made = [decisions(number + i * size, size) for i in range(batches)]
            number += batches * size
            payloads = [encode(list(item)) for item in made]
            seconds = (
                lasting(writer.commit, made),
                lasting(partial(log.append, records=size, day="20261122"), payloads),
                lasting(
                    partial(synced, os.open(folder / "floor.bin", os.O_CREAT | os.O_WRONLY | os.O_APPEND)), payloads
                ),
            )
            rates.append([batches * size / item for item in seconds])
        ours, appended, bare = (statistics.median(item[i] for item in rates) for i in range(3))
        share = statistics.median(item[0] / item[2] for item in rates)
        print(
            f"{size:>3} at a time: accepted {ours:,.0f}/s (ordered, on disk, in state); "
            f"log alone {appended:,.0f}/s; floor, write + fdatasync, {bare:,.0f}/s; ratio {share:.2f}"
        )
    writer.close()
    state.close()


def lasting(work: Callable[[Any], object], batches: Sequence[Any]) -> float:
    """Seconds."""
    begun = time.perf_counter()
    for batch in batches:
        work(batch)
    return time.perf_counter() - begun


def synced(fd: int, payload: bytes) -> None:
    os.write(fd, payload)
    os.fdatasync(fd)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    events = parser.parse_args().events
    with tempfile.TemporaryDirectory() as folder:
        windows(events, Path(folder))
        ledger(Path(folder))


if __name__ == "__main__":
    main()

"""Many rows: a batch of 1,000 over HTTP, each decision on disk, and `score` beside the bare model.

`score` reads a file, builds features at one snapshot, scores and writes a file. The model beside it gets the finished
features of the same rows in one call (LightGBM's Booster, one thread), and writes nothing: the ratio holds everything
that `score` does once features are built against that.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import chain
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from benchmarks.clients import load
from benchmarks.contenders import HOLDFAST
from benchmarks.serve import bodies
from benchmarks.servers import free_port, running

from holdfast.project import score as scoring
from holdfast.project.project import Project

BATCH = 1_000


def measure(place: Path, server_core: int, client_core: int, *, quick: bool = False) -> dict[str, Any]:
    """Of a project with a champion; server and scoring on one core, the client on the other."""
    found: dict[str, Any] = {"batch": batch(place, server_core, client_core, 1.0 if quick else 10.0)}
    with _on(server_core):
        found["score"] = score(place, 2_000 if quick else 100_000, 1 if quick else 3)
    return found


def batch(place: Path, server_core: int, client_core: int, seconds: float) -> dict[str, Any]:
    """One client that sends 1,000 new payments at a time."""
    made = batches()
    ready = [next(made) for _ in range(max(int(seconds * 25), 3))]
    port = free_port()
    command, more = HOLDFAST.start(HOLDFAST.python(), place, port)
    with running(command, port, "/predict", next(bodies(71)), core=server_core, folder=place, more=more) as server:
        seen = load(server.port, "/predict/batch", chain(ready, made), clients=1, seconds=seconds, core=client_core)
    return {
        "rows": BATCH,
        "batches": len(seen.waits),
        "p50_ms": seen.milliseconds(0.5),
        "p99_ms": seen.milliseconds(0.99),
        "rows_per_second": seen.rate * BATCH,
        "failed": len(seen.failed),
    }


def batches() -> Iterator[bytes]:
    made = bodies(72)
    while True:
        yield b'{"rows":[' + b",".join(next(made) for _ in range(BATCH)) + b"]}"


def score(place: Path, rows: int, rounds: int) -> dict[str, Any]:
    """Seconds of `score` in whole and once features are built, and of the bare model on the same rows."""
    import lightgbm
    import pyarrow as pa
    import pyarrow.parquet

    project = Project.open(place)
    asked = [json.loads(body) for body, _ in zip(bodies(73), range(rows), strict=False)]
    columns: dict[str, Any] = {name: [row[name] for row in asked] for name in asked[0]}
    columns["occurred_at"] = pa.array(
        [datetime.fromisoformat(text) for text in columns["occurred_at"]], pa.timestamp("us", tz="UTC")
    )
    booster = lightgbm.Booster(model_file=place / "model.txt")
    whole, features, bare = [], [], []
    with tempfile.TemporaryDirectory(dir=place) as folder:
        source, out = Path(folder) / "asked.parquet", Path(folder) / "answered.parquet"
        pyarrow.parquet.write_table(pa.table(columns), source)
        for _ in range(rounds):
            with _watched() as building:
                done = scoring.score(project, source, out)
            whole.append(done.seconds)
            features.append(building.seconds)
            matrix = np.concatenate(building.parts)
            began = time.perf_counter()
            probabilities = booster.predict(matrix, num_threads=1)
            bare.append(time.perf_counter() - began)
        written = pyarrow.parquet.read_table(out, columns=["probability"]).column(0).to_numpy()
    apart = float(np.abs(written - np.asarray(probabilities)).max())
    after = [total - built for total, built in zip(whole, features, strict=True)]
    return {
        "rows": rows,
        "rows_per_second": rows / median(whole),
        "features_s": median(features),
        "after_features_s": median(after),
        "bare_model_s": median(bare),
        "share_of_bare_model": median(b / a for b, a in zip(bare, after, strict=True)),
        "largest_difference": apart,
    }


class _Building:
    """Time spent on features, and the features."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.parts: list[Any] = []


@contextmanager
def _watched() -> Iterator[_Building]:
    """`score` with a clock around what builds its features."""
    building, original = _Building(), scoring._snapshot

    def timed(*words: Any) -> Iterator[Any]:
        chunks = original(*words)
        while True:
            began = time.perf_counter()
            part = next(chunks, None)
            building.seconds += time.perf_counter() - began
            if part is None:
                return
            building.parts.append(part.matrix)
            yield part

    scoring._snapshot = timed  # type: ignore[assignment]
    try:
        yield building
    finally:
        scoring._snapshot = original


@contextmanager
def _on(core: int) -> Iterator[None]:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def told(found: dict[str, Any]) -> str:
    many, file = found["batch"], found["score"]
    return (
        "| many rows | |\n| --- | --- |\n"
        f"| `POST /predict/batch`, {many['rows']:,} rows a request, each on disk before the reply | "
        f"p50 {many['p50_ms']:.1f} ms, p99 {many['p99_ms']:.1f} ms, {many['rows_per_second']:,.0f} rows/s "
        f"({many['batches']} batches, {many['failed']} failed) |\n"
        f"| `score`, {file['rows']:,} rows from Parquet to Parquet | {file['rows_per_second']:,.0f} rows/s |\n"
        f"| of that the features | {file['features_s']:.2f} s |\n"
        f"| all else: the model, the answers, the file | {file['after_features_s']:.3f} s |\n"
        f"| the bare model, the same features in one call | {file['bare_model_s']:.3f} s |\n"
        f"| throughput beside the bare model, once features are built | {file['share_of_bare_model']:.0%} "
        f"(largest difference {file['largest_difference']:.1g}) |"
    )

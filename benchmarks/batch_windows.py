"""Four windows × (count, sum, mean) of every payment: our batch beside Polars, DuckDB and pandas, in one run.

`python benchmarks/batch_windows.py [--rows N] [--rounds N] [--json]`. 1,000,000 payments of 10,000 cards over 180 days;
windows of 1 hour, 1, 7 and 30 days that end before the payment. Every contestant starts from the same Parquet file in a
process of its own, rounds interleaved, the median of the rounds. Ours does more: it parses by the contract, drops
duplicates, sorts by (time, id), and keeps cents exact; `answers` is its window part alone.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

WINDOWS = {"1h": 3_600, "1d": 86_400, "7d": 7 * 86_400, "30d": 30 * 86_400}


def simulate(path: Path, rows: int, cards: int) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    random = np.random.default_rng(11)
    seconds = np.sort(random.integers(0, 180 * 86_400, rows))
    cents = np.minimum(np.exp(random.normal(8, 1, rows)).astype(np.int64) + 1, 5_000_000)
    table = {
        "payment_id": pa.array([f"p{i:08d}" for i in range(rows)]),
        "occurred_at": pa.array((1_700_000_000 + seconds) * 1_000_000).cast(pa.timestamp("us", tz="UTC")),
        "card_id": pa.array(random.integers(0, cards, rows)),
        "amount": pa.array(cents / 100),
        "cents": pa.array(cents),
    }
    pq.write_table(pa.table(table), path)


def holdfast(path: Path) -> tuple[Any, dict[str, float]]:
    from holdfast.contract import Contract, Events, days, decimal, integer, seconds, text, timestamp
    from holdfast.features.answers import Rows, answers
    from holdfast.features.batch import build_from
    from holdfast.features.history import read_records
    from holdfast.features.plan import plan

    payments = Events(
        "payments",
        id="payment_id",
        time="occurred_at",
        fields={
            "payment_id": text(),
            "occurred_at": timestamp(),
            "card_id": integer(),
            "amount": decimal(scale=2),
        },
    )
    fraud = payments.label("fraud", known_after=days(7))
    card = payments.per("card_id")
    features: dict[str, Any] = {}
    for name, length in WINDOWS.items():
        features[f"n_{name}"] = card.count(over=seconds(length))
        features[f"s_{name}"] = card.sum(payments.amount, over=seconds(length))
        features[f"m_{name}"] = card.mean(payments.amount, over=seconds(length))
    contract = Contract("bench", decide_on=payments, label=fraud, features=features).freeze()
    begun = time.perf_counter()
    records = read_records(contract, {"payments": path})
    read = time.perf_counter()
    rows = records.events["payments"]
    answers(plan(contract), records, Rows(rows, rows.times))
    answered = time.perf_counter()
    table = build_from(contract, records)
    built = time.perf_counter()
    return table.matrix, {
        "everything": (read - begun) + (built - answered),
        "answers": answered - read,
    }


def polars(path: Path) -> tuple[Any, dict[str, float]]:
    import polars as pl

    begun = time.perf_counter()
    frame = pl.read_parquet(path, columns=["payment_id", "occurred_at", "card_id", "amount"])
    frame = frame.sort("card_id", "occurred_at", "payment_id")
    columns = []
    for name in WINDOWS:
        found = frame.rolling("occurred_at", period=name, closed="left", group_by="card_id").agg(
            n=pl.len(), s=pl.col("amount").sum(), m=pl.col("amount").mean()
        )
        columns += [found["n"], found["s"], found["m"]]
    order = frame.with_row_index("at").sort("occurred_at", "payment_id")["at"]
    matrix = np.column_stack([column.gather(order).to_numpy() for column in columns])
    return matrix, {"everything": time.perf_counter() - begun}


def duckdb_frames(path: Path, value: str, kind: str) -> tuple[Any, dict[str, float]]:
    import duckdb

    frames = ", ".join(
        f"w{name} AS (PARTITION BY card_id ORDER BY t RANGE BETWEEN {length * 1_000_000} PRECEDING AND 1 PRECEDING)"
        for name, length in WINDOWS.items()
    )
    parts = ", ".join(
        f"count(*) OVER w{name} AS n{name}, sum(CAST({value} AS {kind})) OVER w{name} AS s{name}, "
        f"avg({value}) OVER w{name} AS m{name}"
        for name in WINDOWS
    )
    query = (
        f"SELECT payment_id, t, {parts} FROM (SELECT *, epoch_us(occurred_at) AS t FROM read_parquet('{path}')) "
        f"WINDOW {frames} ORDER BY t, payment_id"
    )
    begun = time.perf_counter()
    with duckdb.connect() as base:
        found = base.sql(query).fetchnumpy()
    matrix = np.column_stack(
        [np.ma.filled(found[f"{part}{name}"], np.nan) for name in WINDOWS for part in "nsm"]  # type: ignore[no-untyped-call]
    )
    return matrix, {"everything": time.perf_counter() - begun}


def duckdb_integers(path: Path) -> tuple[Any, dict[str, float]]:
    return duckdb_frames(path, "cents", "HUGEINT")


def duckdb_doubles(path: Path) -> tuple[Any, dict[str, float]]:
    return duckdb_frames(path, "amount", "DOUBLE")


def pandas_rolling(path: Path) -> tuple[Any, dict[str, float]]:
    import pandas as pd

    begun = time.perf_counter()
    frame = pd.read_parquet(path, columns=["payment_id", "occurred_at", "card_id", "amount"])
    frame = frame.sort_values(["card_id", "occurred_at", "payment_id"])
    rolled = frame.set_index("occurred_at").groupby("card_id")["amount"]
    columns = []
    for name in WINDOWS:
        windows = rolled.rolling(name.replace("d", "D"), closed="left")
        columns += [windows.count().to_numpy(), windows.sum().to_numpy(), windows.mean().to_numpy()]
    order = frame.reset_index(drop=True).sort_values(["occurred_at", "payment_id"]).index.to_numpy()
    return np.column_stack(columns)[order], {"everything": time.perf_counter() - begun}


CONTESTANTS: dict[str, Callable[[Path], tuple[Any, dict[str, float]]]] = {
    "Holdfast": holdfast,
    "Polars rolling": polars,
    "DuckDB, integer frames": duckdb_integers,
    "DuckDB, double frames": duckdb_doubles,
    "pandas groupby rolling": pandas_rolling,
}


def one(name: str, path: Path, keep: Path) -> None:
    """One contestant once, in this process; its counts and sums in cents are kept for comparison."""
    matrix, seconds = CONTESTANTS[name](path)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    counts = np.nan_to_num(np.asarray(matrix[:, 0::3], dtype=np.float64))
    sums = np.nan_to_num(np.asarray(matrix[:, 1::3], dtype=np.float64))
    np.savez(keep, counts=counts, sums=sums / 100 if name == "DuckDB, integer frames" else sums)
    print(json.dumps({"seconds": seconds, "peak_mb": round(peak)}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--cards", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--place", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        one(options.one, options.place / "payments.parquet", options.place / f"{options.one}.npz")
        return
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        simulate(place / "payments.parquet", options.rows, options.cards)
        found: dict[str, list[dict[str, Any]]] = {name: [] for name in CONTESTANTS}
        for _ in range(options.rounds):
            for name in CONTESTANTS:
                command = [sys.executable, __file__, "--one", name, "--place", folder]
                done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
                found[name].append(json.loads(done.stdout.splitlines()[-1]))
        exact = np.load(place / "DuckDB, integer frames.npz")
        rows = []
        for name, runs in found.items():
            kept = np.load(place / f"{name}.npz")
            row: dict[str, Any] = {"name": name, "peak_mb": max(run["peak_mb"] for run in runs)}
            for part in runs[0]["seconds"]:
                row[part] = round(statistics.median(run["seconds"][part] for run in runs), 3)
            row["counts_off"] = int((kept["counts"] != exact["counts"]).sum())
            row["sums_off"] = int((kept["sums"] != exact["sums"]).sum())
            rows.append(row)
    ours = rows[0]["everything"]
    if options.json:
        print(json.dumps({"rows": options.rows, "cards": options.cards, "contestants": rows}))
        return
    print(f"{options.rows:,} payments, {options.cards:,} cards, 4 windows x (count, sum, mean)")
    print(f"{'':<24}{'seconds':>9}{'x ours':>8}{'peak MB':>9}   values off by bits: counts, sums")
    for row in rows:
        print(
            f"{row['name']:<24}{row['everything']:>9.2f}{row['everything'] / ours:>8.2f}{row['peak_mb']:>9}"
            f"{row['counts_off']:>12,}{row['sums_off']:>12,}"
        )
    print(f"{'  windows alone':<24}{rows[0]['answers']:>9.2f}")


if __name__ == "__main__":
    main()

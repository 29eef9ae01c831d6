"""Compute the same 15 features in DuckDB, from integer frames and nothing of ours, and compare every row by bits.

A window of another's payments ends strictly before the payment (`1 PRECEDING` microsecond), also among payments of one
second; the payment itself is added. DuckDB gives integer counts and sums of cents; one division in numpy finishes them.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import duckdb
import numpy as np
from data import contract, payments

from features import features

DAY = 86_400_000_000
WEEK = 7 * DAY


def integers(path: Path) -> dict[str, np.ndarray]:
    """Counts and sums of every window, in order of (time, id)."""
    parts = []
    frames = []
    for days in (1, 7, 30):
        frames.append(
            f"c{days} AS (PARTITION BY customer ORDER BY t RANGE BETWEEN {days * DAY} PRECEDING AND 1 PRECEDING)"
        )
        frames.append(
            f"t{days} AS (PARTITION BY terminal ORDER BY t "
            f"RANGE BETWEEN {WEEK + days * DAY} PRECEDING AND {WEEK + 1} PRECEDING)"
        )
        parts += [
            f"1 + count(*) OVER c{days} AS customer_n{days}",
            f"CAST(cents + coalesce(sum(cents) OVER c{days}, 0) AS BIGINT) AS customer_s{days}",
            f"count(*) OVER t{days} AS terminal_n{days}",
            f"CAST(coalesce(sum(fraud) OVER t{days}, 0) AS BIGINT) AS terminal_s{days}",
        ]
    query = f"""
        WITH payments AS (
            SELECT TRANSACTION_ID AS id, CUSTOMER_ID AS customer, TERMINAL_ID AS terminal,
                   epoch_us(TX_DATETIME) AS t, CAST(round(TX_AMOUNT * 100) AS BIGINT) AS cents,
                   CAST(TX_FRAUD AS BIGINT) AS fraud,
                   isodow(TX_DATETIME) AS weekday, hour(TX_DATETIME) AS hour
            FROM read_parquet(?)
        ), windows AS (
            SELECT id, t, cents, weekday, hour, {", ".join(parts)} FROM payments WINDOW {", ".join(frames)}
        )
        SELECT * FROM windows ORDER BY t, CAST(id AS VARCHAR)
    """
    with duckdb.connect() as base:
        base.execute("SET memory_limit = '6GB'")
        found: dict[str, np.ndarray] = base.execute(query, [str(path)]).fetchnumpy()
    return found


def matrix(found: dict[str, np.ndarray]) -> np.ndarray:
    """The features in the contract's order."""
    columns = [found["cents"] / 100.0, found["weekday"] >= 6, found["hour"] <= 6]
    for days in (1, 7, 30):
        n = found[f"customer_n{days}"]
        columns += [n, found[f"customer_s{days}"] / (n * 100.0)]
    for days in (1, 7, 30):
        n, s = found[f"terminal_n{days}"], found[f"terminal_s{days}"]
        columns += [n, np.where(n == 0, 0.0, s / np.maximum(n, 1))]
    return np.column_stack([np.asarray(column, dtype=np.float64) for column in columns])


def main() -> int:
    path = payments()
    begun = time.perf_counter()
    found = integers(path)
    expected = matrix(found)
    print(f"DuckDB: {len(expected):,} rows in {time.perf_counter() - begun:.1f} s")
    begun = time.perf_counter()
    table = features(path)
    print(f"Holdfast: {len(table):,} rows in {time.perf_counter() - begun:.1f} s")
    same_rows = np.array_equal(table.times, found["t"]) and np.array_equal(table.ids.astype(np.int64), found["id"])
    differing = (table.matrix.view(np.uint64) != expected.view(np.uint64)).sum(axis=0)
    for name, count in zip((item.name for item in contract().features), differing.tolist(), strict=True):
        print(f"  {name:<40} {count:>9,} rows differ")
    print("the same rows in the same order" if same_rows else "NOT the same rows")
    print("equal, bit for bit" if same_rows and not differing.any() else "NOT equal")
    return 0 if same_rows and not differing.any() else 1


if __name__ == "__main__":
    sys.exit(main())

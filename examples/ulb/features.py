"""Compute the 15 features of all payments, and say how long it took and how much memory."""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path

from data import contract, payments

from holdfast.features.batch import FeatureTable, build


def features(path: Path, name: str = "contract.py") -> FeatureTable:
    return build(contract(name), {"payments": path})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=None, help="ulb_transactions.parquet")
    parser.add_argument("--out", type=Path, default=None, help="write the features here (.parquet)")
    options = parser.parse_args()
    wall, used = time.perf_counter(), time.process_time()
    table = features(options.data or payments())
    seconds, processor = time.perf_counter() - wall, time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{len(table):,} rows x {len(table.names)} features: {seconds:.1f} s")
    print(f"{processor:.1f} s of processor, peak {peak:.2f} GiB")
    if options.out is not None:
        table.write(options.out, "TX_FRAUD")
        print(f"written to {options.out}")


if __name__ == "__main__":
    main()

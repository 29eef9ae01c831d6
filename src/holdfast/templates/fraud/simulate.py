"""Makes data/payments.parquet, which stands in for your own history: `python simulate.py --rows 10000`."""

import argparse
from pathlib import Path

from holdfast.contract.values import instant
from holdfast.simulate.fraud import payments


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--end", type=instant, help="2026-11-22T12:00:00Z, say; this minute if left out")
    arguments = parser.parse_args(words)
    table = payments(arguments.rows, end=arguments.end, seed=arguments.seed)
    path = table.write(Path(__file__).parent / "data" / "payments.parquet")
    print(f"{len(table):,} payments in {path}")


if __name__ == "__main__":
    main()

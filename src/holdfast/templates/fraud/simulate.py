"""Makes data/payments.parquet, which stands in for your own history: `python simulate.py --rows 10000`."""

import argparse
from pathlib import Path

from holdfast.simulate.fraud import payments


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=42)
    arguments = parser.parse_args(words)
    table = payments(arguments.rows, seed=arguments.seed)
    path = table.write(Path(__file__).parent / "data" / "payments.parquet")
    print(f"{len(table):,} payments in {path}")


if __name__ == "__main__":
    main()

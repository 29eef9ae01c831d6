"""Makes data/payments.parquet, which stands in for your own history: `python simulate.py --rows 150000`."""

import argparse
from pathlib import Path

from holdfast.simulate.cards import payments


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=150_000)
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args(words)
    customers = max(10, arguments.rows // 170)  # ninety days at 1.9 payments a day
    table = payments(customers=customers, terminals=max(10, customers * 3 // 5), seed=arguments.seed)
    path = table.write(Path(__file__).parent / "data" / "payments.parquet")
    print(f"{len(table):,} payments in {path}")


if __name__ == "__main__":
    main()

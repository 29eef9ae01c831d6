"""Makes data/payments.parquet, which stands in for your own history: `python simulate.py --rows 150000`."""

import argparse
from pathlib import Path

from holdfast.contract.values import instant
from holdfast.simulate.cards import payments
from holdfast.simulate.table import this_minute


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=150_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--end", type=instant, help="2026-11-22T12:00:00Z, say; this minute if left out")
    arguments = parser.parse_args(words)
    customers = max(10, arguments.rows // 170)  # ninety days at 1.9 payments a day
    now = arguments.end or this_minute()
    table = payments(customers=customers, terminals=max(10, customers * 3 // 5), end=now, seed=arguments.seed)
    table = table.known("is_fraud", now)  # what is reported later is not in a history of today
    path = table.write(Path(__file__).parent / "data" / "payments.parquet")
    print(f"{len(table):,} payments in {path}")


if __name__ == "__main__":
    main()

"""The whole journey on the bank marketing data.

`python examples/bank_marketing/run.py [--data FILE] [--at FOLDER]`; `examples/journey.py` says what it does.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from examples.journey import Example, with_ids, with_target, with_times


def prepare(table: pa.Table) -> pa.Table:
    """Ids, the target as 0 and 1, and when each call was made: its day, and its place in the order of that day."""
    days = [
        datetime.strptime(f"{month}-{day:02d}", "%Y-%m-%d").replace(tzinfo=UTC)
        for month, day in zip(
            table.column("year_month_derived").to_pylist(), table.column("day").to_pylist(), strict=True
        )
    ]
    order = table.column("row_in_time_order").to_pylist()
    times = [day + timedelta(milliseconds=at) for day, at in zip(days, order, strict=True)]
    return with_times(with_ids(with_target(table, "y", "yes", "subscribed")), times)


EXAMPLE = Example(
    home=Path(__file__).resolve().parent,
    file="bank_marketing_full.parquet",
    source="calls",
    prepare=prepare,
    reach=0.6,
    published="about .79 on a random split, without duration",
)

if __name__ == "__main__":
    sys.exit(EXAMPLE.main(__doc__))

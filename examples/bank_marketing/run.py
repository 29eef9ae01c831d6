"""The whole journey on the bank marketing data, by the commands a user would type, in a folder of its own.

    python examples/bank_marketing/run.py [--data FILE] [--at FOLDER]

Makes a project from `contract.py` and `holdfast.toml`, adds an id and the time of the call to the data, then builds
the features, trains, scores the file, and trains again to the same model; `holdfast check` is the next step. The
project stays in FOLDER where one is given (new or empty); it holds a copy of the data, so keep it out of the
repository.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from examples.journey import Example, with_ids, with_times


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
    subscribed = pc.equal(table.column("y"), "yes").cast(pa.int64())
    table = table.drop_columns(["y"]).append_column("subscribed", subscribed)
    return with_times(with_ids(table), times)


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

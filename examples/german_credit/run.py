"""The whole journey on the German credit data, by the commands a user would type, in a folder of its own.

    python examples/german_credit/run.py [--data FILE] [--at FOLDER]

Makes a project from `contract.py` and `holdfast.toml`, adds an id and the instant of the decision to the data, then
builds the features, trains, scores the file, and trains again to the same model; `holdfast check` is the next step.
The project stays in FOLDER where one is given (new or empty); it holds a copy of the data, so keep it out of the
repository.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from examples.journey import Example, with_ids, with_times


def prepare(table: pa.Table) -> pa.Table:
    """Ids, one instant for all (the day the data was given away), and class 2, bad, as 1."""
    bad = pc.equal(table.column("class"), 2).cast(pa.int64())
    table = table.drop_columns(["class"]).append_column("bad", bad)
    return with_times(with_ids(table), datetime(1994, 11, 17, tzinfo=UTC))


EXAMPLE = Example(
    home=Path(__file__).resolve().parent,
    file="german_credit.parquet",
    source="applications",
    prepare=prepare,
    reach=0.72,
    published="about .78",
)

if __name__ == "__main__":
    sys.exit(EXAMPLE.main(__doc__))

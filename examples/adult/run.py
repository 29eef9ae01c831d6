"""The whole journey on the Adult census data, by the commands a user would type, in a folder of its own.

    python examples/adult/run.py [--data FILE] [--at FOLDER]

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
    """Ids, one instant for all (the census was asked in March 1994), and an income over 50,000 as 1."""
    rich = pc.equal(table.column("income"), ">50K").cast(pa.int64())
    table = table.drop_columns(["income"]).append_column("over_50k", rich)
    return with_times(with_ids(table), datetime(1994, 3, 31, tzinfo=UTC))


EXAMPLE = Example(
    home=Path(__file__).resolve().parent,
    file="adult.parquet",
    source="people",
    prepare=prepare,
    reach=0.88,
    published="about .92 with every column",
)

if __name__ == "__main__":
    sys.exit(EXAMPLE.main(__doc__))

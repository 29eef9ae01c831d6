"""The whole journey on the German credit data.

`python examples/german_credit/run.py [--data FILE] [--at FOLDER]`; `examples/journey.py` says what it does.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from examples.journey import Example, with_ids, with_target, with_times


def prepare(table: pa.Table) -> pa.Table:
    """Ids, one instant for all (the day the data was given away), and class 2, bad, as 1."""
    return with_times(with_ids(with_target(table, "class", 2, "bad")), datetime(1994, 11, 17, tzinfo=UTC))


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

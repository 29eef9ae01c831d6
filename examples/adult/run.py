"""The whole journey on the Adult census data.

`python examples/adult/run.py [--data FILE] [--at FOLDER]`; `examples/journey.py` says what it does.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from examples.journey import Example, with_ids, with_target, with_times


def prepare(table: pa.Table) -> pa.Table:
    """Ids, one instant for all (the census was asked in March 1994), and an income over 50,000 as 1."""
    return with_times(with_ids(with_target(table, "income", ">50K", "over_50k")), datetime(1994, 3, 31, tzinfo=UTC))


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

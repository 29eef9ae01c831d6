"""The whole journey on the UCI credit card data.

`python examples/credit_default/run.py [--data FILE] [--at FOLDER]`; `examples/journey.py` says what it does.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from examples.journey import Example, with_times


def prepare(table: pa.Table) -> pa.Table:
    """The data speaks of what was known at the end of September 2005."""
    return with_times(table, datetime(2005, 9, 30, tzinfo=UTC))


EXAMPLE = Example(
    home=Path(__file__).resolve().parent,
    file="default_credit_card_clients.parquet",
    source="customers",
    prepare=prepare,
    reach=0.76,
    published="about .76 (Yeh and Lien, 2009)",
)

if __name__ == "__main__":
    sys.exit(EXAMPLE.main(__doc__))

"""The whole journey on the UCI credit card data, by the commands a user would type, in a folder of its own.

    python examples/credit_default/run.py [--data FILE] [--at FOLDER]

Makes a project from `contract.py` and `holdfast.toml`, adds the instant of the decision to the data, then builds the
features, trains, scores the file, and trains again to the same model; `holdfast check` is the next step. The project
stays in FOLDER where one is given (new or empty); it holds a copy of the data, so keep it out of the repository.
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

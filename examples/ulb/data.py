"""Where the payments are: `HOLDFAST_SHARED_DATA`, or ../shared/data beside the repository. Nothing is copied."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from holdfast.contract.loading import load_file
from holdfast.contract.model import Contract

HERE = Path(__file__).resolve().parent


def payments() -> Path:
    """The Parquet file of all payments; ends with a message where it is missing."""
    folder = Path(os.environ.get("HOLDFAST_SHARED_DATA", HERE.parents[1].parent / "shared" / "data"))
    path = folder / "ulb_transactions.parquet"
    if not path.is_file():
        sys.exit(f"{path} is not there: set HOLDFAST_SHARED_DATA to the folder that holds ulb_transactions.parquet")
    return path


def contract(name: str = "contract.py") -> Contract:
    return load_file(HERE / name)


def customers_and_days(path: Path) -> pa.Table:
    """id, customer, day and scenario of every payment, for protocols that need them beside the features."""
    return pq.read_table(path, columns=["TRANSACTION_ID", "CUSTOMER_ID", "TX_TIME_DAYS", "TX_DATETIME", "TX_FRAUD"])

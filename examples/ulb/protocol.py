"""The handbook's way to split and to score: whom a bank could have stopped, with what it knew on the day.

Train on one week; a week passes until its frauds are known; test on the next. Each day leaves out customers whose
fraud is known by then. CP@100: of the 100 most suspect customers a day, the share with a fraud that day; customers
found on one day are not looked at again.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from holdfast.features.batch import FeatureTable

Floats = NDArray[np.float64]
Index = NDArray[np.intp]
FIRST_DAY = 115
"""2018-07-25, counted from 2018-04-01: where the handbook's training week begins."""
DAYS = DELAY = 7


@dataclass(frozen=True)
class Payments:
    """Features and what the protocol needs beside them, in order of TRANSACTION_ID."""

    names: tuple[str, ...]
    X: Floats
    fraud: NDArray[np.int64]
    customer: NDArray[np.int64]
    day: NDArray[np.int64]


@dataclass(frozen=True)
class Scores:
    auc: float
    precision: float
    cp100: float

    def __str__(self) -> str:
        return f"{self.auc:.3f}  {self.precision:.3f}  {self.cp100:.3f}"


def payments_of(path: Path, table: FeatureTable) -> Payments:
    """The features of `table` beside customer, day and label of the same payments."""
    read = pq.read_table(path, columns=["TRANSACTION_ID", "CUSTOMER_ID", "TX_TIME_DAYS", "TX_FRAUD"])
    ids, customer, day, fraud = (read.column(i).to_numpy().astype(np.int64) for i in range(4))
    order = np.argsort(ids)
    ours = np.argsort(table.ids.astype(np.int64))
    if not np.array_equal(ids[order], table.ids[ours].astype(np.int64)):
        raise ValueError("the features are of other payments")
    return Payments(table.names, table.matrix[ours], fraud[order], customer[order], day[order])


def split(data: Payments, first: int = FIRST_DAY, train_days: int = DAYS, test_days: int = DAYS) -> tuple[Index, Index]:
    """Positions of the training rows from day `first` on, and of the test rows after the delay."""
    train = np.flatnonzero((data.day >= first) & (data.day < first + train_days))
    known = set(data.customer[train][data.fraud[train] == 1].tolist())
    test = []
    for step in range(test_days):
        found = (data.day == first + train_days + step - 1) & (data.fraud == 1)
        known |= set(data.customer[found].tolist())
        rows = np.flatnonzero(data.day == first + train_days + DELAY + step)
        test.append(rows[~np.isin(data.customer[rows], np.fromiter(known, dtype=np.int64))])
    return train, np.concatenate(test)


def score(data: Payments, rows: Index, predicted: Floats) -> Scores:
    fraud = data.fraud[rows]
    return Scores(
        float(roc_auc_score(fraud, predicted)),
        float(average_precision_score(fraud, predicted)),
        card_precision(data, rows, predicted),
    )


def card_precision(data: Payments, rows: Index, predicted: Floats, top: int = 100) -> float:
    """The mean over days of CP@`top`."""
    detected = np.zeros(0, dtype=np.int64)
    found = []
    for day in np.unique(data.day[rows]):
        today = (data.day[rows] == day) & ~np.isin(data.customer[rows], detected)
        customers, place = np.unique(data.customer[rows][today], return_inverse=True)
        highest = np.full(len(customers), -np.inf)
        np.maximum.at(highest, place, predicted[today])
        frauds = np.zeros(len(customers), dtype=np.int64)
        np.maximum.at(frauds, place, data.fraud[rows][today])
        first = np.argsort(-highest, kind="stable")[:top]
        hit = customers[first][frauds[first] == 1]
        found.append(len(hit) / top)
        detected = np.append(detected, hit)
    return float(np.mean(found))


def positive(model: Any, X: Floats) -> Floats:
    probabilities: Floats = model.predict_proba(X)[:, 1]
    return probabilities

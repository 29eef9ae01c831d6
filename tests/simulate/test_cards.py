"""The card simulator: habits, three kinds of fraud, outcomes with receipts."""

from __future__ import annotations

import numpy as np
import pytest

from holdfast.errors import HoldfastError
from holdfast.simulate.cards import payments
from holdfast.simulate.table import DAY, Table

END = 1_790_000_000_000_000


def small(**changes: float) -> Table:
    return payments(customers=300, terminals=200, days=60, end=END, fraud=changes.get("fraud", 1.0))


def test_equal_seeds_give_equal_payments() -> None:
    assert small().arrow().equals(small().arrow())


def test_frauds_are_rare_costly_and_reported_within_days() -> None:
    columns = small().columns
    fraud = columns["is_fraud"] == np.array(True, dtype=object)
    assert 0.005 < fraud.mean() < 0.03
    assert columns["amount"][fraud].mean() > 1.5 * columns["amount"][~fraud].mean()
    delay = (columns["is_fraud_received_at"] - columns["occurred_at"])[fraud] / DAY
    assert 1.5 < np.median(delay) < 3
    assert np.quantile(delay, 0.95) < 7 < delay.max()


def test_without_fraud_only_cleared_disputes_are_heard_of() -> None:
    columns = small(fraud=0.0).columns
    heard = {value for value in columns["is_fraud"].tolist() if value is not None}
    assert heard == {False}


def test_customers_mostly_pay_at_terminals_they_have_used_before() -> None:
    columns = small().columns
    pairs = set(zip(columns["customer_id"].tolist(), columns["terminal_id"].tolist(), strict=True))
    assert len(pairs) < len(columns["customer_id"]) / 2


def test_what_was_not_heard_at_an_instant_is_missing_then() -> None:
    later = small()
    earlier = later.known("is_fraud", END - 10 * DAY)
    assert earlier.columns["is_fraud_received_at"].max() < END - 10 * DAY
    assert sum(v is not None for v in earlier.columns["is_fraud"]) < sum(
        v is not None for v in later.columns["is_fraud"]
    )


def test_impossible_sizes_are_refused() -> None:
    with pytest.raises(HoldfastError, match="cannot simulate"):
        payments(customers=0)

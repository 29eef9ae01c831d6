"""Payments with four fields and a label: large amounts, late hours and remote merchants are where the fraud is."""

from __future__ import annotations

import numpy as np

from holdfast.errors import HoldfastError
from holdfast.simulate.table import DAY, Table, names, only, this_minute

CATEGORIES = ("grocery", "restaurant", "retail", "online", "travel")
_USUAL = (0.30, 0.25, 0.25, 0.15, 0.05)
_FRAUD = (0.05, 0.05, 0.10, 0.60, 0.20)
_LATE = (0, 1, 2, 3, 4, 5, 23)
_LARGEST = 5_000_000
"""Cents: the contract's bound; about one fraud in four thousand would pass it."""


def payments(
    rows: int = 10_000, *, fraud_share: float = 0.02, days: int = 90, end: int | None = None, seed: int = 42
) -> Table:
    """Payments spread over the `days` before `end` (µs UTC, default this minute), in order of time.

    Amounts are log-normal (3.5, 1.2), fraud (5.5, 1.5); hours uniform, fraud at night; `hour` and `day_of_week`
    agree with `occurred_at`. Outcomes of fraud arrive one to seven days later, other payments get none.
    """
    if rows < 1 or days < 7 or not 0 <= fraud_share <= 1:
        raise HoldfastError(
            "cannot simulate that", where="simulate.fraud", mend="rows >= 1, days >= 7, fraud_share from 0 to 1"
        )
    rng = np.random.default_rng(seed)
    stop = this_minute() if end is None else end
    fraud = np.zeros(rows, dtype=bool)
    fraud[: int(rows * fraud_share)] = True
    count = int(fraud.sum())

    amount = np.where(fraud, rng.lognormal(5.5, 1.5, rows), rng.lognormal(3.5, 1.2, rows))
    cents = np.clip(np.rint(amount * 100), 1, _LARGEST).astype(np.int64)
    hour = rng.integers(0, 24, rows)
    hour[:count] = rng.choice(_LATE, count)
    category = rng.choice(len(CATEGORIES), rows, p=_USUAL)
    category[:count] = rng.choice(len(CATEGORIES), count, p=_FRAUD)
    day = stop - stop % DAY - rng.integers(0, days, rows) * DAY
    moment = day + hour * (DAY // 24) + rng.integers(0, 3600, rows) * 1_000_000
    # Later today: the same weekday of any week before, so that no day has twice as many.
    moment = np.where(moment < stop, moment, moment - 7 * DAY * rng.integers(1, days // 7 + 1, rows))
    known = moment + (rng.uniform(1.0, 7.0, rows) * DAY).astype(np.int64)

    order = np.argsort(moment, kind="stable")
    table = Table(
        {
            "payment_id": names("pay", np.arange(1, rows + 1), 7),
            "occurred_at": moment[order],
            "amount": cents[order],
            "hour": hour[order],
            "day_of_week": (moment[order] // DAY + 3) % 7,  # 1 January 1970 was a Thursday
            "merchant_category": np.array(CATEGORIES, dtype=object)[category[order]],
            "is_fraud": only(fraud, fraud)[order],
            "is_fraud_received_at": np.where(fraud, known, -1)[order],
        },
        {"amount": 2},
        frozenset({"occurred_at", "is_fraud_received_at"}),
    )
    return table.known("is_fraud", stop)

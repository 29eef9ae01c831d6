"""A contract and a feature table made by hand: what training needs, without engines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.contract.model import DAY, Contract, Feature, Field, Label, Node, Source

START = 1_700_000_000 * 1_000_000 // DAY * DAY


@dataclass(frozen=True)
class Labels:
    values: NDArray[Any]
    valid: NDArray[np.bool_] | None
    received_at: NDArray[np.int64]


@dataclass(frozen=True)
class Table:
    ids: NDArray[np.str_]
    times: NDArray[np.int64]
    matrix: NDArray[np.float64]
    names: tuple[str, ...]
    labels: Labels

    def shuffled(self, seed: int) -> Table:
        order = np.random.default_rng(seed).permutation(len(self.times))
        valid = None if self.labels.valid is None else self.labels.valid[order]
        labels = Labels(self.labels.values[order], valid, self.labels.received_at[order])
        return Table(self.ids[order], self.times[order], self.matrix[order], self.names, labels)


def contract(*, known_after: int = 2 * DAY, absent: bool | None = None, final_after: int | None = None) -> Contract:
    fields = (
        Field("payment_id", "text"),
        Field("occurred_at", "timestamp"),
        Field("amount", "decimal", scale=2),
        Field("rate", "real", nullable=True),
        Field("kind", "category", values=("a", "b", "c")),
        Field("noise", "real"),
    )
    expressions = {
        "amount": Node("field", "number", (), (("name", "amount"), ("source", "payments"))),
        "rate": Node("field", "number", (), (("name", "rate"), ("source", "payments"))),
        "kind": Node("field", "category", (), (("name", "kind"), ("source", "payments"))),
        "noise": Node("field", "number", (), (("name", "noise"), ("source", "payments"))),
    }
    return Contract(
        name="toy",
        decide_on="payments",
        label="is_fraud",
        labels=(Label("is_fraud", "payments", known_after, absent, final_after),),
        sources=(Source("payments", "payment_id", "occurred_at", fields),),
        aggregates=(),
        features=tuple(Feature(name, node) for name, node in expressions.items()),
    )


def table(rows: int = 3_000, days: int = 60, seed: int = 1) -> Table:
    """Every label is known two days after its event."""
    generator = np.random.default_rng(seed)
    times = np.sort(generator.integers(START, START + days * DAY, rows))
    amount = np.round(np.exp(generator.normal(3, 1, rows)), 2)
    rate = generator.normal(0, 1, rows)
    rate[generator.random(rows) < 0.1] = np.nan
    kind = generator.integers(0, 5, rows).astype(np.float64)
    noise = generator.normal(0, 1, rows)
    score = 0.03 * amount + 1.2 * np.nan_to_num(rate, nan=-0.5) + 0.8 * (kind == 4) + generator.normal(0, 0.7, rows)
    y = (score > np.quantile(score, 0.92)).astype(np.int64)
    return Table(
        ids=np.asarray([f"p{i:06d}" for i in range(rows)]),
        times=times,
        matrix=np.column_stack([amount, rate, kind, noise]),
        names=("amount", "rate", "kind", "noise"),
        labels=Labels(y, None, times + 2 * DAY),
    )

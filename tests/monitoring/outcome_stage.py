"""A trained model and traffic whose truth is known: every watch of outcomes is shown clean weeks and broken ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np

from holdfast.bundle.bundle import Bundle
from holdfast.bundle.load import load
from holdfast.contract import Contract, Events, category, days, model, real, text, timestamp
from holdfast.monitoring.counts import Counts
from holdfast.monitoring.expected import Expected, Shape
from holdfast.monitoring.finding import Finding
from holdfast.monitoring.judged import Floats, Groups, Judged, Mask, segments_of, truth_at
from holdfast.monitoring.limits import Limits
from holdfast.monitoring.seen import Skew
from holdfast.monitoring.watch import Watch
from holdfast.project.build import Labels, Table
from holdfast.training.settings import settings_from
from holdfast.training.train import train

DAY = 86_400_000_000
BEGIN = 20_000 * DAY
WAIT = 7


@cache
def contract() -> model.Contract:
    cases = Events(
        "cases", id="id", time="at",
        fields={
            "id": text(), "at": timestamp(), "x": real(), "z": real(),
            "kind": category("shop", "web"), "sex": category("f", "m", protected=True),
        },
    )  # fmt: skip
    return Contract(
        "cases", decide_on=cases, label=cases.label("bad", known_after=days(WAIT)),
        features={"x": cases.x, "z": cases.z, "kind": cases.kind},
    ).freeze()  # fmt: skip


def cases(
    start: int, number: int, a_day: int, seed: int, beta: Sequence[float] = (1.6, 0.8, 0.4), base: float = -2.2,
) -> tuple[Any, Floats, Mask]:  # fmt: skip
    """Times, feature rows and truths of so many days from `start` (days after `BEGIN`)."""
    generator = np.random.default_rng((seed, start + 1_000))
    n = number * a_day
    times = BEGIN + start * DAY + np.sort(generator.integers(0, number * DAY, n))
    X = np.column_stack([generator.normal(size=n), generator.normal(size=n), generator.integers(2, 4, n)]).astype(float)
    logits = base + beta[0] * X[:, 0] + beta[1] * X[:, 1] + beta[2] * (X[:, 2] == 3)
    return times, X, generator.random(n) < 1 / (1 + np.exp(-logits))


@cache
def bundle() -> Bundle:
    times, X, truth = cases(-60, 60, 300, 1)
    table = Table(
        np.array([f"t{at}" for at in range(len(times))], dtype=object), times, X, ("x", "z", "kind"),
        Labels(truth.astype(np.int8), None, times + WAIT * DAY),
    )  # fmt: skip
    settings = settings_from({
        "family": "logistic_regression", "split": "time", "folds": 3, "bootstrap": 60, "threads": 1,
        "threshold": "f1", "calibration": "sigmoid",
    })  # fmt: skip
    made = train(contract(), table, settings, Path(mkdtemp()) / "bundle")
    return load(made.directory, expect=made.bundle)


Change = Callable[[int, Judged], Judged]


def traffic(number: int, a_day: int = 300, seed: int = 2, broken: Change = lambda _, rows: rows) -> Judged:
    """So many days of decisions, everything settled; `broken` changes the rows of one day (counted from 0)."""
    parts = []
    for day in range(number):
        times, X, truth = cases(day, 1, a_day, seed)
        parts.append(broken(day, judged(times, X, truth, seed + day)))
    return joined(parts)


def judged(times: Any, X: Floats, truth: Mask, seed: int) -> Judged:
    probability = bundle().predict_matrix(X)[1]
    sexes = np.random.default_rng((seed, 9)).integers(0, 2, len(times))
    return Judged(
        times, probability, probability >= bundle().threshold.value, truth.astype(np.int8), times + WAIT * DAY, X,
        ("x", "z", "kind"), {"sex": Groups(("f", "m"), sexes.astype(np.int64))},
    )  # fmt: skip


def joined(parts: Sequence[Judged]) -> Judged:
    def all_of(name: str) -> Any:
        return np.concatenate([getattr(item, name) for item in parts])

    sexes = np.concatenate([item.groups["sex"].code for item in parts])
    whole = Judged(
        all_of("times"), all_of("probability"), all_of("decided"), all_of("truth"), all_of("arrived"), all_of("X"),
        parts[0].names, {"sex": Groups(("f", "m"), sexes)},
    )  # fmt: skip
    return replace(whole, segments=segments_of(contract(), whole.X))


@dataclass
class Seen:
    """One look at such traffic; it holds nothing but decisions and outcomes."""

    rows: Judged
    now: int
    version: str = "1"
    expected: Expected = field(default_factory=lambda: Expected((Shape("x", "number", np.array([0, 1])),)))
    memo: dict[str, Any] = field(default_factory=dict)

    @property
    def bundle(self) -> Bundle:
        return bundle()

    def counts(self, start: int, end: int) -> Counts:
        return Counts("1", contract().hash, start, end)

    def hours(self, start: int, end: int) -> Sequence[Counts]:
        return ()

    def volumes(self, start: int, end: int) -> Sequence[tuple[int, int]]:
        return ()

    def first(self) -> int:
        return BEGIN

    def service(self, start: int, end: int) -> Counts | None:
        return None

    def others(self, start: int, end: int) -> tuple[int, int]:
        return 0, 0

    def skew(self) -> Skew | None:
        return None

    def outcomes(self, start: int, end: int) -> Judged:
        rows = self.rows.between(start, end)
        came = (rows.arrived > 0) & (rows.arrived <= self.now)
        value = np.where(came, rows.truth, -1).astype(np.int8)
        truth = truth_at(self.now, contract().target, rows.times, value, rows.arrived)
        return replace(rows, truth=truth, arrived=np.where(came, rows.arrived, 0))


def told(watch: Watch, rows: Judged, day: int, limits: Limits | None = None) -> list[Finding]:
    """What a watch finds at the end of a day."""
    seen: Any = Seen(rows, BEGIN + (day + 1) * DAY)
    return list(watch.look(seen, limits or Limits()))


def alerts(watch: Watch, rows: Judged, day: int, limits: Limits | None = None) -> list[str]:
    return [item.cause for item in told(watch, rows, day, limits) if item.status == "alert"]

"""A made-up live model: twenty features with hours, weekends, growth, customers who come often, and days that differ.

Everything is drawn in columns, so that a day of 100,000 predictions takes a tenth of a second. `Incident` changes what
comes; `Traffic` is a `Seen` over the counts.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from holdfast.bundle.bins import Floats, Integers, season
from holdfast.bundle.bundle import Bundle
from holdfast.bundle.calibration import Calibration
from holdfast.bundle.load import load
from holdfast.bundle.pack import pack
from holdfast.bundle.predictors.linear import Term, linear_spec
from holdfast.bundle.threshold import Threshold
from holdfast.contract import Contract, Events, boolean, category, days, integer, real, text, timestamp
from holdfast.contract.model import Contract as Frozen
from holdfast.monitoring.counts import Counts
from holdfast.monitoring.expected import DAY as DAY
from holdfast.monitoring.expected import HOUR as HOUR
from holdfast.monitoring.expected import Expected
from holdfast.monitoring.reference import Bins
from holdfast.monitoring.seen import Skew

MINUTE = 60_000_000
BEGIN = 1_750_032_000_000_000 // DAY * DAY  # a Monday in June 2025
NUMBERS = ("amount", "income", "age", "tenure", "balance", "distance", "duration", "ratio", "visits_7d", "visits_30d",
           "hour", "day_of_week", "basket", "speed")  # fmt: skip
WORDS = {"merchant": 50, "channel": 4, "country": 12, "device": 6}
FLAGS = ("returning", "promoted")
NAMES = (*NUMBERS, *WORDS, *FLAGS)
AT = {name: at for at, name in enumerate(NAMES)}
THRESHOLD = 0.5
TRAINED = 60
"""Days of training before the first live one."""

Change = Callable[[Floats, Integers, np.random.Generator], Floats]
"""Feature rows, times and chance → the rows that come instead (may be fewer)."""


@lru_cache
def contract() -> Frozen:
    fields: dict[str, Any] = {"request_id": text(generated=True), "at": timestamp(generated=True)}
    fields |= {name: integer(nullable=True) if name in ("hour", "day_of_week", "visits_7d", "visits_30d", "age")
               else real(nullable=True) for name in NUMBERS}  # fmt: skip
    fields |= {
        name: category(*(f"{name}{i}" for i in range(n)), on_unknown="unknown", nullable=True)
        for name, n in WORDS.items()
    }
    fields |= {name: boolean(nullable=True) for name in FLAGS}
    requests = Events("requests", id="request_id", time="at", fields=fields)
    label = requests.label("bad", known_after=days(7), absent=False, final_after=days(14))
    return Contract(
        "seasons", decide_on=requests, label=label, features={name: getattr(requests, name) for name in NAMES}
    ).freeze()


@dataclass(frozen=True)
class World:
    """Who comes when. `a_day` is the usual number of predictions on a working day at the start."""

    a_day: int
    seed: int = 0
    growth: float = 0.2
    """Of volume over 90 days."""
    unrest: float = 0.04
    """How far a day lies from the usual, in amounts, distances and merchants: a standard deviation of logarithms."""

    def customers(self) -> dict[str, Floats]:
        rng = np.random.default_rng((self.seed, 1))
        n = max(500, self.a_day // 5)
        often = rng.pareto(2.5, n) + 0.2
        return {
            "often": np.cumsum(often / often.sum()),
            "taste": rng.normal(0, 0.4, n),
            "income": rng.lognormal(10, 0.5, n),
            "age": np.clip(np.rint(rng.normal(42, 14, n)), 18, 95),
            "tenure": rng.exponential(900, n),
            "country": rng.choice(12, n, p=_falling(12)).astype(float),
            "device": rng.choice(6, n, p=_falling(6)).astype(float),
            "visits": rng.gamma(2.0, 2.0, n),
        }

    def day(self, day: int, customers: dict[str, Floats]) -> tuple[Floats, Integers]:
        """(feature rows, times) of one day, in order of time. Days before 0 are training's."""
        rng = np.random.default_rng((self.seed, 2, day + 10_000))
        begin = BEGIN + day * DAY
        weekend = (begin // DAY + 3) % 7 >= 5
        level = self.a_day * (0.6 if weekend else 1.0) * (1 + self.growth * max(-0.5, day / 90)) * np.exp(
            rng.normal(0, 0.05))  # fmt: skip
        hours = np.arange(24)
        form = 0.25 + np.exp(-0.5 * ((hours - (14.5 if weekend else 13)) / 4.5) ** 2)
        form *= np.exp(rng.normal(0, 0.04, 24))
        per_hour = rng.poisson(level * form / form.sum())
        hour = np.repeat(hours, per_hour)
        n = len(hour)
        times = np.sort(begin + hour * HOUR + rng.integers(0, HOUR, n))
        hour = (times // HOUR % 24).astype(np.int64)
        who = np.minimum(np.searchsorted(customers["often"], rng.random(n)), len(customers["often"]) - 1)
        swing = rng.normal(0, self.unrest, 3)
        evening = np.cos((hour - 20) / 24 * 2 * np.pi)
        X = np.empty((n, len(NAMES)))
        put = dict(zip(NAMES, range(len(NAMES)), strict=True))
        X[:, put["amount"]] = np.exp(rng.normal(3.5, 1.1, n) + customers["taste"][who] + 0.2 * evening + swing[0])
        X[:, put["income"]] = customers["income"][who]
        X[:, put["age"]] = customers["age"][who]
        X[:, put["tenure"]] = customers["tenure"][who]
        X[:, put["balance"]] = rng.normal(500, 2_000, n) + customers["income"][who] / 20
        X[:, put["distance"]] = np.exp(rng.normal(1.5 + 0.3 * weekend, 1.0, n) + swing[1])
        X[:, put["duration"]] = rng.gamma(2.0, 30.0 + 10 * (hour >= 18), n)
        X[:, put["ratio"]] = rng.beta(2, 5, n)
        X[:, put["visits_7d"]] = rng.poisson(customers["visits"][who])
        X[:, put["visits_30d"]] = rng.poisson(4 * customers["visits"][who])
        X[:, put["hour"]] = hour
        X[:, put["day_of_week"]] = (begin // DAY + 3) % 7
        X[:, put["basket"]] = 1 + rng.geometric(0.35, n)
        X[:, put["speed"]] = np.where(rng.random(n) < 0.02, np.nan, rng.normal(50, 12, n))
        night = (hour < 6).astype(float)
        rank = np.minimum(49, (50 * rng.random(n) ** (1.8 + 0.4 * night + swing[2])).astype(int))
        X[:, put["merchant"]] = 2 + rank
        X[:, put["channel"]] = 2 + np.minimum(3, rng.integers(0, 4, n) * (rng.random(n) < 0.6 - 0.2 * weekend))
        X[:, put["country"]] = 2 + customers["country"][who]
        X[:, put["device"]] = 2 + customers["device"][who]
        X[:, put["returning"]] = customers["visits"][who] > 3
        X[:, put["promoted"]] = rng.random(n) < 0.1
        return X, times


def _falling(n: int) -> Floats:
    weight = 0.6 ** np.arange(n)
    return np.asarray(weight / weight.sum())


def probability(X: Floats) -> Floats:
    """What the model makes of rows: large amounts at night and far away are bad."""
    given = np.nan_to_num(X)
    raw = (
        -4.6 + 0.006 * np.minimum(given[:, AT["amount"]], 3_000) + 0.8 * (given[:, AT["hour"]] < 6)
        + 0.02 * np.minimum(given[:, AT["distance"]], 200) + 0.02 * (given[:, AT["merchant"]] - 2)
        - 0.3 * given[:, AT["returning"]]
    )  # fmt: skip
    return np.asarray(1 / (1 + np.exp(-raw)))


@lru_cache(maxsize=8)
def trained(world: World) -> tuple[Bundle, Expected, Bins]:
    """A bundle whose profile is of the days before the first live one."""
    with tempfile.TemporaryDirectory() as folder:
        name = packed(world, Path(folder) / "bundle")
        bundle = load(Path(folder) / "bundle", expect=name)
    bins = Bins.of(bundle)
    return bundle, bins.expected(), bins


def packed(world: World, place: Path) -> str:
    """That bundle in a folder; answers its name."""
    from holdfast.training.profile import profile
    from holdfast.training.rows import Rows

    customers = world.customers()
    parts = [world.day(day, customers) for day in range(-TRAINED, 0)]
    X, times = np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])
    every = times
    if len(X) > 200_000:
        keep = np.sort(np.random.default_rng(world.seed).choice(len(X), 200_000, replace=False))
        X, times = X[keep], times[keep]
    p = probability(X)
    y = (np.random.default_rng((world.seed, 3)).random(len(X)) < p).astype(np.int8)
    rows = Rows(names=NAMES, X=X, y=y, times=times, known=times + 7 * DAY, ids=np.arange(len(X)).astype(str))
    told = profile(contract(), rows, p, y, THRESHOLD, times=every)
    terms = [Term(weights=(0.0,) * (2 + WORDS[n])) if n in WORDS else Term(weight=0.001, impute=0.0) for n in NAMES]
    return pack(
        place, contract=contract(), model=linear_spec(terms, -1.0), calibration=Calibration(),
        threshold=Threshold(THRESHOLD), golden_rows=np.nan_to_num(X[:4]), profile=told, environment="", card="",
        training={"run": "none"},
    )  # fmt: skip


@dataclass
class Traffic:
    """A `Seen` of so many live days, counted by a grain of minutes. `now` may be set to any instant."""

    world: World
    live_days: int
    grain: int = 60
    """Minutes."""
    change: Change | None = None
    since: int = 0
    """Day from which on `change` happens (may be a fraction, in µs after BEGIN)."""
    now: int = 0
    version: str = "1"
    memo: dict[str, Any] = field(default_factory=dict)
    unknown: Callable[[Floats], Counter[tuple[str, str]]] | None = None

    def __post_init__(self) -> None:
        self.bundle, self.expected, self._bins = trained(self.world)
        self._contract = self.bundle.contract.hash
        self._step = self.grain * MINUTE
        customers = self.world.customers()
        steps = self.live_days * DAY // self._step
        layout = self._bins.layout
        self._cells = np.zeros((steps + 1, layout.places.at["end"]), np.int32)
        self._n = np.zeros(steps + 1, np.int64)
        self._positive = np.zeros(steps + 1, np.int64)
        self._words: dict[int, Counter[tuple[str, str]]] = {}
        for day in range(self.live_days):
            X, times = self.world.day(day, customers)
            if self.change is not None and BEGIN + (day + 1) * DAY > self.since:
                X, times = self._changed(X, times, day)
            groups = (times - BEGIN) // self._step
            first = day * DAY // self._step
            many = DAY // self._step
            p = probability(X)
            found = layout.count(np.column_stack([X, p]), season(times), groups - first, many)
            at = slice(first + 1, first + 1 + many)
            self._cells[at] = found
            self._n[at] = np.bincount(groups - first, minlength=many)
            self._positive[at] = np.bincount((groups - first)[p >= THRESHOLD], minlength=many)
        np.cumsum(self._cells, axis=0, out=self._cells)
        self._n, self._positive = np.cumsum(self._n), np.cumsum(self._positive)
        self.now = BEGIN + self.live_days * DAY

    def _changed(self, X: Floats, times: Integers, day: int) -> tuple[Floats, Integers]:
        assert self.change is not None
        rng = np.random.default_rng((self.world.seed, 4, day))
        inside = times >= self.since
        changed = self.change(np.column_stack([X[inside], times[inside].astype(np.float64)]), times[inside], rng)
        X = np.concatenate([X[~inside], changed[:, :-1]])
        times = np.concatenate([times[~inside], changed[:, -1].astype(np.int64)])
        order = np.argsort(times, kind="stable")
        X, times = X[order], times[order]
        if self.unknown is not None:
            hours = (times - BEGIN) // self._step
            for step in np.unique(hours[times >= self.since]):
                self._words[int(step)] = self.unknown(X[(hours == step) & (times >= self.since)])
        return X, times

    def at(self, now: int) -> Traffic:
        self.now, self.memo = now, {}
        return self

    def _index(self, time: int) -> int:
        return int(min(max(0, (min(time, self.now) - BEGIN) // self._step), len(self._n) - 1))

    def counts(self, start: int, end: int) -> Counts:
        low, high = self._index(start), self._index(end)
        words = sum((self._words[step] for step in range(low, high) if step in self._words), Counter[tuple[str, str]]())
        return Counts(
            self.version, self._contract, start, end, self.bundle.hash,
            int(self._n[high] - self._n[low]), int(self._positive[high] - self._positive[low]),
            self._bins.layout.shape, self._cells[high].astype(np.int64) - self._cells[low], unknown=words,
        )  # fmt: skip

    def hours(self, start: int, end: int) -> Sequence[Counts]:
        return [self.counts(hour, hour + HOUR) for hour in range(start - start % HOUR, end, HOUR)]

    def volumes(self, start: int, end: int) -> Sequence[tuple[int, int]]:
        hours = range(max(BEGIN, start - start % HOUR), end, HOUR)
        return [(hour, int(self._n[self._index(hour + HOUR)] - self._n[self._index(hour)])) for hour in hours]

    def first(self) -> int:
        return BEGIN

    def decisions(self, start: int, end: int) -> int:
        return int(self._n[self._index(end)] - self._n[self._index(start)])

    def service(self, start: int, end: int) -> Counts | None:
        return None

    def others(self, start: int, end: int) -> tuple[int, int]:
        return 0, 0

    def skew(self) -> Skew | None:
        return None

    def outcomes(self, start: int, end: int) -> Any:
        return None

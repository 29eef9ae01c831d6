"""Is what is estimated before labels mature what turns out, and is it worth saying?

    python -m benchmarks.estimates [--data FOLDER] [--docs docs/results.md]

Windows without concept drift: ULB's payments day by day, labels seven days late; halves of UCI's card clients that the
model never saw, in random order, and of another mix than the matured part (the richest, the poorest, the oldest, …:
what is asked changes, what is true of it does not). Estimated from what had matured by then, alone. Beside it what a
constant guess would need: the width, about the performance that was measured in training, that holds as many windows.
The control flips what is true in a quarter of the windows' riskiest rows: then the intervals must miss.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from benchmarks.outcomes.public import Lived, lived, midnight, shared
from benchmarks.report import write_into

from holdfast.contract.model import DAY
from holdfast.monitoring.estimated import Block, estimate, learn
from holdfast.monitoring.judged import Judged
from holdfast.monitoring.measured import performance

MARK = "estimates"
MEASURES = ("roc_auc", "precision", "recall")
BOUND = 0.9
ULB_TRAINED = int(datetime(2018, 7, 1, tzinfo=UTC).timestamp() * 1e6)
WINDOW = 1_000
"""Rows of a window of the card clients."""


@dataclass
class Held:
    """Estimated and realised figures of many windows of one kind, by measure."""

    title: str
    inside: dict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))
    width: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    off: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Realised less what training measured: what a constant guess misses by."""

    def add(self, before: list[Judged], window: Judged, measured: dict[str, float], *, seed: int) -> None:
        reading = learn([Block(item.probability, item.truth == 1) for item in before])
        told = estimate(window.probability, window.decided, reading, seed=seed)
        found = performance(window)
        for name in MEASURES:
            value = found[name].value
            self.inside[name].append(told[name].low <= value <= told[name].high)
            self.width[name].append(told[name].high - told[name].low)
            self.off[name].append(abs(value - measured[name]))

    def needed(self, name: str) -> float:
        """The width of a constant that holds as many windows as ours: no more is asked of it."""
        return 2 * float(np.quantile(self.off[name], float(np.mean(self.inside[name]))))

    def narrower(self, name: str) -> bool:
        return float(np.mean(self.width[name])) < self.needed(name)

    def rows(self) -> list[list[str]]:
        made = []
        for name in MEASURES:
            kept, wide, needed = float(np.mean(self.inside[name])), float(np.mean(self.width[name])), self.needed(name)
            made.append([
                self.title, name, str(len(self.inside[name])), f"{kept:.1%}", f"{wide:.3f}", f"{needed:.3f}",
                f"{wide / needed:.2f}",
            ])  # fmt: skip
        return made


def measured(one: Lived) -> dict[str, float]:
    test = one.bundle.manifest.training["metrics"]["test"]
    return {name: float(test[name]["value"]) for name in MEASURES}


def by_day(one: Lived) -> Held:
    """Each day from what had matured by its evening: whole days, seven of them late."""
    held, first = Held("ULB, by day, labels 7 days late"), midnight(int(one.after.times[0]))
    days = [one.after.between(at, at + DAY) for at in range(first, int(one.after.times[-1]) - DAY // 2, DAY)]
    wait = one.contract.target.known_after // DAY
    for at in range(wait + 5, len(days)):
        held.add(days[max(0, at - wait - 28) : at - wait], days[at], measured(one), seed=at)
    return held


def in_random_order(one: Lived, *, seeds: int, broken: bool = False) -> Held:
    """Windows of rows that came in no order; of `broken` ones the truth is another."""
    title = "the same, truth changed (control)" if broken else "UCI card clients, the usual mix"
    held = Held(title)
    for seed in range(seeds):
        order = np.random.default_rng(seed).permutation(len(one.after))
        parts = [one.after.take(part) for part in np.array_split(order, len(order) // WINDOW)]
        for at in range(6, len(parts)):
            held.add(parts[:at], _flipped(parts[at]) if broken else parts[at], measured(one), seed=seed * 100 + at)
    return held


def of_other_mixes(one: Lived, *, seeds: int) -> Held:
    """The matured part is as usual; the window has mostly rows from one end of a feature."""
    held = Held("UCI card clients, other mixes")
    for seed in range(seeds):
        generator = np.random.default_rng(1_000 + seed)
        order = generator.permutation(len(one.after))
        half = len(order) // 2
        before = [one.after.take(part) for part in np.array_split(order[:half], half // WINDOW)]
        for at, chosen in enumerate(_mixes(one.after.take(order[half:]), WINDOW, generator)):
            held.add(before, chosen, measured(one), seed=seed * 100 + at)
    return held


def weeks_of_other_mixes(one: Lived) -> Held:
    """From whole days, what a week would be in which mostly one kind of payment came."""
    held, first = Held("ULB, other mixes, labels 7 days late"), midnight(int(one.after.times[0]))
    wait = one.contract.target.known_after // DAY
    for week in range(21, 85, 7):
        now = first + week * DAY
        before = [one.after.between(now - at * DAY, now - (at - 1) * DAY) for at in range(wait + 21, wait, -1)]
        generator = np.random.default_rng(week)
        for at, chosen in enumerate(_mixes(one.after.between(now, now + 7 * DAY), 10_000, generator)):
            held.add(before, chosen, measured(one), seed=week * 100 + at)
    return held


def _mixes(rows: Judged, wanted: int, generator: np.random.Generator) -> Iterator[Judged]:
    """For up to twelve features a sample that has mostly one end of it."""
    names = [name for at, name in enumerate(rows.names) if len(np.unique(rows.X[:, at])) > 5]
    for at, name in enumerate(names[:12]):
        values = np.nan_to_num(rows.X[:, rows.names.index(name)])
        ranks = np.argsort(np.lexsort((generator.random(len(values)), values))) / len(values)
        weight = np.exp((4.0 if at % 2 else -4.0) * ranks)
        yield rows.take(generator.choice(len(rows), wanted, replace=False, p=weight / weight.sum()))


def together(title: str, kinds: Sequence[Held]) -> Held:
    """All windows of one set: one constant has to serve them all."""
    whole = Held(title)
    for one in kinds:
        for name in MEASURES:
            whole.inside[name] += one.inside[name]
            whole.width[name] += one.width[name]
            whole.off[name] += one.off[name]
    return whole


def _flipped(window: Judged) -> Judged:
    """In the riskier quarter what was a yes is now a no: equal inputs, another truth."""
    truth = window.truth.copy()
    risky = window.probability >= np.quantile(window.probability, 0.75)
    truth[risky] = 1 - truth[risky]
    return Judged(
        window.times, window.probability, window.decided, truth, window.arrived, window.X, window.names, {}, {}
    )


HEAD = (
    "windows", "measure", "number", "realised lies inside", "mean width", "width a constant guess needs", "of it",
)  # fmt: skip


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--data", type=Path, default=None)
    words.add_argument("--docs", type=Path, default=None)
    words.add_argument("--seeds", type=int, default=5)
    told = words.parse_args()
    data, began = shared(told.data), time.perf_counter()
    quick = {"bootstrap": 50, "threads": 2, "importance": "gain"}
    ulb = lived("ulb", data, until=ULB_TRAINED, settings={
        **quick, "split": "time", "train_days": 50, "test_days": 14, "threshold": "f1", "folds": 2,
        "params": {"num_iterations": 150, "num_leaves": 15},
    })  # fmt: skip
    credit = lived("credit_default", data, settings={
        **quick, "split": "hash", "validation": "stratified", "threshold": "cost", "cost_false_negative": 5.0,
        "params": {"num_iterations": 200, "learning_rate": 0.03, "num_leaves": 15, "min_data_in_leaf": 60},
    })  # fmt: skip
    of_ulb = [by_day(ulb), weeks_of_other_mixes(ulb)]
    of_credit = [in_random_order(credit, seeds=told.seeds), of_other_mixes(credit, seeds=told.seeds)]
    wholes = [together("**ULB, all**", of_ulb), together("**UCI card clients, all**", of_credit)]
    kinds = [*of_ulb, *of_credit, *wholes]
    control = in_random_order(credit, seeds=1, broken=True)
    rows = [row for item in (*kinds, control) for row in item.rows()]
    page = ["| " + " | ".join(row) + " |" for row in (HEAD, ["---"] * len(HEAD), *rows)]
    page += ["", f"{time.perf_counter() - began:.0f} s in all, training included."]
    print("\n".join(page))
    if told.docs is not None:
        write_into(told.docs, MARK, "\n".join(page))
    kept = all(float(np.mean(item.inside[name])) >= BOUND for item in kinds for name in MEASURES)
    missed = min(float(np.mean(control.inside[name])) for name in MEASURES) < 0.5
    narrower = all(item.narrower(name) for item in wholes for name in MEASURES)
    return 0 if kept and narrower and missed else 1


if __name__ == "__main__":
    sys.exit(main())

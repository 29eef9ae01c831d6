"""Real shifts, as they would have been raised: bank marketing by month, ULB's payments by day, labels seven days late.

    python -m benchmarks.outcomes.shifts [NAME …] [--data FOLDER] [--out build/shifts]

Each set is trained on its beginning, as the product trains, and looked at by every watch of outcomes at the end of each
week; with --inputs also by those of inputs, scores and volume at the end of each day. Writes NAME.png and NAME.json
into the output folder, and prints what was raised first.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.outcomes.public import Lived, Look, later, lived, midnight, shared

from holdfast.bundle.bins import season
from holdfast.contract.model import DAY
from holdfast.monitoring.catalog import WATCHES, looked
from holdfast.monitoring.counts import Counts
from holdfast.monitoring.expected import HOUR
from holdfast.monitoring.finding import Finding
from holdfast.monitoring.limits import Limits
from holdfast.monitoring.measured import performance
from holdfast.monitoring.reference import Bins
from holdfast.monitoring.seen import Skew

LATE = 7 * DAY
QUICK = {"bootstrap": 50, "threads": 2, "importance": "gain", "split": "time", "folds": 2}


@dataclass(frozen=True)
class Set:
    name: str
    until: datetime
    """Where training's part ends."""
    every: int
    """Days between two looks at outcomes."""
    slot: int
    """Days that are drawn together."""
    settings: dict[str, Any]


SETS = {
    "bank": Set("bank_marketing", datetime(2009, 1, 1, tzinfo=UTC), 7, 30, {
        **QUICK, "split": "hash", "validation": "stratified", "test_share": 0.3, "threshold": "f1",
        "params": {"num_iterations": 80, "num_leaves": 7},
    }),
    "ulb": Set("ulb", datetime(2018, 7, 1, tzinfo=UTC), 7, 1, {
        **QUICK, "train_days": 50, "test_days": 14, "threshold": "f1",
        "params": {"num_iterations": 150, "num_leaves": 15},
    }),
}  # fmt: skip


class Live(Look):
    """A look that sees inputs, scores and decisions as well, counted by the hour."""

    def __init__(self, one: Lived, now: int, counted: Counted) -> None:
        super().__init__(one, now)
        self.expected = counted.expected
        self._counted = counted

    def counts(self, start: int, end: int) -> Counts:
        return self._counted.between(start, min(end, self.now))

    def hours(self, start: int, end: int) -> Sequence[Counts]:
        return [self.counts(hour, hour + HOUR) for hour in range(start - start % HOUR, end, HOUR)]

    def volumes(self, start: int, end: int) -> Sequence[tuple[int, int]]:
        hours = range(max(self.first(), start - start % HOUR), end, HOUR)
        return [(hour, self.counts(hour, hour + HOUR).decisions) for hour in hours]

    def first(self) -> int:
        return self._counted.begin

    def service(self, start: int, end: int) -> Counts | None:
        return None

    def others(self, start: int, end: int) -> tuple[int, int]:
        return 0, 0

    def skew(self) -> Skew | None:
        return None


class Counted:
    """All decisions after training, counted once."""

    def __init__(self, one: Lived) -> None:
        after, bins = one.after, Bins.of(one.bundle)
        self.expected = bins.expected()
        self.begin = midnight(int(after.times[0]))
        self._bundle, self._shape = one.bundle, bins.layout.shape
        hours = (after.times - self.begin) // HOUR
        many = int(hours[-1]) + 1
        rows = np.column_stack([after.X, after.probability])
        self._cells = _running(bins.layout.count(rows, season(after.times), hours, many))
        self._n = _running(np.bincount(hours, minlength=many))
        self._positive = _running(np.bincount(hours[after.decided], minlength=many))

    def between(self, start: int, end: int) -> Counts:
        low, high = (int(np.clip((at - self.begin) // HOUR, 0, len(self._n) - 1)) for at in (start, end))
        return Counts(
            "1", self._bundle.contract.hash, start, end, self._bundle.hash, int(self._n[high] - self._n[low]),
            int(self._positive[high] - self._positive[low]), self._shape, self._cells[high] - self._cells[low],
        )  # fmt: skip


def _running(found: Any) -> Any:
    """Sums up to each hour, from 0 on."""
    total = np.zeros((len(found) + 1, *found.shape[1:]), np.int64)
    np.cumsum(found, axis=0, out=total[1:])
    return total


def watched(one: Lived, every: int, inputs: bool) -> list[tuple[int, list[Finding]]]:
    """What was found of outcomes at the end of every so many days; of inputs at the end of each day."""
    first, last = midnight(int(one.after.times[0])), midnight(int(one.after.times[-1])) + DAY
    counted = Counted(one) if inputs else None
    found = []
    for now in range(first + DAY, last + LATE, DAY):
        due = now > first + LATE and (now - first - LATE - DAY) % (every * DAY) == 0
        live = counted is not None and now <= last  # after that only outcomes still come
        watches = [watch for watch in WATCHES if (due if watch.pillar == "outcomes" else live)]
        if watches:
            look: Any = Look(one, now) if counted is None else Live(one, now, counted)
            found.append((now, looked(look, Limits(), watches)))
    return found


def slots(one: Lived, days: int) -> list[tuple[int, dict[str, Any]]]:
    """Realised performance of each stretch, as it turned out in the end."""
    first = midnight(int(one.after.times[0]))
    made = []
    for start in range(first, int(one.after.times[-1]), days * DAY):
        rows = one.after.between(start, start + days * DAY)
        if 5 <= int((rows.truth == 1).sum()) < len(rows) - 5:
            made.append((start + days * DAY // 2, performance(rows)))
    return made


def drawn(name: str, one: Lived, looks: list[tuple[int, list[Finding]]], days: int, out: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(4, 1, figsize=(11, 10), sharex=True, height_ratios=(3, 2, 2, 3), layout="constrained")
    seen = slots(one, days)
    when = [_date(at) for at, _ in seen]
    for axis, measure, title in ((axes[0], "roc_auc", "ROC-AUC"), (axes[1], "recall", "recall")):
        values = [found[measure].value for _, found in seen]
        low, high = ([getattr(found[measure], side) for _, found in seen] for side in ("low", "high"))
        axis.fill_between(when, low, high, alpha=0.2, color="tab:blue", lw=0)
        axis.plot(when, values, ".-", color="tab:blue", label="realised, in the end")
        told = [(now, item) for now, items in looks for item in items if item.code == "WATCH409" and item.evidence]
        for trusted, colour, word in ((True, "tab:green", "estimated"), (False, "tab:gray", "estimate not trusted")):
            some = [(now, item) for now, item in told if item.evidence["trusted"] is trusted]
            figures = [item.evidence["estimate"][measure] for _, item in some]
            centre = [item["value"] for item in figures]
            spread = [
                [item["value"] - item["low"] for item in figures],
                [item["high"] - item["value"] for item in figures],
            ]
            moments = [_date((item.since + now) // 2) for now, item in some]
            axis.errorbar(moments, centre, np.abs(spread), fmt="o", ms=3, lw=0.8, color=colour, label=word)
        axis.set_ylabel(title)
        reference = one.bundle.manifest.training["metrics"]["test"][measure]["value"]
        axis.axhline(reference, color="black", lw=0.8, ls=":", label="when it was trained")
    axes[0].axhline(Limits().least_auc, color="tab:red", lw=0.8, ls="--", label="least ROC-AUC")
    axes[0].legend(loc="lower left", fontsize=7, ncols=3)
    axes[2].plot(when, [found["positive_share"].value for _, found in seen], ".-", color="tab:purple")
    axes[2].axhline(one.bundle.profile["positive_share"], color="black", lw=0.8, ls=":")
    axes[2].set_ylabel("share of positives")
    rows = sorted(
        {(item.code, item.cause, item.feature) for _, items in looks for item in items if item.status == "alert"}
    )
    for at, key in enumerate(rows):
        moments = [
            _date(now) for now, items in looks if any(_key(item) == key and item.status == "alert" for item in items)
        ]
        axes[3].plot(moments, [at] * len(moments), "s", ms=4, color="tab:red")
    axes[3].set_yticks(range(len(rows)), [" ".join(part for part in key if part) for key in rows], fontsize=7)
    axes[3].set_ylim(-1, max(1, len(rows)))
    if not rows:
        axes[3].text(0.5, 0.5, "nothing was raised", transform=axes[3].transAxes, ha="center", va="center")
    axes[3].set_title("raised at the end of this day", fontsize=9, loc="left")
    axes[0].set_title(f"{name}: labels seven days late, {len(one.after):,} decisions after training", loc="left")
    figure.autofmt_xdate()
    figure.savefig(out / f"{name}.png", dpi=110)
    plt.close(figure)


def _key(item: Finding) -> tuple[str, str, str]:
    return (item.code, item.cause, item.feature)


def _day(now: int) -> str:
    """The day at whose end it was looked."""
    return _date(now - 1).date().isoformat()


def _date(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1e6, UTC).replace(tzinfo=None)


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("names", nargs="*", metavar="NAME", help=", ".join(SETS))
    words.add_argument("--data", type=Path, default=None)
    words.add_argument("--out", type=Path, default=Path("build/shifts"))
    words.add_argument("--inputs", action="store_true", help="look at inputs, scores and volume each day as well")
    told = words.parse_args()
    told.out.mkdir(parents=True, exist_ok=True)
    for name in told.names or SETS:
        began, chosen = time.perf_counter(), SETS[name]
        one = lived(chosen.name, shared(told.data), until=int(chosen.until.timestamp() * 1e6), settings=chosen.settings)
        one = later(one, LATE)
        looks = watched(one, chosen.every, told.inputs)
        drawn(name, one, looks, chosen.slot, told.out)
        raised: dict[str, dict[str, Any]] = {}
        for now, items in looks:
            for item in items:
                if item.status == "alert":
                    key = " ".join(part for part in _key(item) if part)
                    about = {"first": _day(now), "last": "", "why": item.why, "looks": 0}
                    told_of = raised.setdefault(key, about)
                    told_of["looks"] += 1
                    told_of["last"] = _day(now)
        (told.out / f"{name}.json").write_text(json.dumps({"looks": len(looks), "raised": raised}, indent=2))
        print(f"{name}: {len(looks)} looks, {time.perf_counter() - began:.0f} s, {told.out / name}.png")
        for key, first in raised.items():
            print(f"  {first['first']} to {first['last']} {key} ({first['looks']} looks): {first['why']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Our own look at so many features and predictions: what counting them cost while they were served, and the look."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from holdfast.bundle.bundle import Bundle
from holdfast.bundle.calibration import Calibration
from holdfast.bundle.load import load
from holdfast.bundle.pack import pack
from holdfast.bundle.predictors.linear import Term, linear_spec
from holdfast.bundle.threshold import Threshold
from holdfast.contract import Contract, Events, days, real, text, timestamp
from holdfast.monitoring.catalog import looked
from holdfast.monitoring.counts import Counts, total
from holdfast.monitoring.reference import Bins
from holdfast.training.profile import profile
from holdfast.training.rows import Rows

BEGIN = 1_767_225_600_000_000
DAY = 86_400_000_000
HOUR = DAY // 24
REFERENCE, CHUNK = 100_000, 100_000
LIVE_DAYS = 14


def ours_at_scale(features: int, rows: int) -> dict[str, Any]:
    """In a process of its own, so that the memory is its own."""
    line = [sys.executable, "-m", "benchmarks.watching.scale", str(features), str(rows)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode:
        return {"error": done.stderr[-200:]}
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def _bundle(features: int) -> Bundle:
    names = tuple(f"x{at:03d}" for at in range(features))
    fields: dict[str, Any] = {"id": text(), "at": timestamp(), **{name: real(nullable=True) for name in names}}
    events = Events("requests", id="id", time="at", fields=fields)
    label = events.label("bad", known_after=days(7), absent=False, final_after=days(14))
    made = Contract("scale", decide_on=events, label=label, features={name: events[name] for name in names})
    contract = made.freeze()
    chance = np.random.default_rng(0)
    X = chance.normal(size=(REFERENCE, features))
    times = np.sort(BEGIN - 1 - chance.integers(0, 60 * DAY, REFERENCE))
    p, y = chance.beta(1, 30, REFERENCE), (chance.random(REFERENCE) < 0.03).astype(np.int8)
    every = Rows(names=names, X=X, y=y, times=times, known=times + 7 * DAY, ids=np.arange(REFERENCE).astype(str))
    told = profile(contract, every, p, y, 0.5, times=times)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "bundle"
        name = pack(
            place, contract=contract, model=linear_spec([Term(weight=0.001, impute=0.0)] * features, -1.0),
            calibration=Calibration(), threshold=Threshold(0.5), golden_rows=X[:4], profile=told, environment="",
            card="", training={"run": "none"},
        )  # fmt: skip
        return load(place, expect=name)


class Counted:
    """A `Seen` of counts by minute."""

    def __init__(self, bundle: Bundle, bins: Bins, kept: dict[int, Counts]) -> None:
        self.bundle, self.expected, self.version = bundle, bins.expected(), "1"
        self.now = BEGIN + LIVE_DAYS * DAY
        self.memo: dict[str, Any] = {}
        self._hours: dict[int, list[Counts]] = {}
        for minute, found in kept.items():
            self._hours.setdefault(minute // HOUR * HOUR, []).append(found)
        self._summed = {hour: total(found, "1", hour, hour + HOUR) for hour, found in self._hours.items()}

    def counts(self, start: int, end: int) -> Counts:
        whole = [self._summed[hour] for hour in range(start // HOUR * HOUR, end, HOUR) if hour in self._summed]
        return total(whole, "1", start, end)

    def hours(self, start: int, end: int) -> Sequence[Counts]:
        return [self._summed[hour] for hour in range(start // HOUR * HOUR, end, HOUR) if hour in self._summed]

    def volumes(self, start: int, end: int) -> Sequence[tuple[int, int]]:
        found = range(max(BEGIN, start // HOUR * HOUR), end, HOUR)
        return [(hour, self._summed[hour].decisions if hour in self._summed else 0) for hour in found]

    def first(self) -> int:
        return BEGIN

    def decisions(self, start: int, end: int) -> int:
        return self.counts(start, end).decisions

    def service(self, start: int, end: int) -> None:
        return None

    def skew(self) -> None:
        return None

    def outcomes(self, start: int, end: int) -> None:
        return None


def main() -> None:
    features, rows = int(sys.argv[1]), int(sys.argv[2])
    bundle = _bundle(features)
    bins = Bins.of(bundle)
    chance, kept, counting = np.random.default_rng(1), dict[int, Counts](), 0.0
    for first in range(0, rows, CHUNK):
        many = min(CHUNK, rows - first)
        X, p = chance.normal(size=(many, features)), chance.beta(1, 30, many)
        at = np.arange(first, first + many) * (LIVE_DAYS * DAY // rows) + BEGIN
        began = time.perf_counter()
        for minute, found in bins.count("1", X, p, (p >= 0.5).astype(np.float64), at).items():
            kept[minute] = kept[minute] + found if minute in kept else found
        counting += time.perf_counter() - began
    seen = Counted(bundle, bins, kept)
    began = time.perf_counter()
    raised = [item for item in looked(seen) if item.status == "alert"]
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak_mb": peak, "counting": counting, "raised": len(raised)}))


if __name__ == "__main__":
    main()

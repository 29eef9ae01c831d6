"""How often the watch is wrong, and how soon it is right, at the same settings: ``python -m benchmarks.false_alarms``.

Ninety days without drift, with daily and weekly seasons, growth, weekends, customers who come often and days that
differ; a look each hour. Then incidents, one at a time, into the same traffic. Writes JSON to standard output's file.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from benchmarks.seasons import AT, BEGIN, DAY, HOUR, MINUTE, Change, Traffic, World

from holdfast.bundle.bins import Floats, Integers
from holdfast.monitoring.catalog import WATCHES, looked

VOLUMES = (1_000, 10_000, 100_000)
GRAIN = {300: 60, 1_000: 60, 10_000: 60, 100_000: 30}
"""Minutes that counts are kept by in ninety days, for memory's sake."""
FINE = {300: 30, 1_000: 10, 10_000: 2, 100_000: 1}
"""The same when an incident is timed; looks come as often."""
CLEAN_DAYS = 16
"""Before an incident, so that what is usual is known."""


@dataclass(frozen=True)
class Incident:
    name: str
    change: Change
    causes: tuple[str, ...]
    """Any of these, as the first alert, names it."""
    features: tuple[str, ...] = ()
    """Any of these, as that alert's feature; empty: none or any."""
    days: float = 3.0
    """How long it may go unseen."""


def _times(feature: str, by: float) -> Change:
    def change(X: Floats, times: Integers, rng: np.random.Generator) -> Floats:
        X[:, AT[feature]] *= by
        return X

    return change


def _fraud(X: Floats, times: Integers, rng: np.random.Generator) -> Floats:
    """A tenth of what comes are attempts: large, far away, at the merchants that are hit."""
    hit = rng.random(len(X)) < 0.1
    X[hit, AT["amount"]] = rng.lognormal(6.8, 0.5, int(hit.sum()))
    X[hit, AT["distance"]] = rng.lognormal(4, 0.5, int(hit.sum()))
    X[hit, AT["merchant"]] = 2 + rng.integers(30, 50, int(hit.sum()))
    return X


def _night(X: Floats, times: Integers, rng: np.random.Generator) -> Floats:
    """Half of what comes by day comes at night instead."""
    day = times - times % DAY
    moved = (rng.random(len(X)) < 0.5) & (times // HOUR % 24 >= 6)
    at = day + rng.integers(0, 6 * HOUR, len(X))
    X[:, -1] = np.where(moved, at, times)
    X[:, AT["hour"]] = X[:, -1].astype(np.int64) // HOUR % 24
    return X


def _words(X: Floats, times: Integers, rng: np.random.Generator) -> Floats:
    """Fifty merchants become two hundred: three in four rows have one that the vocabulary lacks."""
    X[rng.random(len(X)) < 0.75, AT["merchant"]] = 1
    return X


def new_words(X: Floats) -> Counter[tuple[str, str]]:
    count = int((X[:, AT["merchant"]] == 1).sum())
    words = np.random.default_rng(len(X)).integers(0, 150, count)
    return Counter(
        {("merchant", f"new{word}"): int(n) for word, n in zip(*np.unique(words, return_counts=True), strict=True)}
    )


def _nulls(X: Floats, times: Integers, rng: np.random.Generator) -> Floats:
    X[rng.random(len(X)) < 0.05, AT["amount"]] = np.nan
    return X


def _frozen(X: Floats, times: Integers, rng: np.random.Generator) -> Floats:
    X[:, AT["balance"]] = 812.5
    return X


def _filter(X: Floats, times: Integers, rng: np.random.Generator) -> Floats:
    return X[X[:, AT["age"]] >= 40]


def _swap(X: Floats, times: Integers, rng: np.random.Generator) -> Floats:
    X[:, [AT["distance"], AT["duration"]]] = X[:, [AT["duration"], AT["distance"]]]
    return X


def _zone(X: Floats, times: Integers, rng: np.random.Generator) -> Floats:
    X[:, AT["hour"]] = (X[:, AT["hour"]] + 5) % 24
    return X


def _code(X: Floats, times: Integers, rng: np.random.Generator) -> Floats:
    X[rng.random(len(X)) < 0.05, AT["balance"]] = -999
    return X


INCIDENTS = (
    Incident("amount x 2", _times("amount", 2), ("scale", "units"), ("amount",)),
    Incident("amount x 100", _times("amount", 100), ("units",), ("amount",)),
    Incident("distance x 1,000", _times("distance", 1_000), ("units",), ("distance",)),
    Incident("fraud spike, 10 %", _fraud, ("positive_spike",)),
    Incident("night shift", _night, ("night_shift",)),
    Incident("50 to 200 words", _words, ("vocabulary",), ("merchant",)),
    Incident("nulls 5 %", _nulls, ("nulls",), ("amount",)),
    Incident("frozen feature", _frozen, ("frozen",), ("balance",)),
    Incident("population filter", _filter, ("population",), ("age",)),
    Incident("swapped pair", _swap, ("swapped",), ("distance", "duration")),
    Incident("time zone + 5 h", _zone, ("time_zone",), ("hour",)),
    Incident("placeholder -999, 5 %", _code, ("placeholder",), ("balance",)),
)


def quiet(a_day: int, seed: int, days: int, codes: Sequence[str] = ()) -> dict[str, Any]:
    """One model through days without drift. An alert that lasts is one alert; it begins anew after a quiet day.

    `codes`: of the watches that look; all where none is named.
    """
    watches = [item for item in WATCHES if not codes or item.code in codes]
    began = time.perf_counter()
    traffic = Traffic(World(a_day, seed), days, grain=GRAIN[a_day])
    last: dict[tuple[str, str, str], int] = {}
    alarms: list[dict[str, Any]] = []
    for hour in range(1, days * 24 + 1):
        for item in looked(traffic.at(BEGIN + hour * HOUR), watches=watches):
            if item.status == "crashed":
                raise RuntimeError(item.why)
            if item.status == "alert":
                key = (item.code, item.cause, item.feature)
                if hour - last.get(key, -99) > 24:
                    alarms.append({"hour": hour, "code": item.code, "cause": item.cause, "why": item.why})
                last[key] = hour
    return {"a_day": a_day, "seed": seed, "days": days, "alarms": alarms, "seconds": time.perf_counter() - began}


def caught(a_day: int, seed: int, name: str) -> dict[str, Any]:
    """One incident: after how many predictions and minutes something was told, and after how many it was named."""
    incident = next(item for item in INCIDENTS if item.name == name)
    days = CLEAN_DAYS + round(incident.days) + 1
    since = BEGIN + CLEAN_DAYS * DAY + (0 if name == "night shift" else 9) * HOUR
    step = FINE[a_day]
    unknown = new_words if name == "50 to 200 words" else None
    traffic = Traffic(World(a_day, seed), days, grain=step, change=incident.change, since=since, unknown=unknown)
    found: dict[str, Any] = {"a_day": a_day, "seed": seed, "incident": name, "first": None, "named": None, "told": []}
    until = since + round(incident.days * DAY)
    now = since + step * MINUTE
    while now <= until:
        alerts = [item for item in looked(traffic.at(now)) if item.status == "alert"]
        rows, minutes = traffic.decisions(since, now), (now - since) // MINUTE
        if alerts and found["first"] is None:
            found["first"] = {"predictions": rows, "minutes": minutes, "cause": alerts[0].cause}
            found["told"] = [f"{item.code} {item.cause} {item.feature}" for item in alerts]
        if alerts and alerts[0].cause in incident.causes and (
            not incident.features or alerts[0].feature in incident.features
        ):  # fmt: skip
            found["named"] = {"predictions": rows, "minutes": minutes, "alerts": len(alerts), "why": alerts[0].why}
            break
        past = now - since
        now += step * MINUTE if past < 4 * HOUR else max(step * MINUTE, HOUR)
    return found


def _job(job: tuple[str, tuple[Any, ...]]) -> dict[str, Any]:
    kind, parts = job
    return quiet(*parts) if kind == "quiet" else caught(*parts)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seeds", type=int, default=20)
    asked.add_argument("--incident-seeds", type=int, default=3)
    asked.add_argument("--days", type=int, default=90)
    asked.add_argument("--volumes", type=int, nargs="*", default=list(VOLUMES))
    asked.add_argument("--watches", nargs="*", default=[], help="codes of those that look in days without drift")
    asked.add_argument("--workers", type=int, default=2)
    asked.add_argument("--out", default="")
    told = asked.parse_args()
    jobs: list[tuple[str, tuple[Any, ...]]] = [
        ("caught", (a_day, seed, item.name))
        for a_day in told.volumes
        for item in INCIDENTS
        for seed in range(told.incident_seeds)
    ]
    jobs += [("quiet", (a_day, seed, told.days, told.watches)) for a_day in told.volumes for seed in range(told.seeds)]
    results = []
    with ProcessPoolExecutor(told.workers) as pool:
        for done in pool.map(_job, jobs):
            results.append(done)
            print(json.dumps(done), file=sys.stderr, flush=True)
    print(table(results))
    if told.out:
        with open(told.out, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1)


def table(results: list[dict[str, Any]]) -> str:
    lines = ["| predictions a day | seeds × days | alarms | per model and quarter |", "| --- | --- | --- | --- |"]
    volumes = sorted({item["a_day"] for item in results})
    for a_day in volumes:
        own = [item for item in results if item["a_day"] == a_day and "alarms" in item]
        if own:
            alarms, days = sum(len(item["alarms"]) for item in own), sum(item["days"] for item in own)
            lines.append(f"| {a_day:,} | {len(own)} × {own[0]['days']} | {alarms} | {alarms / days * 90:.2f} |")
    lines += ["", "| incident | " + " | ".join(f"{a_day:,} a day" for a_day in volumes) + " |"]
    lines.append("| --- |" + " --- |" * len(volumes))
    for incident in INCIDENTS:
        cells = []
        for a_day in volumes:
            own = [item for item in results if item.get("incident") == incident.name and item["a_day"] == a_day]
            named = sorted(item["named"]["predictions"] for item in own if item["named"])
            first = sorted(item["first"]["predictions"] for item in own if item["first"])
            if not own:
                cells.append("")
            elif not named:
                cells.append(f"named 0 of {len(own)}; told {len(first)}")
            else:
                cells.append(f"{len(named)} of {len(own)}: told after {first[len(first) // 2]:,}, "
                             f"named after {named[len(named) // 2]:,}")  # fmt: skip
        lines.append(f"| {incident.name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()

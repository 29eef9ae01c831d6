"""What monitoring found over time: looks that found something new are kept, and days measured from the counts."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass
from typing import Any

from holdfast.monitoring.expected import DAY
from holdfast.monitoring.seen import Seen
from holdfast.monitoring.stretches import Stretch, weights_of
from holdfast.project.monitor import Report
from holdfast.project.project import Project

FILE = "history.jsonl"
MOST = 1_000
"""Looks that are shown."""
DAYS = 28


@dataclass(frozen=True)
class Day:
    """One day of event time. `psi` by feature, the score under its own name; empty where too few came."""

    start: int
    predictions: int
    positive: int
    psi: dict[str, float]


def keep(project: Project, report: Report) -> None:
    """Append a look, unless it found what the last one did."""
    told = [item for item in report.findings if item.status in ("alert", "explained", "crashed")]
    line = {
        "at": report.as_dict()["at"],
        "version": report.version,
        "predictions": report.predictions,
        "findings": [
            {
                "code": x.code,
                "status": x.status,
                "cause": x.cause,
                "feature": x.feature,
                "severity": x.severity,
                "why": x.why,
            }
            for x in told
        ],
    }
    last = next(iter(past(project)[-1:]), None)
    if last is not None and _same(last, line):
        return
    place = project.home / "monitor" / FILE
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")


def past(project: Project) -> list[dict[str, Any]]:
    """The looks that were kept, oldest first; a line cut off by a crash is passed over."""
    place = project.home / "monitor" / FILE
    if not place.exists():
        return []
    found: deque[dict[str, Any]] = deque(maxlen=MOST)
    with place.open(encoding="utf-8") as file:
        for line in file:
            try:
                found.append(json.loads(line))
            except ValueError:
                continue
    return list(found)


def days(seen: Seen, report: Report, count: int = DAYS) -> list[Day]:
    """The last days up to the look, each against what is expected of its hours."""
    from holdfast.monitoring.limits import Limits

    limits, end, found = Limits(), report.now, []
    for back in range(count, 0, -1):
        start = end - back * DAY
        counts = seen.counts(start, start + DAY)
        psi: dict[str, float] = {}
        if counts.decisions >= limits.least_predictions:
            stretch = Stretch("day", counts, weights_of(counts), seen.expected, limits)
            psi = dict(zip(seen.expected.names, (float(value) for value in stretch.middle), strict=True))
        found.append(Day(start, counts.decisions, counts.positive, psi))
    return found


def _same(first: dict[str, Any], second: dict[str, Any]) -> bool:
    def alerts(told: dict[str, Any]) -> list[tuple[str, str, str, str]]:
        return [(x["code"], x["status"], x["cause"], x["feature"]) for x in told["findings"]]

    return first["version"] == second["version"] and alerts(first) == alerts(second)

"""Two verdicts beside each other: which checks turned, which figures moved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from holdfast.checks.report.words import shown_status

LEAST_MOVE = 0.005
"""Relative; what moved by less is no news."""
MOST_FIGURES, MOST_OF_ONE = 40, 6
QUIET = frozenset(("seconds", "seed", "examples", "threshold_basis", "at"))
"""Keys whose figures are expected to differ and say nothing."""


@dataclass(frozen=True)
class Turned:
    """A check whose status is another, or that is asked now and was not, or the reverse (None)."""

    code: str
    title: str
    before: str | None
    now: str | None


@dataclass(frozen=True)
class Moved:
    """One figure of the evidence. `beyond` says that it left the interval it had, where it had one."""

    code: str
    figure: str
    before: float
    now: float
    beyond: bool

    @property
    def relative(self) -> float:
        return abs(self.now - self.before) / max(abs(self.before), abs(self.now), 1e-12)


def turned(now: Mapping[str, Any], before: Mapping[str, Any]) -> list[Turned]:
    """In the order in which they are asked."""
    mine = {item["code"]: item for item in now["checks"]}
    theirs = {item["code"]: item for item in before["checks"]}
    found = []
    for code in dict.fromkeys([*mine, *theirs]):
        new, old = mine.get(code), theirs.get(code)
        status, was = (None if item is None else shown_status(item) for item in (new, old))
        if status != was:
            found.append(Turned(code, (new or old or {})["title"], was, status))
    return found


def moved(now: Mapping[str, Any], before: Mapping[str, Any]) -> list[Moved]:
    """Those that moved most, relative to themselves, first; at most `MOST_FIGURES`, and `MOST_OF_ONE` of a check."""
    theirs = {item["code"]: item["evidence"] for item in before["checks"]}
    found: list[Moved] = []
    for item in now["checks"]:
        mine = []
        old = dict(_figures(theirs.get(item["code"], {})))
        for path, (value, _, _) in _figures(item["evidence"]):
            if path in old:
                was, low, high = old[path]
                beyond = low is not None and high is not None and not low <= value <= high
                change = Moved(item["code"], path, was, value, beyond)
                if change.relative >= LEAST_MOVE:
                    mine.append(change)
        found += sorted(mine, key=_news)[:MOST_OF_ONE]
    return sorted(found, key=_news)[:MOST_FIGURES]


def _news(change: Moved) -> tuple[bool, float]:
    return not change.beyond, -change.relative


Figure = tuple[float, float | None, float | None]


def _figures(evidence: Any, path: str = "") -> Iterator[tuple[str, Figure]]:
    """(path, (value, low, high)) of every number under names; lists are left alone, their places mean nothing."""
    if isinstance(evidence, bool):
        return
    if isinstance(evidence, (int, float)):
        yield path, (float(evidence), None, None)
    elif isinstance(evidence, Mapping):
        value = evidence.get("value")
        if {"value", "low", "high"} <= evidence.keys() and isinstance(value, (int, float)):
            yield path, (float(value), evidence["low"], evidence["high"])
            return
        for name, item in evidence.items():
            if name not in QUIET:
                yield from _figures(item, f"{path} › {name}" if path else str(name))

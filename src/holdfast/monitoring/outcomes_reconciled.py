"""WATCH410: did what was estimated turn out? Where it does not, equal inputs no longer mean the same: concept drift."""

from __future__ import annotations

from collections.abc import Iterator
from math import comb
from typing import Any

from holdfast.monitoring.finding import Finding
from holdfast.monitoring.foretold import LEVEL, MEASURES, Foretold
from holdfast.monitoring.limits import Limits
from holdfast.monitoring.matured import matured
from holdfast.monitoring.outcomes_estimated import past
from holdfast.monitoring.seen import Seen
from holdfast.monitoring.watch import Watch

CODE = "WATCH410"
FEWEST = 2
MEND = "do not rely on estimates until it is trained anew: holdfast retrain, on outcomes from after the change"
TRUE_LEVEL = 0.9
"""What an interval of `LEVEL` is held to: measured on public data it kept nine in ten and more."""
CHANCE = 0.01
"""Of so many weeks outside by chance: each week is one look, and they are reconciled only once."""


def look(seen: Seen, limits: Limits) -> Iterator[Finding]:
    view, weeks = matured(seen), past(seen)
    if view is None:
        yield Finding(CODE, "not_applicable", "none", "outcomes are not to be had here")
        return
    if len(weeks) < FEWEST:
        yield Finding(CODE, "too_few", "none", f"{len(weeks)} settled weeks had an estimate")
        return
    missed = {name: [item for item in weeks if name in item.missed] for name in MEASURES}
    worst = max(MEASURES, key=lambda name: len(missed[name]))
    evidence = {"level": LEVEL, "weeks": [_told(item) for item in weeks]}
    lowest = [item for item in missed[worst] if _below(item, worst)]
    why = f"in {len(missed[worst])} of {len(weeks)} settled weeks {worst} lay outside what was estimated"
    if len(lowest) >= FEWEST and _tail(len(lowest), len(weeks)) < CHANCE:
        last = lowest[-1]
        assert last.realised is not None
        why += f": {last.realised[worst].value:.3f} where {last.estimated[worst]} was"
        yield Finding(CODE, "alert", "concept_drift", why, MEND, worst, "high", evidence, lowest[0].start,
                      sum(item.rows for item in lowest))  # fmt: skip
    else:
        yield Finding(CODE, "ok", "none", why, evidence=evidence, since=weeks[0].start)


def _below(item: Foretold, name: str) -> bool:
    return item.realised is not None and item.realised[name].value < item.estimated[name].low


def _tail(count: int, of: int) -> float:
    """The chance of as many below, or more, at half of what is outside."""
    p = (1 - TRUE_LEVEL) / 2
    return sum(comb(of, k) * p**k * (1 - p) ** (of - k) for k in range(count, of + 1))


def _told(item: Foretold) -> dict[str, Any]:
    realised = {} if item.realised is None else {name: figure.value for name, figure in item.realised.items()}
    return {
        "from": item.start, "to": item.end, "estimated": {name: f.as_dict() for name, f in item.estimated.items()},
        "realised": realised, "missed": list(item.missed),
    }  # fmt: skip


WATCH = Watch(CODE, "outcomes", "What was estimated turned out", look)

"""GATE602: does the first reason survive a change smaller than a cent or a minute? Else it says nothing.

Amounts move by one unit of their scale, other numbers by at most a thousandth of their usual span, the event by up to a
minute earlier (later it would meet its own record); windows and features are computed again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.checks.check import EXPLAINABILITY, Answer, Check, failed, not_applicable, passed
from holdfast.checks.limits import Limits
from holdfast.checks.moved import changed, decided, features, numbers, span, within
from holdfast.checks.subject import Subject
from holdfast.explain.reasons import reasoner
from holdfast.features.columns import Column
from holdfast.features.history import Events
from holdfast.intervals import share
from holdfast.training.rows import Floats

MOST = 200
MINUTE = 60_000_000
SMALL = 0.001
"""Of a number's usual span, where it is no amount."""


def ask(subject: Subject, limits: Limits) -> Answer:
    tried = decided(subject, True, MOST)
    if not len(tried):
        return not_applicable("there is no refusal on rows it has not seen")
    chance = np.random.default_rng(subject.settings.seed)
    before = _firsts(subject, features(subject, tried.events))
    told: dict[str, Any] = {}
    for name, events in (
        ("a_cent", _a_cent(subject, tried.events, chance)),
        ("a_minute", _a_minute(subject, tried.events, chance)),
    ):
        after = _firsts(subject, features(subject, events))
        told[name] = share(sum(was == now for was, now in zip(before, after, strict=True)), len(before)).as_dict()
    evidence = {"decisions": len(tried), "of": tried.of, "kept": told}
    said = (
        f"of {len(tried)} refusals the first reason stays in {told['a_cent']['value']:.1%} if amounts move by a cent, "
        f"in {told['a_minute']['value']:.1%} a minute earlier"
    )
    if min(item["high"] for item in told.values()) < limits.least_first_reason_kept:
        mend = "group features that say the same (`group=` in the contract), fewer leaves, or monotone constraints"
        return failed(f"{said}; {limits.least_first_reason_kept:.0%} is wanted", mend, **evidence)
    return passed(said, **evidence)


def _firsts(subject: Subject, rows: Floats) -> list[str]:
    say = reasoner(subject.bundle)
    found = (say.because(row, positive=True, most=1).reasons for row in rows.tolist())
    return [reasons[0].group if reasons else "" for reasons in found]


def _a_cent(subject: Subject, events: Events, chance: np.random.Generator) -> Events:
    cells: dict[str, NDArray[Any]] = {}
    for field in numbers(subject):
        wide = span(subject, field.name)
        if field.type == "real":
            size: float = SMALL * wide
        else:
            size = 1 if field.type == "decimal" or SMALL * wide >= 1 else 0
        if size:
            values = events.cells[field.name].values
            cells[field.name] = within(field, values + chance.choice([-1, 1], len(events)) * size)
    return changed(events, cells)


def _a_minute(subject: Subject, events: Events, chance: np.random.Generator) -> Events:
    times = events.times - chance.integers(1, MINUTE, len(events))
    cells = dict(events.cells)
    name = events.source.time
    if name in cells:
        cells[name] = Column(times, None)
    return replace(events, times=times, cells=cells)


CHECK = Check("GATE602", EXPLAINABILITY, "The first reason is stable", ask)

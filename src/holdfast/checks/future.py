"""Some rows computed again with everything taken away that was not known at their time: do the bits stay?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from holdfast.checks.subject import Subject
from holdfast.contract.model import Contract

if TYPE_CHECKING:
    from holdfast.features.history import Events, Records

MOST = 40
"""Rows computed again; fewer where each has a long history to be computed from."""
WORK = 8_000_000
"""Events that may be looked through for them, in all."""


@dataclass(frozen=True)
class Future:
    """What taking the future away changed. `rows` 0: there was no history to compute from."""

    rows: int
    features: dict[str, str]
    """By feature, the id of the first row in which it changed."""

    def told(self) -> str:
        if not self.rows:
            return "no history is at hand to compute rows again without their future"
        return f"{self.rows} rows computed again without their future are the same, bit for bit"

    def as_dict(self) -> dict[str, Any]:
        return {"rows": self.rows, "changed": self.features}


def without_future(subject: Subject) -> Future:
    """Compare bits of the training table with the same rows from truncated records."""
    from holdfast.features.batch import build_from
    from holdfast.features.history import positions

    if subject.project is None:
        return Future(0, {})
    contract, records = subject.contract, subject.records
    events = records.events[contract.decide_on]
    wanted = _chosen(subject, _longest(contract), events)
    at = positions(subject.rows.ids[wanted].tolist(), events.ids)
    changed: dict[str, str] = {}
    compared = 0
    for row, place in zip(wanted.tolist(), at.tolist(), strict=True):
        if place < 0:
            continue
        past = _past(contract, records, int(events.times[place]))
        own = events.take(np.array([place]))
        made = build_from(contract, past, own).matrix[0]
        compared += 1
        apart = np.flatnonzero(made.view(np.uint64) != subject.rows.X[row].view(np.uint64))
        for feature in apart.tolist():
            changed.setdefault(subject.rows.names[feature], str(subject.rows.ids[row]))
    return Future(compared, changed)


def _chosen(subject: Subject, span: int, events: Events) -> NDArray[np.intp]:
    rows, chance = subject.rows, np.random.default_rng(subject.settings.seed)
    if not len(rows):
        return np.zeros(0, dtype=np.intp)
    whole = max(1, int(rows.times[-1]) - int(rows.times[0]))
    near = max(1.0, len(events) * min(1.0, span / whole))
    return np.sort(chance.permutation(len(rows))[: max(5, min(MOST, int(WORK / near)))])


def _longest(contract: Contract) -> int:
    """Microseconds before a decision that any of its windows reaches back."""
    return max((item.over + item.ending for item in contract.aggregates), default=0)


def _past(contract: Contract, records: Records, t: int) -> Records:
    """What was known before `t`, of the time that windows reach back to."""
    begin = t - _longest(contract)
    kept, places = {}, {}
    for name, events in records.events.items():
        low, high = np.searchsorted(events.times, (begin, t), "left")
        known = events.known[low:high] < t
        kept[name] = events.take(np.arange(low, high)[known])
        place = np.full(high - low, -1, dtype=np.int64)
        place[known] = np.arange(int(known.sum()))
        places[name] = (int(low), place)
    outcomes = {}
    for key, item in records.outcomes.items():
        low, place = places[key[0]]
        inside = np.flatnonzero((item.event >= low) & (item.event < low + len(place)) & (item.known < t))
        inside = inside[place[item.event[inside] - low] >= 0]
        outcomes[key] = replace(
            item,
            event=place[item.event[inside] - low],
            version=item.version[inside],
            value=item.value[inside],
            known=item.known[inside],
        )
    return replace(records, events=kept, outcomes=outcomes)

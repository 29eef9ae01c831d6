"""What an incident is measured by: one figure before, during and after, and whether its rise is gone.

A figure is counted from the ledger, or asked of the server; the higher, the worse.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from holdfast.project.incidents.stretch import Around, Part
from holdfast.project.project import Project

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from holdfast.bundle.bundle import Bundle
    from holdfast.ledger.records import Decision

FEWEST = 30
"""Requests, at least, for a share to say anything."""
REMAINS = 0.2
"""Share of the rise that may remain when it is called gone."""
CERTAIN = 1.96
"""Standard errors of what was usual that chance alone may add."""
BINS = 5


@dataclass(frozen=True)
class Reading:
    """A value, and of how many it is."""

    value: float | None
    of: int


@dataclass(frozen=True)
class Compared:
    """One figure over the three stretches."""

    figure: str
    what: str
    before: Reading
    during: Reading
    after: Reading

    @property
    def rose(self) -> bool:
        return self.verdict()[0] != "never rose"

    @property
    def gone(self) -> bool:
        return self.verdict()[0] == "gone"

    def verdict(self) -> tuple[str, str]:
        """``gone``, ``still there``, ``too few`` or ``never rose``, and why."""
        before, during, after = self.before, self.during, self.after
        if during.value is None:
            return "too few", f"{during.of} during it are too few to say anything"
        usual = before.value or 0.0
        chance = CERTAIN * sqrt(max(usual * (1 - usual), 0.0) / max(during.of, 1)) if usual <= 1 else 0.0
        if during.value <= usual + chance:
            return "never rose", f"{shown(during.value)} during it, {shown(usual)} before: this figure does not show it"
        if after.value is None:
            return "too few", f"{after.of} since then are too few to say anything: wait, then verify again"
        room = REMAINS * (during.value - usual)
        room += CERTAIN * sqrt(max(usual * (1 - usual), 0.0) / max(after.of, 1)) if usual <= 1 else 0.0
        told = f"{shown(usual)} before, {shown(during.value)} during it, {shown(after.value)} since, over {after.of:,}"
        return ("gone" if after.value <= usual + room else "still there"), told

    def as_dict(self) -> dict[str, Any]:
        word, why = self.verdict()
        return {**asdict(self), "verdict": word, "why": why, "gone": word == "gone"}


def shown(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4g}"


Figure = Callable[[Project, Around, "Bundle | None", int], tuple[Reading, Reading, Reading]]
"""The three readings, from traffic, the bundle that is live, and the instant of event time (µs UTC)."""


def _share(part: int, whole: int) -> Reading:
    return Reading(part / whole if whole >= FEWEST else None, whole)


def positive_share(project: Project, seen: Around, bundle: Bundle | None, now: int) -> tuple[Reading, Reading, Reading]:
    """Positive decisions that nobody looks at, of all decisions. What was usual: as before, else as in training."""

    def of(part: Part) -> Reading:
        acted = sum(item.decision and not item.review for item in part.decisions)
        return _share(acted, len(part.decisions))

    before = of(seen.before)
    if before.value is None and bundle is not None and "decision_share" in bundle.profile:
        before = Reading(float(bundle.profile["decision_share"]), int(bundle.profile["rows"]))
    return before, of(seen.during), of(seen.after)


def refused_share(project: Project, seen: Around, bundle: Bundle | None, now: int) -> tuple[Reading, Reading, Reading]:
    """Requests that got no answer because they were refused, of all."""

    def of(part: Part) -> Reading:
        return _share(len(part.refusals), len(part.refusals) + len(part.decisions))

    before = of(seen.before)
    # A server that refused nothing so far has no refusals to count before: nothing refused is what is usual.
    return (before if before.value is not None else Reading(0.0, before.of)), of(seen.during), of(seen.after)


def moved_inputs(project: Project, seen: Around, bundle: Bundle | None, now: int) -> tuple[Reading, Reading, Reading]:
    """How far the feature that moved most lies from where it was (PSI over fifths of before, chance taken off).

    Of those that say what is sent alone: windows go on holding what was wrong, and the clock moves by itself.
    """
    usual, during, after = (_sent(part, bundle) for part in (seen.before, seen.during, seen.after))

    def of(found: NDArray[np.float64]) -> Reading:
        if len(usual) < FEWEST or len(found) < FEWEST or usual.shape[1:] != found.shape[1:]:
            return Reading(None, len(found))
        return Reading(max((item for _, item in moves(usual, found)), default=0.0), len(found))

    return Reading(0.0, len(usual)), of(during), of(after)


def _sent(part: Part, bundle: Bundle | None) -> NDArray[np.float64]:
    """The features that are made of the request itself, its time left out."""
    found = matrix(part.decisions)
    if bundle is None or found.shape[1] != len(bundle.contract.features):
        return found
    time = bundle.contract.deciding.time
    kept = [
        at
        for at, item in enumerate(bundle.contract.features)
        if not any(node.op == "aggregate" or (node.op == "field" and node["name"] == time) for node in item.expr.walk())
    ]
    return found[:, kept] if kept else found


def missed_share(project: Project, seen: Around, bundle: Bundle | None, now: int) -> tuple[Reading, Reading, Reading]:
    """Of what turned out positive, what was decided negatively; by outcomes that have come."""
    truths = outcomes(project, bundle, now)

    def of(part: Part) -> Reading:
        real = [item for item in part.decisions if truths.get(item.event_id) == 1]
        return Reading(sum(not item.decision for item in real) / len(real) if len(real) >= 10 else None, len(real))

    return of(seen.before), of(seen.during), of(seen.after)


def matrix(decisions: Sequence[Decision]) -> NDArray[np.float64]:
    """Features (rows, features) of the decisions that have as many as the last one."""
    rows = [np.frombuffer(item.features, "<f8") for item in decisions]
    kept = [row for row in rows if len(row) == len(rows[-1])] if rows else []
    return np.vstack(kept) if kept else np.zeros((0, 0))


def moves(before: NDArray[np.float64], found: NDArray[np.float64]) -> list[tuple[int, float]]:
    """(place, PSI less what chance makes of it) of each feature, those that moved most first."""
    told = []
    for at in range(before.shape[1]):
        was, is_now = before[:, at], found[:, at]
        known = was[~np.isnan(was)]
        edges = np.unique(np.quantile(known, np.arange(1, BINS) / BINS)) if len(known) else np.zeros(0)
        counts = [_binned(column, edges) for column in (was, is_now)]
        p, q = (item / item.sum() for item in counts)
        # Twice what is expected of chance where nothing moved.
        noise = 2 * (len(p) - 1) * (1 / len(was) + 1 / len(is_now))
        told.append((at, max(0.0, float(((q - p) * np.log(q / p)).sum()) - noise)))
    return sorted(told, key=lambda pair: -pair[1])


def _binned(column: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Counts of null, then between the edges; half a value stands in each beforehand."""
    known = column[~np.isnan(column)]
    places = np.searchsorted(edges, known, side="left")
    counts = np.bincount(places, minlength=len(edges) + 1).astype(np.float64)
    return np.concatenate([[len(column) - len(known)], counts]) + 0.5


def outcomes(project: Project, bundle: Bundle | None, now: int) -> dict[str, int]:
    """What came of each event, by its id: the highest version of the label that has been told."""
    from holdfast.ledger.records import Outcome

    if bundle is None:
        return {}
    label, best = bundle.contract.target, dict[str, tuple[int, int]]()
    for record in project.reader.records():
        if not isinstance(record, Outcome) or (record.source, record.label) != (label.source, label.name):
            continue
        if record.version >= best.get(record.event_id, (-1, 0))[0]:
            best[record.event_id] = (record.version, record.value)
    return {event: value for event, (_, value) in best.items()}


FIGURES: dict[str, tuple[Figure, str]] = {
    "positive_share": (positive_share, "share of decisions that are positive and act by themselves"),
    "refused_share": (refused_share, "share of requests that are refused"),
    "moved_inputs": (moved_inputs, "how far the feature that moved most lies from where it was (PSI)"),
    "missed_share": (missed_share, "share of what turned out positive that was decided negatively"),
}
"""Those counted from the ledger. ``unanswered`` is asked of the server itself."""


def compare(project: Project, name: str, seen: Around, bundle: Bundle | None, now: int) -> Compared:
    figure, what = FIGURES[name]
    return Compared(name, what, *figure(project, seen, bundle, now))


def unanswered(during: bool, now: bool) -> Compared:
    """Whether the server answered, as looks at it found; one look says all."""
    what = "requests that would not be answered (1: the server is not ready)"
    return Compared("unanswered", what, Reading(0.0, 1), Reading(float(during), 1), Reading(float(now), 1))

"""Labels as points that add up: what was received, what was corrected, and what never came.

An event's first received label adds one point with its value; a later version that wins adds the difference of the
values. An event counts as absent from its deadline on unless a label had been received by the row's cut.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from holdfast.features.history import Events, Outcomes
from holdfast.features.kernel.limbs import Limbs
from holdfast.features.sorting import ranked
from holdfast.features.windows import Asking, Points

Ints = NDArray[np.int64]


@dataclass
class LabelPoints:
    """`events` of a series, and the points of their labels with `n` (1 for a first, 0 for a correction) and value."""

    events: Points
    points: Points
    n: Limbs
    value: Limbs

    def __post_init__(self) -> None:
        self._n = self.n.cumulative().padded()
        self._value = self.value.cumulative().padded()

    def received(self, asking: Asking, start: int, end: int) -> tuple[Ints, Ints]:
        """Events of [t − start, t − end) whose label has been received, and the sum of those labels."""
        window = self.points.window(asking, start, end)
        n = self.points.total(asking, window, self._n, self.n)
        value = self.points.total(asking, window, self._value, self.value)
        return n.limbs[0], value.limbs[0]

    def unreceived(self, asking: Asking, start: int, end: int) -> Ints:
        """Events of [t − start, t − end) whose label has not been received."""
        events = self.events.count(asking, self.events.window(asking, start, end))
        window = self.points.window(asking, start, end)
        return events - self.points.total(asking, window, self._n, self.n).limbs[0]


def label_points(points: Points, outcomes: Outcomes | None, events: Events, size: int) -> LabelPoints:
    """The label points of the events that are points of a series; `size` events there are in all."""
    place = np.full(size, -1, dtype=np.int64)
    place[points.at] = np.arange(len(points), dtype=np.int64)
    none = np.zeros(0, dtype=np.int64)
    if outcomes is None:
        outcomes = Outcomes(label=None, event=none, version=none, value=none, known=none)  # type: ignore[arg-type]  # no points, no label
    event, n, value, known = steps(outcomes)
    known = np.maximum(known, events.known[event])
    spot = place[event]
    order = np.argsort(spot, kind="stable")
    order = order[spot[order] >= 0]
    spot, event = spot[order], event[order]
    if len(spot) == len(points) and bool((spot == np.arange(len(points))).all()):
        same = known[order]
        own = (
            points
            if np.array_equal(same, points.known)
            else Points(points.codes, points.times, same, points.at, points.entities)
        )
    else:
        own = Points(points.codes[spot], points.times[spot], known[order], event, points.entities)
    return LabelPoints(points, own, Limbs.of(n[order]), Limbs.of(value[order]))


def steps(outcomes: Outcomes) -> tuple[Ints, Ints, Ints, Ints]:
    """(event, n, value, known) of each outcome that changes what its event's label is, as differences."""
    event, version, value, known = outcomes.event, outcomes.version, outcomes.value, outcomes.known
    if not len(event) or bool((event[1:] > event[:-1]).all()):  # one outcome each, already in order
        return event, np.ones(len(event), dtype=np.int64), value, known
    order = np.lexsort((version, known, event))
    event, version, value, known = event[order], version[order], value[order], known[order]
    first = np.append(True, event[1:] != event[:-1])
    # The highest version so far: ranked together with the event, so that no maximum reaches past its own event.
    levels, level = ranked(version)
    rank = np.cumsum(first) * (len(levels) + 1) + level
    highest = np.maximum.accumulate(rank)
    wins = first | np.append(True, highest[1:] > highest[:-1])
    event, value, known, first = event[wins], value[wins], known[wins], first[wins]
    change = value.copy()
    later = np.flatnonzero(~first)
    change[later] = value[later] - value[later - 1]
    return event, first.astype(np.int64), change, known

"""The stretches of traffic that a look judges: the last few decisions for what is sudden, hour, day, week for the rest.

Each is held against what the reference makes of the same hours of the day; what chance and the model's own natural
variation make of it is taken off before anything is called a shift.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from holdfast.monitoring.counts import Counts
from holdfast.monitoring.distance import Floats, chi_point, stability
from holdfast.monitoring.expected import DAY, HOUR, SEASONS, Expected
from holdfast.monitoring.limits import Limits
from holdfast.monitoring.seen import Seen

MINUTE = 60_000_000
LADDER = (0.25, 1.0, 5.0, 25.0)
"""Lengths of the short stretches, as shares of `fast_predictions`."""
SPANS = (("hour", HOUR), ("day", DAY), ("week", 7 * DAY))
QUARTER = 90 * DAY
OVERLAP = 4.0
"""Of looks that share most of what they see, about so many a stretch count as apart."""
FAMILIES = 16
"""Kinds of tests that share the budget of false alarms."""
LEVELS = (0.01, 0.02, 0.05, 0.1, 0.25)
FILLED = 5.0
"""Decisions expected in a group of cells, at least: chi-square holds no further down."""


@dataclass
class Stretch:
    """Decisions in [start, end), beside what is expected of them."""

    name: str
    """``last 200``, ``hour``, ``day``, ``week``."""
    counts: Counts
    weights: Floats
    """Share of its decisions by season."""
    expected: Expected
    limits: Limits
    tests: int = field(default=1)

    @property
    def n(self) -> int:
        return self.counts.decisions

    @property
    def start(self) -> int:
        return self.counts.start

    @property
    def days(self) -> float:
        return max(1 / 1440, (self.counts.end - self.counts.start) / DAY)

    @cached_property
    def found(self) -> Floats:
        """Counts of all cells, score last."""
        return self.counts.cells[: sum(self.counts.shape)].astype(np.float64)

    @cached_property
    def shares(self) -> Floats:
        """Expected shares of all cells."""
        return self.expected.mixed(self.weights)

    @cached_property
    def support(self) -> Floats:
        return self.expected.support(self.weights)

    def tail(self, tests: int) -> float:
        """What each of so many tests may err with, for the budget of the quarter to hold over all looks and watches."""
        looks = max(1.0, OVERLAP * QUARTER / DAY / self.days)
        return self.limits.false_alarms_a_quarter / (FAMILIES * (len(LADDER) + len(SPANS)) * max(1, tests) * looks)

    @cached_property
    def natural(self) -> Floats:
        """The index that each feature's natural variation adds on average in a stretch like this."""
        return self.expected.natural(self.days, self.n, self.limits.natural_psi)

    @cached_property
    def psi(self) -> Floats:
        """Population stability index of each feature, over groups of cells that are full enough; the score last."""
        return self._index[0]

    @cached_property
    def beyond(self) -> Floats:
        """What is left of it when what chance and natural variation may make of it is taken off."""
        psi, freedom = self._index
        tail = self.tail(len(psi))
        chance = np.array([chi_point(k, tail) for k in freedom]) * (1 / max(1, self.n) + 1 / self.support)
        return np.asarray(np.maximum(0.0, psi - chance - self.natural * chi_point(1, tail)))

    @cached_property
    def middle(self) -> Floats:
        """The index less what chance makes of it on average: where it is likely to lie."""
        psi, freedom = self._index
        mean = np.maximum(0, np.array(freedom)) * (1 / max(1, self.n) + 1 / self.support)
        return np.asarray(np.maximum(0.0, psi - mean))

    @cached_property
    def _index(self) -> tuple[Floats, list[int]]:
        wanted = FILLED / max(1, self.n)
        least = next((level for level in LEVELS if level >= wanted), LEVELS[-1])
        begins, features = self.expected.pooled(least)
        shares, found = np.add.reduceat(self.shares, begins), np.add.reduceat(self.found, begins)
        groups = np.diff(np.append(features, len(begins)))
        return stability(shares, found, features), [int(k) - 1 for k in groups]

    def cell(self, feature: int, cell: int) -> tuple[int, float]:
        """(count, expected share) of one cell of a feature."""
        at = int(self.expected.starts[feature]) + cell
        return int(self.found[at]), float(self.shares[at])

    def told(self) -> str:
        return f"the {self.name} decisions" if self.name.startswith("last") else f"the last {self.name}"


def stretches(seen: Seen, limits: Limits) -> list[Stretch]:
    """Those with enough decisions, the shortest first; none is nearly another one."""
    if "stretches" not in seen.memo:
        seen.memo["stretches"] = _stretches(seen, limits)
    found: list[Stretch] = seen.memo["stretches"]
    return found


def _stretches(seen: Seen, limits: Limits) -> list[Stretch]:
    ends = seen.now - seen.now % MINUTE
    furthest = max(ends - round(limits.most_fast_hours * HOUR), seen.first() - seen.first() % MINUTE)
    spans: list[tuple[str, int]] = []
    for share in LADDER:
        wanted = max(limits.least_predictions, round(share * limits.fast_predictions))
        start = _reaching(seen, ends, wanted, furthest)
        if start is not None:
            spans.append(("last", start))
    spans += [(name, ends - span) for name, span in SPANS]
    found: list[Stretch] = []
    for name, start in spans:
        counts = seen.counts(start, ends)
        if counts.decisions < limits.least_predictions or any(counts.decisions < 1.3 * item.n for item in found):
            continue
        label = f"last {counts.decisions:,}" if name == "last" else name
        found.append(Stretch(label, counts, weights_of(counts), seen.expected, limits))
    return found


def _reaching(seen: Seen, end: int, wanted: int, furthest: int) -> int | None:
    """The latest start, to the minute or a twentieth of the way, from which on there are so many decisions."""
    if seen.counts(furthest, end).decisions < wanted:
        return None
    span = MINUTE
    while end - span > furthest and seen.counts(end - span, end).decisions < wanted:
        span *= 2
    low, high = span // 2, min(span, end - furthest)
    while high - low > max(MINUTE, high // 20):
        middle = (low + high) // 2
        middle -= middle % MINUTE
        if middle <= low:
            break
        if seen.counts(end - middle, end).decisions >= wanted:
            high = middle
        else:
            low = middle
    return end - high


def weights_of(counts: Counts) -> Floats:
    """Share of the decisions of a stretch by season."""
    seasons = counts.seasons.astype(np.float64)
    return np.asarray(seasons / seasons.sum()) if seasons.sum() else np.full(SEASONS, 1 / SEASONS)


STRONG = 0.5
"""An index in the newest decisions that shows at once."""


def young(seen: Seen, limits: Limits) -> bool:
    """Whether a strong change is so new that only the newest decisions have it: its name will be known in a moment.

    A stretch that holds a little of it already shows that something is wrong, and not yet what. Where the decisions
    before them have a strong change as well, nothing is waited for: there is always something that came last.
    """
    pair = newest(seen, limits)
    if pair is None:
        return False
    new, old = pair
    strong, before = new.middle > STRONG + 10 * new.natural, old.middle > STRONG + 10 * old.natural
    return bool((strong & (old.middle < 0.15 * new.middle)).any() and not before.any())


def newest(seen: Seen, limits: Limits) -> tuple[Stretch, Stretch] | None:
    """The newest decisions, just enough to be judged, and some before them; None where there are not so many."""
    if "newest" not in seen.memo:
        looked = stretches(seen, limits)
        seen.memo["newest"] = None
        if looked and looked[0].name.startswith("last"):
            new = looked[0]
            start = _reaching(
                seen, new.start, limits.least_predictions, new.start - round(limits.most_fast_hours * HOUR)
            )
            if start is not None:
                counts = seen.counts(start, new.start)
                old = Stretch(f"last {counts.decisions:,}", counts, weights_of(counts), seen.expected, limits)
                seen.memo["newest"] = (new, old)
    found: tuple[Stretch, Stretch] | None = seen.memo["newest"]
    return found


def drifted(seen: Seen, limits: Limits) -> list[tuple[Stretch, int]]:
    """(stretch, feature) of each feature that drifts in a stretch and still does at its end; the shortest first."""
    if "drifted" not in seen.memo:
        found = []
        looked = stretches(seen, limits)
        for at, stretch in enumerate(looked):
            recent = [item for item in looked[:at] if item.n >= limits.fast_predictions][-1:]
            for feature in range(len(seen.expected.shapes) - 1):
                still = all(item.middle[feature] > limits.drift_psi / 2 for item in recent)
                if stretch.beyond[feature] > limits.drift_psi and still:
                    found.append((stretch, feature))
        seen.memo["drifted"] = found
    told: list[tuple[Stretch, int]] = seen.memo["drifted"]
    return told


def before(seen: Seen) -> Counts:
    """The fortnight that ended a day ago: what is usual of things that training says nothing of."""
    if "before" not in seen.memo:
        end = seen.now - seen.now % MINUTE - DAY
        seen.memo["before"] = seen.counts(end - 14 * DAY, end)
    found: Counts = seen.memo["before"]
    return found


def usual(seen: Seen, count: int) -> float:
    """What share a count of `before` was; 0 where too little was seen to say."""
    rows = before(seen).decisions
    return count / rows if rows >= 200 else 0.0


def suspected(seen: Seen, limits: Limits) -> list[tuple[Stretch, int]]:
    """As `drifted`; then the same features in shorter stretches, which may hold nothing but the change."""
    sure = drifted(seen, limits)
    features = dict.fromkeys(feature for _, feature in sure)
    more = [
        (stretch, feature)
        for stretch in stretches(seen, limits)
        for feature in features
        if stretch.n >= limits.fast_predictions and stretch.middle[feature] > limits.drift_psi
    ]
    return [*sure, *(pair for pair in more if not any(pair[0] is x and pair[1] == y for x, y in sure))]

"""How groups fare: favourable decisions, true and false positive rates, and how true the probabilities are in each.

A figure comes with an interval that holds for all pairs of groups, measures and groupings together (Bonferroni): among
many none is accused by chance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.checks.groups import Grouping
from holdfast.checks.limits import Limits
from holdfast.checks.subject import Subject
from holdfast.intervals import Interval, deviations, gap, ratio, share

Pair = tuple[int, int]
MEASURES = 4
FEWEST = 10
"""Rows of a class in a group, at least, for its rate to be compared."""


@dataclass(frozen=True)
class Group:
    """One group on the test rows. Where a figure is compared, it is with the group that has the most of it."""

    name: str
    rows: int
    positives: int
    judged: bool
    favourable: Interval
    impact_ratio: Interval | None = None
    true_positive_rate: Interval | None = None
    true_positive_gap: Interval | None = None
    false_positive_rate: Interval | None = None
    false_positive_gap: Interval | None = None
    calibration: Interval | None = None
    """Mean probability less share of positives, beyond what it is for all rows."""

    def as_dict(self) -> dict[str, Any]:
        shape: dict[str, Any] = {}
        for name, value in vars(self).items():
            shape["group" if name == "name" else name] = value.as_dict() if isinstance(value, Interval) else value
        return shape


@dataclass(frozen=True)
class Fared:
    """How the groups of one grouping fared."""

    name: str
    groups: tuple[Group, ...]
    unknown: int
    """Test rows whose group is not known."""

    @property
    def judged(self) -> tuple[Group, ...]:
        return tuple(group for group in self.groups if group.judged)

    def as_dict(self) -> dict[str, Any]:
        return {"by": self.name, "unknown": self.unknown, "groups": [group.as_dict() for group in self.groups]}


def fared(subject: Subject, grouping: Grouping, limits: Limits, groupings: int = 1) -> Fared:
    """On the rows the version has not seen; `groupings` is how many are looked at together."""
    test, probability = subject.split.test, subject.test_probability
    said = probability >= subject.bundle.threshold.value
    wished = said if limits.favourable == "positive" else ~said
    code, truth = grouping.code[test.index], test.y == 1
    inside = {at: code == at for at in np.unique(code).tolist() if at >= 0}
    judged = {at: mask for at, mask in inside.items() if int(mask.sum()) >= limits.least_group_rows}
    # The group with the most is chosen by the same rows: so every pair counts as compared.
    pairs = max(1, len(judged) * (len(judged) - 1) // 2)
    level = 1 - 0.05 / (pairs * MEASURES * groupings)
    wished_of = {at: (int((wished & mask).sum()), int(mask.sum())) for at, mask in judged.items()}
    ratios = _against_most(wished_of, level, ratio)
    rates: dict[str, dict[int, Interval]] = {}
    gaps: dict[str, dict[int, Interval]] = {}
    for name, of in (("true", truth), ("false", ~truth)):
        counts = {at: (int((said & of & mask).sum()), int((of & mask).sum())) for at, mask in judged.items()}
        rates[name] = {at: share(*pair) for at, pair in counts.items()}
        enough = {at: pair for at, pair in counts.items() if pair[1] >= FEWEST}
        gaps[name] = _against_most(enough, level, gap)
    apart = probability - truth
    groups = tuple(
        Group(
            name=grouping.words[at],
            rows=int(mask.sum()),
            positives=int((truth & mask).sum()),
            judged=at in judged,
            favourable=share(int((wished & mask).sum()), int(mask.sum())),
            impact_ratio=ratios.get(at),
            true_positive_rate=rates["true"].get(at),
            true_positive_gap=gaps["true"].get(at),
            false_positive_rate=rates["false"].get(at),
            false_positive_gap=gaps["false"].get(at),
            calibration=_mean(apart[mask], float(apart.mean()), level) if at in judged else None,
        )
        for at, mask in inside.items()
    )
    return Fared(grouping.name, groups, int((code < 0).sum()))


def beyond(found: Fared, limits: Limits) -> list[str]:
    """What lies beyond a limit with its whole interval, in words."""
    told = []
    for group in found.judged:
        head = f"{found.name} {group.name}"
        impact = group.impact_ratio
        if impact is not None and impact.high < limits.least_impact_ratio:
            told.append(f"{head}: {_of(impact)} of the favourable decisions of the group with the most")
        for name, below in (("true", group.true_positive_gap), ("false", group.false_positive_gap)):
            if below is not None and below.low > limits.most_rate_gap:
                told.append(f"{head}: a {name} positive rate {_of(below)} below the group with the most")
        apart = group.calibration
        far = limits.most_group_calibration
        if apart is not None and (apart.low > far or apart.high < -far):
            told.append(f"{head}: probabilities off by {_of(apart)} beyond what they are for all")
    return told


def _against_most(
    counts: dict[int, Pair], level: float, compare: Callable[[Pair, Pair, float], Interval]
) -> dict[int, Interval]:
    """Each group's share against the largest one; that one itself is left out."""
    if len(counts) < 2:
        return {}
    most = max(counts, key=lambda at: (counts[at][0] / counts[at][1], counts[at][1]))
    return {at: compare(counts[at], counts[most], level) for at in counts if at != most}


def _mean(values: NDArray[np.float64], whole: float, level: float) -> Interval:
    middle = float(values.mean()) - whole
    wide = deviations(level) * float(values.std(ddof=1)) / sqrt(len(values)) if len(values) > 1 else 1.0
    return Interval(middle, middle - wide, middle + wide)


def _of(found: Interval) -> str:
    return f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f})"

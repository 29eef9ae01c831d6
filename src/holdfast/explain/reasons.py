"""The reasons of a decision: at most four groups of features, ranked against a stated population, in words.

A group's distance is what it added to the raw score less what it adds on average in the reference population; the
distances of all groups add up to the score less the population's mean score. Near ties are told in the contract's own
order, so that a hair's breadth does not change which reason stands first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from weakref import WeakKeyDictionary

from holdfast.bundle.bundle import Bundle
from holdfast.explain.because import Because, Reason
from holdfast.explain.groups import Group, groups_of
from holdfast.explain.words import compile_reason

MOST = 4
"""Reasons that are told: more do not help (Regulation B's commentary, 12 CFR 1002.9(b)(2), suggests this many)."""

NEAR = 0.05
"""Share of the larger distance within which two groups are a near tie, told in the contract's order."""

LEAST = 0.01
"""Share of all that spoke for the decision below which a group is no principal reason."""


def ranked(distances: Sequence[float], most: int = MOST, near: float = NEAR) -> list[int]:
    """Positions of the largest positive distances, first reason first.

    Each place goes to the earliest position among those within `near` of the largest that is left.
    """
    total = sum(item for item in distances if item > 0.0)
    left = [at for at, item in enumerate(distances) if item > 0.0 and item >= LEAST * total]
    chosen: list[int] = []
    while left and len(chosen) < most:
        bound = max(distances[at] for at in left) * (1.0 - near)
        first = next(at for at in left if distances[at] >= bound)
        left.remove(first)
        chosen.append(first)
    return chosen


class Reasoner:
    """The reasons of one bundle's decisions. Any thread may call; the same row gives the same bits and words."""

    def __init__(self, bundle: Bundle) -> None:
        self._names = bundle.features
        self._contributions = bundle.predictor.contributions
        reference = bundle.reference
        count = len(bundle.features)
        self.groups: tuple[Group, ...] = groups_of(bundle.contract)
        self.against = "" if reference is None else reference.population
        usual: Sequence[float | None] = (float("nan"),) * count if reference is None else reference.usual
        features = bundle.contract.features
        self._say = [
            compile_reason(bundle.contract, item, middle) for item, middle in zip(features, usual, strict=True)
        ]
        self._means: Sequence[float] = (0.0,) * count if reference is None else reference.contributions
        self._sums = [_summed(group.members) for group in self.groups]
        self._reference = [add(self._means) for add in self._sums]

    def because(self, row: Sequence[float], positive: bool, most: int = MOST) -> Because:
        """At most `most` (and never more than four) reasons for the decision as it came out.

        `positive`: what raised the score; else what lowered it.
        """
        most = min(most, MOST)
        parts = self._contributions(row)
        sums = [add(parts) for add in self._sums]
        sign = 1.0 if positive else -1.0
        distances = [sign * (own - mean) for own, mean in zip(sums, self._reference, strict=True)]
        reasons = tuple(self._reason(at, row, parts, sums[at], sign) for at in ranked(distances, most))
        return Because(self.against, most, reasons)

    def grouped(self, parts: Sequence[float]) -> list[tuple[Group, float, float]]:
        """Each group with what it contributed and its mean in the reference population (0 without one)."""
        sums = (add(parts) for add in self._sums)
        return list(zip(self.groups, sums, self._reference, strict=True))

    def _reason(self, group: int, row: Sequence[float], parts: Sequence[float], own: float, sign: float) -> Reason:
        members = self.groups[group].members
        apart = [sign * (parts[at] - self._means[at]) for at in members]
        lead = members[apart.index(max(apart))]
        value = row[lead]
        return Reason(
            self.groups[group].name, self._names[lead], value, own, self._reference[group], self._say[lead](value)
        )


def reasoner(bundle: Bundle) -> Reasoner:
    """The bundle's reasoner, made once."""
    found = _made.get(bundle)
    if found is None:
        found = _made[bundle] = Reasoner(bundle)
    return found


_made: WeakKeyDictionary[Bundle, Reasoner] = WeakKeyDictionary()


def _summed(members: tuple[int, ...]) -> Callable[[Sequence[float]], float]:
    """The sum of these positions, from the first to the last."""
    if len(members) == 1:
        return itemgetter(members[0])
    pick = itemgetter(*members)

    def add(parts: Sequence[float]) -> float:
        total = 0.0
        for item in pick(parts):
            total += item
        return total

    return add

"""The smallest change of what a person can change that would have turned a refusal.

Only fields that the contract marks `changeable` are touched, within their bounds, their scale and their direction;
features follow through the real row kernel. Every claim was scored: what is answered flips the decision. Smallest
means fewest fields, then the least distance, each field's measured in its usual spread. The search is the same every
time and ends after a fixed number of scorings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from math import comb, inf, isqrt, prod

from holdfast.contract.model import Cell, Field
from holdfast.explain.steps import Move, Steps

BUDGET = 3_000
"""Scorings of one search: about a third of a second."""

PAIRED = 8
"""Fields that are tried in pairs: those that help most alone."""

Probability = Callable[[Sequence[Cell]], float]
Cells = tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """What a search came to. `cells` flip the decision; None: `complete` says whether that proves there are none."""

    cells: Cells | None
    changed: tuple[int, ...]
    """Positions of the changed fields."""
    probability: float
    """At `cells`; without, the lowest that was seen."""
    distance: float
    tried: int
    complete: bool


class _Enough(Exception):  # noqa: N818 — an end, not a fault
    """The budget is spent."""


class _Search:
    def __init__(self, cells: Cells, probability: Probability, threshold: float, steps: Mapping[int, Steps]) -> None:
        self.start = cells
        self.steps = steps
        self.threshold = threshold
        self._probability = probability
        self._seen: dict[Cells, float] = {}
        self.budget = BUDGET
        self.best: tuple[float, Cells] = (inf, cells)

    def at(self, moves: Mapping[int, Cell]) -> float:
        """The probability with these cells put in. Raises _Enough."""
        cells = list(self.start)
        for position, cell in moves.items():
            cells[position] = cell
        key = tuple(cells)
        known = self._seen.get(key)
        if known is None:
            if len(self._seen) >= self.budget:
                raise _Enough
            known = self._seen[key] = self._probability(key)
            if known < self.best[0]:
                self.best = (known, key)
        return known

    @property
    def tried(self) -> int:
        return len(self._seen)

    def nearest_flip(self) -> dict[int, Cell] | None:
        """The smallest change among all that was scored."""
        flips = [
            {at: cell for at, cell in enumerate(key) if cell != self.start[at]}
            for key, value in self._seen.items()
            if value < self.threshold
        ]
        return min(flips, key=lambda moves: (len(moves), self.distance(moves))) if flips else None

    def flips(self, moves: Mapping[int, Cell]) -> bool:
        return self.at(moves) < self.threshold

    def distance(self, moves: Mapping[int, Cell]) -> float:
        return sum(self.steps[position].distance(cell) for position, cell in moves.items())

    def shrunk(self, moves: Mapping[int, Cell]) -> dict[int, Cell]:
        """The same flip with less: fields put back where they are not needed, the others moved towards the start."""
        kept = dict(moves)
        for position in sorted(kept, key=lambda at: -self.steps[at].distance(kept[at])):
            without = {at: cell for at, cell in kept.items() if at != position}
            if without and self.flips(without):
                kept = without
        for _ in range(2):
            for position in sorted(kept, key=lambda at: -self.steps[at].distance(kept[at])):
                steps = self.steps[position]
                near, far = steps.start, kept[position]
                while (middle := steps.between(near, far)) is not None:
                    if self.flips({**kept, position: middle}):
                        far = middle
                    else:
                        near = middle
                kept[position] = far
        return kept


def search(
    cells: Sequence[Cell],
    fields: Sequence[Field],
    probability: Probability,
    threshold: float,
    spreads: Mapping[str, Move],
) -> Found:
    """The smallest change of changeable fields after which ``probability(cells) < threshold``.

    `cells` follow `fields`, the deciding source's; `spreads` says of fields by name how they usually lie.
    """
    steps = {
        at: Steps(field, cells[at], spreads.get(field.name)) for at, field in enumerate(fields) if field.changeable
    }
    steps = {at: item for at, item in steps.items() if item.cells}
    run = _Search(tuple(cells), probability, threshold, steps)
    whole = bool(steps) and all(item.whole for item in steps.values())
    whole = whole and prod(len(item.cells) + 1 for item in steps.values()) <= BUDGET
    chosen: dict[int, Cell] | None = None
    complete = not steps
    try:
        if whole:
            chosen, complete = _everything(run), True
        elif steps:
            chosen = _alone(run) or _paired(run) or _climbed(run)
    except _Enough:
        # What was found before the end is still right; without it, the search ended early.
        chosen = run.nearest_flip()
    if chosen is None:
        lowest = run.best[0] if run.tried else probability(tuple(cells))
        return Found(None, (), lowest, 0.0, run.tried, complete)
    made = list(cells)
    for position, cell in chosen.items():
        made[position] = cell
    return Found(tuple(made), tuple(sorted(chosen)), run.at(chosen), run.distance(chosen), run.tried, complete)


def _everything(run: _Search) -> dict[int, Cell] | None:
    """Every combination, fewest fields first, then the nearest."""
    positions = sorted(run.steps)
    for count in range(1, len(positions) + 1):
        flips = [
            moves
            for group in combinations(positions, count)
            for values in product(*(run.steps[at].cells for at in group))
            if run.flips(moves := dict(zip(group, values, strict=True)))
        ]
        if flips:
            return min(flips, key=run.distance)
    return None


def _alone(run: _Search) -> dict[int, Cell] | None:
    """One field: each direction is walked outwards to its first flip, which is then drawn near."""
    found: list[dict[int, Cell]] = []
    for position, steps in sorted(run.steps.items()):
        for path in steps.paths:
            for cell in path:
                if run.flips({position: cell}):
                    found.append(run.shrunk({position: cell}))
                    break
    return min(found, key=run.distance) if found else None


def _paired(run: _Search) -> dict[int, Cell] | None:
    """Two fields: those that help most alone, a few steps of each."""
    useful = {at: _useful(run, at) for at in run.steps}
    helping = [at for at in useful if useful[at]]
    order = sorted(helping, key=lambda at: min(run.at({at: cell}) for cell in useful[at]))[:PAIRED]
    if len(order) < 2:
        return None
    each = isqrt(run.budget // 2 // comb(len(order), 2))
    short = {at: sorted(useful[at][:each], key=run.steps[at].distance) for at in order}
    found: list[dict[int, Cell]] = []
    for first, second in combinations(order, 2):
        flips = [
            moves
            for one, other in product(short[first], short[second])
            if run.flips(moves := {first: one, second: other})
        ]
        if flips:
            found.append(run.shrunk(min(flips, key=run.distance)))
    return min(found, key=run.distance) if found else None


def _climbed(run: _Search) -> dict[int, Cell] | None:
    """As many as it takes: always the step that lowers the probability most, until it flips or nothing helps."""
    moves: dict[int, Cell] = {}
    now = run.at({})
    while len(moves) < len(run.steps):
        tries = [
            {**moves, position: cell}
            for position, steps in sorted(run.steps.items())
            if position not in moves
            for cell in steps.cells
        ]
        best = min(tries, key=run.at)
        if run.at(best) >= now:
            return None
        moves, now = best, run.at(best)
        if now < run.threshold:
            return run.shrunk(moves)
    return None


def _useful(run: _Search, position: int) -> list[Cell]:
    """A field's steps that lower the probability, the most effective first."""
    level = run.at({})
    useful = [cell for cell in run.steps[position].cells if run.at({position: cell}) < level]
    return sorted(useful, key=lambda cell: (run.at({position: cell}), run.steps[position].distance(cell)))

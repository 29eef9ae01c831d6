"""Which simple change of training would look like what came: a factor, another feature's values, another hour."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from holdfast.bundle.bins import outer_of
from holdfast.monitoring.distance import Floats, stability
from holdfast.monitoring.expected import Expected, Shape
from holdfast.monitoring.stretches import Stretch

UNITS = (100.0, 0.01, 1_000.0, 0.001, 10.0, 0.1, 60.0, 1 / 60, 3_600.0, 1 / 3_600, 1e6, 1e-6)
BETTER = 0.25
"""A change explains a drift when no more than this share of it is left, beside what chance makes."""
UNLIKE = 0.3
"""Share of values whose size may be another than a factor would have made it."""
ZEROS = 0.05
"""Share of values that may have become nothing, or no more be nothing: no factor does that."""
WELL = 0.1
"""And no more than this, as an index, in any case."""


@dataclass(frozen=True)
class Fit:
    factor: float
    before: float
    after: float
    unit: bool


def cumulated(stretch: Stretch, feature: int) -> tuple[Floats, Floats]:
    """(edges, share of the given values below each) of a number as it is expected at these hours."""
    shape = stretch.expected.shapes[feature]
    inside = stretch.shares[stretch.expected.cells(shape.name)][1:]
    return np.asarray(shape.edges), np.concatenate([[0.0], np.cumsum(inside) / max(1e-12, float(inside.sum()))])


def below(stretch: Stretch, feature: int, points: Floats) -> Floats:
    """Share of the expected values below each point; within a bin by its logarithm where all are positive."""
    edges, share = cumulated(stretch, feature)
    if edges[0] > 0:
        return np.interp(np.log(np.maximum(points, 1e-300)), np.log(edges), share, 0.0, 1.0)
    positive = edges > 0
    if positive.sum() >= 2:
        low = float(share[positive][0])
        logs = np.interp(np.log(np.maximum(points, 1e-300)), np.log(edges[positive]), share[positive], low, 1.0)
        return np.where(points >= edges[positive][0], logs, np.interp(points, edges, share, 0.0, 1.0))
    return np.interp(points, edges, share, 0.0, 1.0)


def outer(stretch: Stretch, feature: int) -> Floats:
    """Counts of a number's given values: far below all of training, by bin, far above all of training."""
    shape = stretch.expected.shapes[feature]
    found = stretch.found[stretch.expected.cells(shape.name)][1:].copy()
    low, high = float(stretch.counts.below[feature]), float(stretch.counts.above[feature])
    found[0] -= low
    found[-1] -= high
    return np.concatenate([[low], np.maximum(found, 0.0), [high]])


def apart(shares: Floats, found: Floats) -> float:
    """Index of found counts against shares, over neighbouring groups that are full enough, less chance's mean."""
    n = float(found.sum())
    least = max(0.02, 5 / max(1.0, n))
    both = shares + found / max(1.0, n)
    begins, held = [0], 0.0
    for cell in range(len(shares)):
        if held >= least:
            begins.append(cell)
            held = 0.0
        held += float(both[cell]) / 2
    if held < least and len(begins) > 1:
        begins.pop()
    groups = np.array(begins, dtype=np.int64)
    p, c = np.add.reduceat(shares, groups), np.add.reduceat(found, groups)
    p = np.maximum(p, 1e-4) / np.maximum(p, 1e-4).sum()
    value = float(stability(p, c, np.array([0], dtype=np.int64))[0])
    return max(0.0, value - (len(begins) - 1) / max(1.0, n))


def numeric(shape: Shape) -> bool:
    return len(shape.edges) >= 4 and shape.kind != "category"


def factor(stretch: Stretch, feature: int) -> Fit | None:
    """The factor by which training would have to be multiplied to look like this; None where none explains it."""
    shape = stretch.expected.shapes[feature]
    if not numeric(shape):
        return None
    found = outer(stretch, feature)
    before = apart(_scaled(stretch, feature, 1.0), found)
    if before <= WELL:
        return None  # what there is lies as it did: it is nulls that came, or went
    fits = [(apart(_scaled(stretch, feature, by), found), by) for by in UNITS]
    good = [(after, by) for after, by in fits if after < max(BETTER * before, 0.02) and after < WELL]
    if good:
        moved = octaves_moved(stretch, feature)
        best = min(after for after, _ in good)
        near = [(after, by) for after, by in good if after <= best + 0.05]  # UNITS begins with the likeliest
        after, by = near[0] if moved is None else min(near, key=lambda pair: abs(np.log2(pair[1]) - moved))
        if (moved is None or abs(np.log2(by) - moved) < 1.0) and sizes_fit(stretch, feature, by):
            return Fit(by, before, after, True)
    grid = [float(by) for by in np.exp(np.linspace(np.log(1 / 12), np.log(12), 95)) if abs(np.log(by)) > 0.25]
    after, by = min((apart(_scaled(stretch, feature, by), found), by) for by in grid)
    if after < BETTER * before and after < WELL and sizes_fit(stretch, feature, by):
        return Fit(by, before, after, False)
    return None


def sizes_fit(stretch: Stretch, feature: int, by: float) -> bool:
    """Whether sizes are those of training times `by`: where most lies beyond training's edges, bins would say so of
    anything. True where the bundle has not kept sizes.
    """
    found = outer(stretch, feature)
    then = np.asarray(stretch.expected.shapes[feature].octaves, dtype=np.float64)
    now = stretch.counts.octaves[feature].astype(np.float64)
    if max(found[0], found[-1]) < 0.5 * found.sum() or not then.sum() or not now.sum():
        return True
    then, now, chance = then / then.sum(), now / now.sum(), 2 / float(now.sum()) ** 0.5
    whole, part = divmod(float(np.log2(by)), 1.0)
    shifted = (1 - part) * _moved(then, int(whole)) + part * _moved(then, int(whole) + 1)
    if abs(now[0] - then[0]) > ZEROS + ZEROS**0.5 * chance:
        return False
    return 0.5 * float(np.abs(shifted - now).sum()) < UNLIKE


def _moved(octaves: Floats, by: int) -> Floats:
    """All but the zeros, which stay zeros whatever they are multiplied with."""
    found = np.zeros_like(octaves)
    found[0] = octaves[0]
    places = np.clip(np.arange(1, len(octaves)) + by, 1, len(octaves) - 1)
    np.add.at(found, places, octaves[1:])
    return found


def octaves_moved(stretch: Stretch, feature: int) -> float | None:
    """By how many powers of two values grew on average; None where the bundle has not kept their sizes."""
    then = np.asarray(stretch.expected.shapes[feature].octaves, dtype=np.float64)[1:]
    now = stretch.counts.octaves[feature].astype(np.float64)[1:]
    if not len(then) or not then.sum() or not now.sum():
        return None
    size = np.arange(len(now))
    return float((now * size).sum() / now.sum() - (then * size).sum() / then.sum())


def _scaled(stretch: Stretch, feature: int, by: float) -> Floats:
    edges, share = cumulated(stretch, feature)
    return _parts(share if by == 1.0 else below(stretch, feature, _points(edges) / by))


def _points(edges: Floats) -> Floats:
    """Where what `outer` counts lies apart: the edges, the outermost as far out as counting has them."""
    low, high = outer_of(edges)
    return np.concatenate([[low], edges[1:-1], [high]])


def _parts(share: Floats) -> Floats:
    return np.concatenate([[share[0]], np.diff(share), [1 - share[-1]]])


def swapped(stretch: Stretch, features: list[int]) -> Iterator[tuple[int, int]]:
    """Pairs of numbers of which each looks like the other one in training, and not like itself; one of `features`."""
    shapes = stretch.expected.shapes
    numbers = [at for at in range(len(shapes) - 1) if numeric(shapes[at])]
    for first in features:
        for second in numbers:
            told = second in features and second < first
            if first == second or told or not numeric(shapes[first]):
                continue
            if _like(stretch, first, second) and _like(stretch, second, first):
                yield first, second


def _like(stretch: Stretch, feature: int, other: int) -> bool:
    edges, found = np.asarray(stretch.expected.shapes[feature].edges), outer(stretch, feature)
    own = apart(_scaled(stretch, feature, 1.0), found)
    after = apart(_parts(below(stretch, other, _points(edges))), found)
    return after < BETTER * own and after < max(WELL, 0.1 * own)


def turned(stretch: Stretch, feature: int) -> tuple[int, float] | None:
    """(hours, index left) by which the clock seems to have gone ahead, where that explains a feature's drift."""
    expected: Expected = stretch.expected
    cells = expected.cells(expected.shapes[feature].name)
    found = stretch.found[cells]
    before = apart(stretch.shares[cells], found)
    tried = [(apart(expected.turned(stretch.weights, by)[cells], found), abs(by), by) for by in range(-12, 13) if by]
    after, _, by = min(tried)
    # What depends on the hour a little looks a little like another hour whatever moved it.
    return (by, after) if before > 0.25 and after < 0.1 * before and after < WELL else None

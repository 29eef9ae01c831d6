"""How well a model does before anybody knows: performance estimated from its own calibrated probabilities.

A decision called 30 % is a hit in three of ten cases, if the probabilities mean what they say (confidence-based
performance estimation). So what has matured is used to read them anew: a monotone curve over all of it, and how far
single stretches lay from that curve. The interval holds the chance of the labels, the doubt about the curve, and that
natural variation. It is blind to what changes the truth of equal inputs: concept drift shows when labels come.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from holdfast.intervals import Interval
from holdfast.monitoring.judged import Floats, Mask

MEASURES = ("roc_auc", "precision", "recall", "positive_share")
DRAWS = 500
GRAIN = 0.02
"""Probabilities as near as this in logits are one: a stretch of any length is a few hundred of them."""
FURTHEST = 12.0
"""Logits beyond this are certainty, and say no more."""
LEAST_BLOCKS = 4
"""Stretches, at least, from which natural variation is learned; with fewer it is `DOUBT`."""
DOUBT = np.diag([0.25**2, 0.1**2])
"""Taken on for intercept and slope where nothing tells: what ULB's payments and UCI's card clients show by week."""
KNOT = 8
"""Positives, and negatives, that a knot of the curve stands on."""

Square = NDArray[np.float64]


@dataclass(frozen=True)
class Block:
    """One settled stretch: probabilities as they were told, and what became true."""

    probability: Floats
    truth: Mask


@dataclass(frozen=True)
class Reading:
    """What a told probability is worth: ``logit(true) = intercept + slope × curve(logit(told))``.

    `spread` is the covariance of intercept and slope for one further stretch: doubt about the curve and natural
    variation together.
    """

    told: Floats = field(default_factory=lambda: np.array([-FURTHEST, FURTHEST]))
    worth: Floats = field(default_factory=lambda: np.array([-FURTHEST, FURTHEST]))
    spread: Square = field(default_factory=lambda: DOUBT.copy())
    blocks: int = 0
    rows: int = 0
    positives: int = 0
    slope: float = 1.0
    """Of the told logits against what became true: 1 is calibrated, less is too sure."""
    slope_error: float = 0.1
    offset: float = 0.0
    """Logits that the told probabilities lie too low by, all together; and how sure that is."""
    offset_error: float = 0.25

    def read(self, told: Floats) -> Floats:
        """Logits of told probabilities as the curve reads them."""
        return np.interp(logit(told), self.told, self.worth)


def logit(probability: Floats) -> Floats:
    edge = 1 / (1 + np.exp(FURTHEST))
    clipped = np.clip(probability, edge, 1 - edge)
    found: Floats = np.log(clipped / (1 - clipped))
    return found


def learn(blocks: Sequence[Block]) -> Reading:
    """Read probabilities anew by what matured; each block is a stretch as long as those that will be estimated."""
    usable = [item for item in blocks if len(item.truth)]
    if not usable:
        return Reading()
    x = np.concatenate([logit(item.probability) for item in usable])
    y = np.concatenate([item.truth for item in usable]).astype(np.float64)
    positives = int(y.sum())
    pooled, doubt = _platt(x, y)
    told, worth = _curve(x, y)
    offset, offset_error = _offset(x, y)
    # Around the curve, so that a stretch is told apart from the others and not from a model that was never right.
    read = np.interp(x, told, worth)
    _, own_doubt = _platt(read, y)
    ends = np.cumsum([len(item.truth) for item in usable])
    fits = [
        _platt(read[end - len(item.truth) : end], y[end - len(item.truth) : end], about=(0.0, 1.0))
        for item, end in zip(usable, ends.tolist(), strict=True)
        if 3 <= int(item.truth.sum()) <= len(item.truth) - 3
    ]
    between = DOUBT if len(fits) < LEAST_BLOCKS else _between(fits)
    return Reading(
        told, worth, own_doubt + between, len(usable), len(y), positives,
        float(pooled[1]), sqrt(float(doubt[1, 1])), offset, offset_error,
    )  # fmt: skip


def estimate(
    told: Floats, decided: Mask, reading: Reading, *, level: float = 0.95, seed: int = 0, draws: int = DRAWS
) -> dict[str, Interval]:
    """What ROC-AUC, precision, recall and share of positives will have been, once the labels are in.

    The interval is one of the *realised* figures, at `level`. The same rows and reading give the same figures.
    """
    x = reading.read(told)
    # Many rows are one where told, worth and decision agree as nearly as makes no difference.
    key = np.round(logit(told) / GRAIN).astype(np.int64) * 2 + decided
    _, first, place, count = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
    middle = np.bincount(place, x, len(count)) / count
    said = decided[first]
    generator = np.random.default_rng(seed)
    shifts = generator.multivariate_normal([0.0, 1.0], reading.spread, size=draws, method="eigh")
    centre = float(np.average(middle, weights=_chance(middle) * count + 1e-12))
    # The slope turns about where the positives are: else a steeper one would also mean fewer of them.
    turned = centre + np.clip(shifts[:, 1:], 0.05, None) * (middle - centre)
    hits = generator.binomial(count, _chance(shifts[:, :1] + turned)).astype(np.float64)
    drawn = _figures(hits, count, said)
    expected = _figures((_chance(middle) * count)[None, :], count, said)
    edge = (1 - level) / 2
    found = {}
    for name in MEASURES:
        low, high = np.nanquantile(drawn[name], [edge, 1 - edge]) if np.isfinite(drawn[name]).any() else (0.0, 1.0)
        value = float(expected[name][0])
        found[name] = Interval(value if np.isfinite(value) else 0.0, float(low), float(high))
    return found


def _figures(hits: Square, count: NDArray[np.int64], said: Mask) -> dict[str, Floats]:
    """Of drawn truths, shape (draws, groups in rising order of probability); NaN where one is not defined."""
    misses = count - hits
    positives, negatives = hits.sum(axis=1), misses.sum(axis=1)
    below = np.cumsum(misses, axis=1) - misses / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "roc_auc": (hits * below).sum(axis=1) / (positives * negatives),
            "precision": hits[:, said].sum(axis=1) / np.where(said.any(), count[said].sum(), np.nan),
            "recall": hits[:, said].sum(axis=1) / positives,
            "positive_share": positives / count.sum(),
        }


def _chance(logits: Floats) -> Floats:
    found: Floats = 1 / (1 + np.exp(-np.clip(logits, -FURTHEST - 3, FURTHEST + 3)))
    return found


def _platt(x: Floats, y: Floats, about: tuple[float, float] | None = None) -> tuple[Floats, Square]:
    """(intercept, slope) of a logistic fit and their covariance, held a little to `about` (0 and 1)."""
    held = np.array([0.0, 1.0] if about is None else about)
    precise = np.diag([1 / 2.0**2, 1 / 1.0**2])  # weak: two logits, and one of slope
    found = held.copy()
    design = np.column_stack([np.ones_like(x), x])
    information = precise
    for _ in range(25):
        chance = _chance(design @ found)
        weight = chance * (1 - chance)
        information = design.T @ (design * weight[:, None]) + precise
        step = np.linalg.solve(information, design.T @ (y - chance) - precise @ (found - held))
        found = found + np.clip(step, -1.0, 1.0)
        if float(np.abs(step).max()) < 1e-8:
            break
    return found, np.linalg.inv(information)


def _offset(x: Floats, y: Floats) -> tuple[float, float]:
    """Logits by which all probabilities together lie too low, and its standard error."""
    shift, weight = 0.0, 1.0
    for _ in range(25):
        chance = _chance(x + shift)
        weight = float((chance * (1 - chance)).sum()) + 0.25
        step = (float((y - chance).sum()) - 0.25 * shift) / weight
        shift += float(np.clip(step, -1.0, 1.0))
        if abs(step) < 1e-8:
            break
    return shift, sqrt(1 / weight)


def _curve(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Knots (told, worth) in logits of a rising curve; the identity where too little matured to draw one."""
    knots = int(min(y.sum(), (1 - y).sum()) // KNOT)
    if knots < 3:
        return Reading().told, Reading().worth
    knots = min(knots, 25)
    order = np.argsort(x, kind="stable")
    told, truth = x[order], y[order]
    # Cut where both classes go on: each piece has its share of the rarer one.
    rare = truth if truth.sum() <= len(truth) / 2 else 1 - truth
    piece = np.minimum((np.cumsum(rare) - rare) * knots / rare.sum(), knots - 1).astype(np.int64)
    # Equal probabilities are never told apart.
    starts = np.flatnonzero(np.append(True, told[1:] != told[:-1]))
    piece = np.repeat(piece[starts], np.diff(np.append(starts, len(told))))
    _, at = np.unique(piece, return_inverse=True)
    rows, hits = np.bincount(at).astype(np.float64), np.bincount(at, truth)
    middle = np.bincount(at, told) / rows
    rate = (hits + 0.5) / (rows + 1.0)
    middle, rate = _rising(middle, rate, rows)
    knot = np.log(rate / (1 - rate))
    if len(knot) < 2:
        return Reading().told, Reading().worth + float(knot[0] - middle[0])
    ends = [(-FURTHEST - 1, knot[0] - (middle[0] + FURTHEST + 1) * 0.5), (FURTHEST + 1, knot[-1] + 0.5)]
    return (
        np.concatenate([[ends[0][0]], middle, [ends[1][0]]]),
        np.concatenate([[ends[0][1]], knot, [ends[1][1]]]),
    )


def _rising(middle: Floats, rate: Floats, rows: Floats) -> tuple[Floats, Floats]:
    """Neighbours that fall are put together until none does."""
    held: list[list[float]] = []
    for item in zip(middle.tolist(), rate.tolist(), rows.tolist(), strict=True):
        held.append(list(item))
        while len(held) > 1 and held[-2][1] >= held[-1][1]:
            right, left = held.pop(), held.pop()
            whole = left[2] + right[2]
            joined = [(left[at] * left[2] + right[at] * right[2]) / whole for at in (0, 1)]
            held.append([*joined, whole])
    return np.array([item[0] for item in held]), np.array([item[1] for item in held])


def _between(fits: Sequence[tuple[Floats, Square]]) -> Square:
    """Covariance of stretches beyond what chance makes of each: never negative, never less than a little."""
    found = np.array([fit for fit, _ in fits])
    chance = np.mean([doubt for _, doubt in fits], axis=0)
    apart = np.cov(found.T) - chance
    values, vectors = np.linalg.eigh((apart + apart.T) / 2)
    least = np.diag(DOUBT).min() / 25
    kept: Square = vectors @ np.diag(np.clip(values, least, None)) @ vectors.T
    return kept

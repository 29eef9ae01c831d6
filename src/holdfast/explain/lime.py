"""A second opinion on one decision: LIME over the same groups, which looks at the model from outside only.

Every family a bundle holds has exact contributions, or (method ``path``, for forests too large) ones that add up but
share among features by path; this asks the model alone. Around the row, groups are kept or drawn anew from the
reference profile, and a weighted ridge regression says what keeping each was worth. Its fit is measured on draws it
did not see: where that is poor, the score is no sum of its parts here and the opinion says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.bundle.bundle import Bundle
from holdfast.bundle.predictors.spec import Matrix, Vector
from holdfast.explain.reasons import MOST, reasoner

DRAWS = 400
"""Choices of what to keep that are fitted, at least; four for each group where there are many. As many again measure
the fit."""

AVERAGED = 8
"""Rows drawn for one choice: their mean score says what was kept, and less what happened to be drawn."""

RIDGE = 1.0
TRUSTED = 0.7
"""Share of the score's variation (R², on fresh draws) from which the opinion is one."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What keeping a group as it is was worth, in units of the raw score, against drawing it from the profile."""

    group: str
    effect: float


@dataclass(frozen=True, slots=True)
class Opinion:
    """Effects by size. `fit` is R² on fresh draws; `agrees` how many of the first four exact reasons it names too."""

    effects: tuple[Effect, ...]
    fit: float
    trusted: bool
    agrees: int
    of: int
    draws: int
    seed: int

    @property
    def says(self) -> str:
        if not self.trusted:
            return (
                f"not to be trusted: around this row the score is no sum of its parts (R² {self.fit:.2f}, "
                f"{TRUSTED} is asked for)"
            )
        return f"names {self.agrees} of the {self.of} first exact reasons too (R² {self.fit:.2f})"

    def as_dict(self) -> dict[str, Any]:
        return {
            "method": "lime",
            "says": self.says,
            "fit": self.fit,
            "trusted": self.trusted,
            "agrees": self.agrees,
            "of": self.of,
            "draws": self.draws,
            "seed": self.seed,
            "effects": [{"group": item.group, "effect": item.effect} for item in self.effects],
        }


def second_opinion(bundle: Bundle, row: Sequence[float], seed: int = 0, draws: int = DRAWS) -> Opinion | None:
    """The opinion on one feature row; the same for the same seed. None when the bundle's profile lacks a feature."""
    features: Mapping[str, Mapping[str, Any]] = bundle.profile.get("features", {})
    if any(name not in features for name in bundle.features):
        return None
    exact = reasoner(bundle)
    members = [group.members for group in exact.groups]
    draws = max(draws, 4 * len(members))
    random = np.random.default_rng(seed)
    profile = [features[name] for name in bundle.features]
    kept, scores = _drawn(bundle, row, members, profile, draws, random)
    values, intercept = _ridge(kept, scores)
    fresh, truth = _drawn(bundle, row, members, profile, draws, random)
    fit = _fit(fresh, truth, values, intercept)
    effects = [Effect(group.name, float(value)) for group, value in zip(exact.groups, values, strict=True)]
    effects.sort(key=lambda item: -abs(item.effect))  # ties stay in the contract's order
    positive = bundle.threshold.decide(bundle.predict(row)[1])
    told = {reason.group for reason in exact.because(row, positive).reasons}
    sign = 1.0 if positive else -1.0
    named = {item.group for item in [item for item in effects if sign * item.effect > 0.0][:MOST]}
    return Opinion(tuple(effects), fit, fit >= TRUSTED, len(told & named), len(told), draws, seed)


def _drawn(
    bundle: Bundle,
    row: Sequence[float],
    members: Sequence[Sequence[int]],
    profile: Sequence[Mapping[str, Any]],
    draws: int,
    random: np.random.Generator,
) -> tuple[NDArray[np.bool_], Vector]:
    """Which groups each draw kept, shape (draws, groups), and the mean raw score of its rows."""
    kept = random.random((draws, len(members))) < 0.5
    matrix: Matrix = np.tile(np.asarray(row, dtype=np.float64), (draws * AVERAGED, 1))
    for group, positions in enumerate(members):
        changed = np.repeat(~kept[:, group], AVERAGED)
        for at in positions:
            matrix[changed, at] = _values(profile[at], int(changed.sum()), random)
    return kept, bundle.predictor.scores(matrix).reshape(draws, AVERAGED).mean(axis=1)


def _values(shape: Mapping[str, Any], count: int, random: np.random.Generator) -> Vector:
    """Values as they occurred in training: codes by their counts; numbers at the lower ends of bins of equal count."""
    if shape["kind"] == "category":
        codes: Vector = np.asarray([float(code) for code in shape["codes"]])
        counts = np.asarray(list(shape["codes"].values()), dtype=np.float64)
        return np.asarray(codes[random.choice(len(codes), count, p=counts / counts.sum())], dtype=np.float64)
    if "counts" not in shape:  # never anything but null
        return np.full(count, np.nan)
    counts = np.asarray(shape["counts"], dtype=np.float64)
    found: Vector
    if shape["kind"] == "boolean":
        found = (random.random(count) < shape["mean"]).astype(np.float64)
    else:
        found = np.asarray(shape["edges"])[random.choice(len(counts), count, p=counts / counts.sum())]
    found[random.random(count) < shape["null_share"]] = np.nan
    return found


def _weights(kept: NDArray[np.bool_]) -> Vector:
    """Near draws count more: LIME's own kernel, of width 0.75 √groups over the number of groups drawn anew."""
    groups = kept.shape[1]
    found: Vector = np.exp(-(groups - kept.sum(axis=1)) / (0.75**2 * groups))
    return found


def _ridge(kept: NDArray[np.bool_], scores: Vector) -> tuple[Vector, float]:
    weights = _weights(kept)
    total = weights.sum()
    x = kept.astype(np.float64)
    middle, level = weights @ x / total, float(weights @ scores / total)
    centred = x - middle
    gram = centred.T @ (centred * weights[:, None]) + RIDGE * np.eye(x.shape[1])
    values: Vector = np.linalg.solve(gram, centred.T @ (weights * (scores - level)))
    return values, level - float(middle @ values)


def _fit(kept: NDArray[np.bool_], scores: Vector, values: Vector, intercept: float) -> float:
    """Weighted R²; a score that does not vary is fitted by nothing, and counts as 0."""
    weights = _weights(kept)
    level = float(weights @ scores / weights.sum())
    spread = float(weights @ (scores - level) ** 2)
    missed = float(weights @ (scores - (kept @ values + intercept)) ** 2)
    return 1.0 - missed / spread if spread > 0.0 else 0.0

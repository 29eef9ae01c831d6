"""Which features the model leans on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from holdfast.training.evaluate import evaluate
from holdfast.training.rows import Floats
from holdfast.training.split import Labels

MOST_ROWS = 5_000
"""Permutation looks at about as many rows, positives first: it scores them once for every feature and repeat."""


@dataclass(frozen=True)
class Importance:
    """permutation: fall of average precision when the feature is shuffled. gain: share of what splits gained."""

    feature: str
    value: float
    spread: float = 0.0
    """Standard deviation over repeats."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def permutation(
    probabilities: Callable[[Floats], Floats],
    X: Floats,
    y: Labels,
    names: Sequence[str],
    *,
    seed: int,
    repeats: int = 3,
) -> list[Importance]:
    """The most important first, on rows the model has not learned from."""
    generator = np.random.default_rng(seed)
    if len(X) > MOST_ROWS:
        chosen = np.sort(generator.choice(len(X), MOST_ROWS, replace=False))
        # Rare positives all stay: without them there is no precision to lose.
        chosen = np.union1d(chosen, np.flatnonzero(y == 1)[:MOST_ROWS])
        X, y = X[chosen], y[chosen]

    def quality(rows: Floats) -> float:
        return evaluate(y, probabilities(rows), 0.5, resamplings=0, seed=0)["average_precision"].value

    whole, found = quality(X), []
    for i, name in enumerate(names):
        shuffled, falls = X.copy(), []
        for _ in range(repeats):
            shuffled[:, i] = X[generator.permutation(len(X)), i]
            falls.append(whole - quality(shuffled))
        found.append(Importance(name, float(np.mean(falls)), float(np.std(falls))))
    return _ranked(found)


def by_gain(gain: Sequence[float], names: Sequence[str]) -> list[Importance]:
    whole = sum(gain) or 1.0
    return _ranked([Importance(name, value / whole) for name, value in zip(names, gain, strict=True)])


def _ranked(found: list[Importance]) -> list[Importance]:
    return sorted(found, key=lambda item: (-item.value, item.feature))

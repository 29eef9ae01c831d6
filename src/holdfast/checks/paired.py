"""Two models beside each other on the same rows, with how far their difference may lie from the truth."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from holdfast.intervals import Interval
from holdfast.training.evaluate import Ranked
from holdfast.training.rows import Floats
from holdfast.training.split import Labels


def apart(
    y: Labels, ours: Floats, theirs: Floats, measure: Callable[[dict[str, float], dict[str, float]], float],
    *, thresholds: tuple[float, float] = (0.5, 0.5), resamplings: int, seed: int,
) -> Interval:  # fmt: skip
    """What `measure` makes of both models' metrics, on the same rows, with a bootstrap interval over those rows."""
    mine, other = Ranked(y, ours, thresholds[0]), Ranked(y, theirs, thresholds[1])
    generator, n = np.random.default_rng(seed), len(y)
    draws = []
    for _ in range(resamplings):
        weight = np.bincount(generator.integers(0, n, n), minlength=n).astype(np.float64)
        draws.append(measure(mine.metrics(weight[mine.order]), other.metrics(weight[other.order])))
    low, high = np.quantile(draws, [0.025, 0.975])
    return Interval(measure(mine.metrics(), other.metrics()), float(low), float(high))

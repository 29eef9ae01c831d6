"""Evidence that may be looked at after every observation: e-values by betting, from counts alone.

Method: the betting martingale of I. Waudby-Smith and A. Ramdas, "Estimating means of bounded random variables by
betting" (Journal of the Royal Statistical Society B 86, 2024), with a fixed mixture of bets, on the inverse-propensity
weighted differences of I. Waudby-Smith, L. Wu, A. Ramdas, N. Karampatziakis and P. Mineiro, "Anytime-valid off-policy
inference for contextual bandits" (ACM/IMS Journal of Data Science 1, 2024). No asymptotics: by Ville's inequality the
capital of a bet against a true statement ever reaches 1/level with probability at most the level, whenever and however
often one looks.

With assignment probability p known (the experiment's own slots), an observation y in [0, 1] becomes
``(y − c)/p`` for the challenger and ``−(y − c)/(1 − p)`` for the champion. Its mean is the difference of the two, at
any p and under any drift of y, for every constant c fixed beforehand. The bets are constant fractions of the highest
safe stake, so the capital is a product over counts: order and batches do not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

FRACTIONS = 0.9 * 0.5 ** np.arange(10.0)
"""Stakes as shares of the highest safe one; the capital is spread evenly over them."""

NEVER = float("-inf")


@dataclass(frozen=True, slots=True)
class Counted:
    """Observations of one span in which the probabilities did not change."""

    values: NDArray[np.float64]
    counts: NDArray[np.float64]
    low: float
    high: float
    """Where a value of this span may lie at all, known beforehand."""


def proportion(successes: float, trials: float) -> Counted:
    """Yes and no, counted."""
    return Counted(np.array([1.0, 0.0]), np.array([successes, trials - successes], dtype=np.float64), 0.0, 1.0)


def difference(
    share: float,
    champion: Sequence[tuple[float, float]],
    challenger: Sequence[tuple[float, float]],
    centre: float = 0.0,
) -> Counted:
    """Challenger minus champion, for observations ``(value in [0, 1], how many)`` of each.

    `share` is the probability that an observation of the two is the challenger's, above 0 and below 1.
    """
    pairs = [((y - centre) / share, n) for y, n in challenger]
    pairs += [(-(y - centre) / (1 - share), n) for y, n in champion]
    return Counted(
        np.array([value for value, _ in pairs]),
        np.array([n for _, n in pairs], dtype=np.float64),
        min(-centre / share, -(1 - centre) / (1 - share)),
        max((1 - centre) / share, centre / (1 - share)),
    )


def above(spans: Sequence[Counted], mean: float) -> float:
    """Log capital of a bet that the mean is above `mean`: evidence against "at most `mean`"."""
    total = np.zeros(len(FRACTIONS))
    for span in spans:
        if mean < span.low:
            return NEVER if not _seen(span) else float("inf")
        stakes = FRACTIONS / max(mean - span.low, 1e-300)
        grown = np.log1p(stakes[:, None] * (span.values - mean)[None, :])
        total += grown @ span.counts
    return float(np.logaddexp.reduce(total)) - log(len(FRACTIONS))


def below(spans: Sequence[Counted], mean: float) -> float:
    """Log capital of a bet that the mean is below `mean`."""
    return above([Counted(-item.values, item.counts, -item.high, -item.low) for item in spans], -mean)


def interval(spans: Sequence[Counted], level: float) -> tuple[float, float]:
    """A confidence sequence's interval: the true mean lies in all of them, ever, with probability 1 − level."""
    floor = max((item.low for item in spans), default=-1.0)
    ceiling = min((item.high for item in spans), default=1.0)
    bar = log(2 / level)
    return _edge(spans, floor, ceiling, bar), -_edge(_mirrored(spans), -ceiling, -floor, bar)


def _edge(spans: Sequence[Counted], floor: float, ceiling: float, bar: float) -> float:
    """The highest mean that the bets above have refuted; capital falls as the mean rises."""
    if above(spans, floor + 1e-9) < bar:
        return floor
    low, high = floor + 1e-9, ceiling - 1e-9
    for _ in range(50):
        middle = (low + high) / 2
        if above(spans, middle) >= bar:
            low = middle
        else:
            high = middle
    return low


def _mirrored(spans: Sequence[Counted]) -> list[Counted]:
    return [Counted(-item.values, item.counts, -item.high, -item.low) for item in spans]


def _seen(span: Counted) -> bool:
    return bool(span.counts.sum() > 0)


def mean_of(spans: Sequence[Counted]) -> float:
    """The plain average of the values."""
    n = sum(float(item.counts.sum()) for item in spans)
    return sum(float(item.values @ item.counts) for item in spans) / n if n else 0.0

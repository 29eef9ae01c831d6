"""Thompson sampling on delayed outcomes: each period's weights from the outcomes that have matured, and no others.

W. R. Thompson, "On the likelihood that one unknown probability exceeds another" (Biometrika 25, 1933), in batches: a
variant's weight for a period is the probability that its reward is the highest, by Beta posteriors from a uniform
prior, drawn with a seed that the record gives. The reward of a decision is 1 − its loss; a loss between 0 and 1 counts
as that part of a failure (in the manner of S. Agrawal and N. Goyal, "Analysis of Thompson sampling for the multi-armed
bandit problem", COLT 2012). Weights are frozen for the period and stand in the ledger, so each assignment stays a
keyed hash that can be computed again. Every variant keeps a floor, which bounds how long a mistake can last, and keeps
verdicts (`verdict`) possible.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np

from holdfast.traffic.assign import shares
from holdfast.traffic.count import Span
from holdfast.traffic.plan import Plan

DRAWS = 20_000


def rewards(spans: Sequence[Span], place: int) -> tuple[float, float]:
    """(successes, failures) among a variant's matured units."""
    lost = sum(loss * n for span in spans for loss, n in span.arms[place].losses.items())
    n = sum(span.arms[place].matured for span in spans)
    return n - lost, lost


def weights(plan: Plan, spans: Sequence[Span], arms: int, salt: bytes, step: int) -> list[int]:
    """Slots of each variant for period number `step`: the same for the same counts, salt and period."""
    posteriors = [rewards(spans, place) for place in range(arms)]
    return thompson(posteriors, plan.floor, seed(salt, step))


def thompson(posteriors: Sequence[tuple[float, float]], floor: int, seed: int) -> list[int]:
    """Slots in proportion to the probability of being the best."""
    draw = np.random.Generator(np.random.PCG64(seed))
    sampled = np.stack([draw.beta(1.0 + won, 1.0 + lost, DRAWS) for won, lost in posteriors])
    best = np.bincount(sampled.argmax(axis=0), minlength=len(posteriors))
    return shares([float(item) for item in best], floor)


def seed(salt: bytes, step: int) -> int:
    """The period's seed."""
    return int.from_bytes(blake2b(step.to_bytes(8, "big"), digest_size=8, key=salt).digest(), "big")

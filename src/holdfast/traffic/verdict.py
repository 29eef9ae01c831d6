"""Which variant costs less: effect, interval and verdict on matured outcomes, valid however often one looks.

The effect is the challenger's mean loss minus the champion's, as a share of the dearest mistake; below zero the
challenger is better. See `evidence` for method and sources. With several challengers each is held to its part of the
level (Bonferroni), and a verdict either way spends half of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from math import exp, log
from typing import Any, Literal

from holdfast.traffic.count import Span
from holdfast.traffic.evidence import Counted, above, below, difference, interval, mean_of
from holdfast.traffic.plan import Plan

METHOD = "betting confidence sequence on inverse-propensity weighted differences (Waudby-Smith and Ramdas 2024)"

Word = Literal["nothing has matured", "undecided", "challenger wins", "champion wins"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One challenger beside the champion."""

    verdict: Word
    matured: tuple[int, int]
    """Units with a final outcome: the champion's, the challenger's."""
    loss: tuple[float | None, float | None]
    """Mean loss of each."""
    effect: float | None
    interval: tuple[float, float] | None
    e_better: float
    """E-value against "the challenger costs as much or more"; 20 and more would be rare (1 in 20) if that were true."""
    e_worse: float
    level: float
    method: str = METHOD

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def compare(spans: Iterable[Span], place: int, plan: Plan, challengers: int = 1) -> Verdict:
    """The challenger at `place` beside the champion (place 0)."""
    spans = list(spans)
    level = plan.level / challengers
    counted = losses(spans, place, plan.centre)
    matured = (sum(item.arms[0].matured for item in spans), sum(item.arms[place].matured for item in spans))
    means = (_mean(spans, 0), _mean(spans, place))
    if not counted or not all(matured):
        return Verdict("nothing has matured", matured, means, None, None, 1.0, 1.0, plan.level)
    better, worse = below(counted, 0.0), above(counted, 0.0)
    word = decided(better, worse, level)
    low, high = interval(counted, level)
    return Verdict(
        word,
        matured,
        means,
        mean_of(counted),
        (max(low, -1.0), min(high, 1.0)),
        exp(min(better, 700.0)),
        exp(min(worse, 700.0)),
        plan.level,
    )


def decided(better: float, worse: float, level: float) -> Word:
    """The verdict from the log e-values of both sides; each has half the level."""
    bar = log(2 / level)
    return "challenger wins" if better >= bar else "champion wins" if worse >= bar else "undecided"


def losses(spans: Sequence[Span], place: int, centre: float) -> list[Counted]:
    """Matured losses as differences; spans in which only one of the two could be met say nothing."""
    return [
        difference(share, _pairs(span, 0), _pairs(span, place), centre)
        for span in spans
        if 0 < (share := span.share(place)) < 1
    ]


def rates(spans: Sequence[Span], place: int, centre: float) -> list[Counted]:
    """Decisions of yes as differences."""
    return [
        difference(share, _yes(span, 0), _yes(span, place), centre)
        for span in spans
        if 0 < (share := span.share(place)) < 1
    ]


def _pairs(span: Span, place: int) -> list[tuple[float, float]]:
    return [(loss, float(n)) for loss, n in span.arms[place].losses.items() if n]


def _yes(span: Span, place: int) -> list[tuple[float, float]]:
    arm = span.arms[place]
    return [(1.0, float(arm.unit_yes)), (0.0, float(arm.units - arm.unit_yes))]


def _mean(spans: Sequence[Span], place: int) -> float | None:
    n = sum(item.arms[place].matured for item in spans)
    total = sum(loss * count for item in spans for loss, count in item.arms[place].losses.items())
    return total / n if n else None

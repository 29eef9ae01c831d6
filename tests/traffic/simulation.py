"""Many experiments without a server: the counts are drawn, what is judged is the product's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy.stats import beta

from holdfast.traffic.assign import SLOTS, shares
from holdfast.traffic.bandit import thompson
from holdfast.traffic.canary import Advice, judge
from holdfast.traffic.count import Span, Tallied
from holdfast.traffic.evidence import above, below
from holdfast.traffic.plan import Plan
from holdfast.traffic.verdict import decided, losses

Random = np.random.Generator


def at_most(found: int, of: int, confidence: float = 0.95) -> float:
    """Clopper-Pearson: the upper end of the two-sided interval of a share."""
    return 1.0 if found == of else float(beta.ppf((1 + confidence) / 2, found + 1, of - found))


def span(step: int = 0, share: int = SLOTS // 2) -> Span:
    return Span(step + 1, step, (SLOTS - share, share), [Tallied(), Tallied()])


def meet(at: Span, place: int, losses: np.ndarray) -> None:
    """Matured units of one variant, 0 or 1 each."""
    lost = int(losses.sum())
    arm = at.arms[place]
    arm.units += len(losses)
    arm.losses[1.0] += lost
    arm.losses[0.0] += len(losses) - lost


def batches(draw: Random, rates: tuple[float, float], share: float, batch: int, most: int) -> Iterator[Span]:
    """An experiment seen after every batch: variants by chance, losses by rate."""
    at = span(0, round(share * SLOTS))
    for _ in range(most // batch):
        second = draw.random(batch) < share
        lost = draw.random(batch) < np.where(second, rates[1], rates[0])
        meet(at, 0, lost[~second])
        meet(at, 1, lost[second])
        yield at


def verdict(at: Span, plan: Plan) -> str:
    counted = losses([at], 1, plan.centre)
    return decided(below(counted, 0.0), above(counted, 0.0), plan.level)


def naive(at: Span, plan: Plan) -> str:
    """What a table of the normal distribution says of one look: the negative control."""
    n0, n1 = (at.arms[place].matured for place in (0, 1))
    if not n0 or not n1:
        return "undecided"
    p0, p1 = at.arms[0].losses[1.0] / n0, at.arms[1].losses[1.0] / n1
    p = (at.arms[0].losses[1.0] + at.arms[1].losses[1.0]) / (n0 + n1)
    deviation = sqrt(p * (1 - p) * (1 / n0 + 1 / n1))
    z = (p1 - p0) / deviation if deviation else 0.0
    return "challenger wins" if z < -1.96 else "champion wins" if z > 1.96 else "undecided"


@dataclass(frozen=True)
class Model:
    """How a challenger behaves, beside a champion that says yes to 5 % and fails nothing."""

    yes: float = 0.05
    fails: float = 0.0
    slow: float = 0.0


CHAMPION = Model()


@dataclass
class Met:
    """What became of one canary."""

    advice: Advice
    requests: int
    canary: int
    """Requests that met it."""
    step: int

    @property
    def share(self) -> float:
        return self.canary / self.requests


def canary(draw: Random, model: Model, plan: Plan, *, batch: int = 200, most: int = 400_000, late: int = 2) -> Met:
    """One canary to its end: judged after every batch, obeyed `late` batches later, as followers do."""
    step, requests, met, waiting = 0, 0, 0, 0
    spans = [span(0, plan.steps[0])]
    advice = Advice("hold", "")
    since = 0
    while requests < most:
        at = spans[-1]
        share = plan.steps[step] / SLOTS
        for place, n in ((1, int(draw.binomial(batch, share))),):
            for where, count, behaves in ((place, n, model), (0, batch - n, CHAMPION)):
                _answer(draw, at.arms[where], count, behaves)
            met += n
        requests += batch
        if advice.action in ("halt", "advance", "done"):
            waiting += 1
            if waiting < late:
                continue
            if advice.action != "advance":
                return Met(advice, requests, met, step)
            step, since, waiting = step + 1, requests, 0
            spans.append(span(step, plan.steps[step]))
        advice = judge(plan, spans, step, float(requests - since))
    return Met(advice, requests, met, step)


def _answer(draw: Random, arm: Tallied, n: int, model: Model) -> None:
    failed = int(draw.binomial(n, model.fails))
    yes = int(draw.binomial(n, model.yes))
    arm.answered += n
    arm.yes += yes
    arm.units += n
    arm.unit_yes += yes
    arm.tried += n
    arm.failed += failed
    arm.slow += int(draw.binomial(n - failed, model.slow))


def regret(
    draw: Random,
    rewards: tuple[float, ...],
    *,
    periods: int = 60,
    size: int = 500,
    delay: int = 5,
    floor: int = 500,
    learns: bool = True,
) -> float:
    """Rewards lost against always the best, with outcomes that mature `delay` periods later.

    Each period's weights stand before it begins. Not `learns`: the even split.
    """
    best, lost = max(rewards), 0.0
    seen: list[list[tuple[int, int]]] = []
    weights = shares([1.0] * len(rewards))
    for period in range(periods):
        counts = draw.multinomial(size, [item / SLOTS for item in weights])
        won = [int(draw.binomial(n, rate)) for n, rate in zip(counts, rewards, strict=True)]
        lost += sum(int(n) * (best - rate) for n, rate in zip(counts, rewards, strict=True))
        seen.append([(win, int(n) - win) for n, win in zip(counts, won, strict=True)])
        matured = seen[: max(len(seen) - delay, 0)]
        if learns:
            sums = [
                (float(sum(item[at][0] for item in matured)), float(sum(item[at][1] for item in matured)))
                for at in range(len(rewards))
            ]
            weights = thompson(sums, floor, seed=period)
    return lost

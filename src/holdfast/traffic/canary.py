"""A canary's next step from what was counted: advance, hold, halt, or done. A pure function, so a restart goes on.

Both ways the evidence must be there. It halts when it is shown that the challenger lies outside a limit (it fails or
refuses too often, is slow, says yes much more or less often than the champion, or costs more on matured outcomes), and
it advances only when it is shown that failures and share of yes lie inside, and with `margin` the loss too. So a
challenger outside a limit goes on to the next step with probability at most the level, and one inside is halted with
probability at most the level, however often it is judged: `evidence` says by which method. The first step is small (1
% by default), so what is found there has met little of the traffic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import log
from typing import Any, Literal

from holdfast.traffic.assign import SLOTS
from holdfast.traffic.count import Span, Tallied
from holdfast.traffic.evidence import above, below, proportion
from holdfast.traffic.plan import Plan
from holdfast.traffic.verdict import losses, rates

Action = Literal["advance", "hold", "halt", "done"]
CHALLENGER = 1
GUARDS = 4
"""Failures, slowness, share of yes, outcomes: each has its part of the level."""


@dataclass(frozen=True, slots=True)
class Advice:
    action: Action
    why: str
    evidence: dict[str, Any] = field(default_factory=dict)


def judge(plan: Plan, spans: Sequence[Span], step: int, seconds: float) -> Advice:
    """What follows from everything counted so far, `seconds` after step number `step` began."""
    champion, challenger = total(spans, 0), total(spans, CHALLENGER)
    here = total([span for span in spans if span.step == step], CHALLENGER)
    evidence = {
        "champion": told(champion),
        "challenger": told(challenger),
        "units_in_step": here.units,
        "seconds_in_step": round(seconds, 1),
    }
    wrong = faults(plan, spans, champion, challenger)
    if wrong:
        return Advice("halt", "; ".join(wrong), evidence)
    last = plan.steps[step] == plan.steps[-1]
    open_questions = _questions(plan, spans, challenger)
    if here.units < plan.at_least:
        open_questions.append(f"{here.units} of {plan.at_least} entities have met it in this step")
    if seconds < plan.dwell:
        open_questions.append(f"{seconds:.0f} of {plan.dwell:g} seconds have passed")
    if not open_questions:
        if last:
            return Advice("done", f"every guard holds at {plan.steps[-1] * 100 / SLOTS:g} %", evidence)
        return Advice("advance", f"every guard holds at {plan.steps[step] * 100 / SLOTS:g} %", evidence)
    if seconds > plan.patience:
        return Advice("halt", f"undecided for {seconds:.0f} seconds: {'; '.join(open_questions)}", evidence)
    return Advice("hold", "; ".join(open_questions), evidence)


def faults(plan: Plan, spans: Sequence[Span], champion: Tallied, challenger: Tallied) -> list[str]:
    """What the challenger is shown to do wrong, each at its part of the level."""
    bar = log(GUARDS / plan.level)
    found = harm(plan, champion, challenger)
    yes = rates(spans, CHALLENGER, plan.rate)
    # Two sides share this guard's part.
    if yes and max(above(yes, plan.tolerance), below(yes, -plan.tolerance)) >= bar + log(2):
        found.append(
            f"it says yes to {_rate(challenger):.1%} where the champion does to {_rate(champion):.1%}, "
            f"further apart than {plan.tolerance:.1%}"
        )
    cost = losses(spans, CHALLENGER, plan.centre)
    if cost and above(cost, 0.0) >= bar:
        found.append("its decisions cost more than the champion's on matured outcomes")
    return found


def harm(plan: Plan, champion: Tallied, challenger: Tallied) -> list[str]:
    """What no experiment may do to those who meet it: fail, refuse, be slow."""
    bar = log(GUARDS / plan.level)
    found = []
    if above([proportion(*_failures(challenger))], plan.failures) >= bar:
        bad, tried = _failures(challenger)
        found.append(f"it failed or refused {bad} of {tried} requests, more than {plan.failures:.1%}")
    if _slower(plan, champion, challenger):
        found.append(f"{challenger.slow} of {challenger.tried} of its answers took over {plan.slow_ms:g} ms")
    return found


def _questions(plan: Plan, spans: Sequence[Span], challenger: Tallied) -> list[str]:
    """What must be shown before more traffic meets it, and is not yet."""
    bar = log(GUARDS / plan.level)
    found = []
    if below([proportion(*_failures(challenger))], plan.failures) < bar:
        found.append(f"not shown yet that it fails less than {plan.failures:.1%}")
    yes = rates(spans, CHALLENGER, plan.rate)
    if not yes or min(below(yes, plan.tolerance), above(yes, -plan.tolerance)) < bar:
        found.append(f"not shown yet that its share of yes lies within {plan.tolerance:.1%} of the champion's")
    cost = losses(spans, CHALLENGER, plan.centre)
    if plan.margin and (not cost or below(cost, plan.margin) < bar):
        found.append(f"not shown yet that its loss exceeds the champion's by less than {plan.margin:.1%}")
    return found


def _slower(plan: Plan, champion: Tallied, challenger: Tallied) -> bool:
    """Whether slow answers are shown to be more frequent by the tolerance: one bet on each, at half the part."""
    if not champion.tried or not challenger.tried:
        return False
    bar = log(2 * GUARDS / plan.level)
    theirs = _upper(champion.slow, champion.tried, bar)
    most = min(theirs + plan.slow, 1.0)
    return above([proportion(challenger.slow, challenger.tried)], most) >= bar


def _upper(slow: int, tried: int, bar: float) -> float:
    """The lowest share that a bet below has refuted, 1 when none is."""
    low, high = slow / tried, 1.0
    for _ in range(30):
        middle = (low + high) / 2
        if below([proportion(slow, tried)], middle) >= bar:
            high = middle
        else:
            low = middle
    return high


def _failures(arm: Tallied) -> tuple[int, int]:
    return arm.failed + arm.refused, arm.tried


def _rate(arm: Tallied) -> float:
    return arm.unit_yes / arm.units if arm.units else 0.0


def total(spans: Sequence[Span], place: int) -> Tallied:
    """One variant over several spans."""
    whole = Tallied()
    for span in spans:
        whole.add(span.arms[place])
    return whole


def told(arm: Tallied) -> dict[str, Any]:
    """A variant's counts, as an experiment's record keeps them."""
    names = ("answered", "yes", "units", "unit_yes", "failed", "refused", "slow", "tried", "matured")
    return {name: getattr(arm, name) for name in names}

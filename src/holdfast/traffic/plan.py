"""What an experiment is to do by itself, as its record keeps it: steps, guards, the loss, the level.

Durations are seconds, shares of traffic are slots of 10,000, other shares lie between 0 and 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from itertools import pairwise
from typing import Any

from holdfast.errors import HoldfastError, Problem
from holdfast.traffic.assign import SLOTS


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything has a default; what is not understood is refused, since a record must mean the same for everyone."""

    level: float = 0.05
    """Highest probability of a wrong verdict, and of a wrong halt, however often one looks."""
    auto: bool = False
    """Promote the winner, or stop for the champion, without being told."""
    false_positive: float = 1.0
    """What a yes costs when the label turns out no."""
    false_negative: float = 1.0
    """What a no costs when it turns out yes."""
    centre: float = 0.0
    """A loss near the expected one (0 to 1 of the highest cost), fixed at the start: it makes intervals narrower."""
    rate: float = 0.0
    """The champion's expected share of yes, fixed at the start: the same for the guard on it."""
    steps: tuple[int, ...] = (100, 1_000, 5_000, SLOTS)
    """canary: slots of the challenger, rising."""
    at_least: int = 100
    """canary: entities that must have met the challenger in a step before the next."""
    dwell: float = 60.0
    """canary: seconds a step takes at least."""
    patience: float = 7 * 86_400.0
    """canary: seconds after which a step that is still undecided is called off."""
    tolerance: float = 0.05
    """canary: how far the challenger's share of yes may lie from the champion's."""
    margin: float = 0.0
    """canary: how much dearer its decisions may be at most, shown on matured outcomes before the next step, as a share
    of the highest cost; 0: the next step does not wait for outcomes."""
    failures: float = 0.02
    """Highest share of requests that a challenger may fail or refuse."""
    slow_ms: float = 50.0
    """A challenger's own work beyond this is slow."""
    slow: float = 0.05
    """How far the share of slow answers may exceed the champion's."""
    period: float = 3_600.0
    """bandit: seconds between two settings of the weights."""
    floor: int = 500
    """bandit: slots that every variant keeps, so that it goes on learning of each."""

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "steps": list(self.steps)}

    @property
    def highest(self) -> float:
        """What the dearest mistake costs."""
        return max(self.false_positive, self.false_negative)

    def loss(self, decided: bool, label: bool) -> float:
        """0 for a right decision, else its cost as a share of the highest."""
        if decided == label:
            return 0.0
        return (self.false_positive if decided else self.false_negative) / self.highest


def plan_from(told: Mapping[str, Any]) -> Plan:
    """A plan from what was asked for, or from a record. Raises HoldfastError with everything wrong in it."""
    known = {item.name: item for item in fields(Plan)}
    problems = [
        Problem(name, "unknown_name", "there is no such part of a plan", "one of: " + ", ".join(known))
        for name in told
        if name not in known
    ]
    plain = Plan()
    values: dict[str, Any] = {}
    for name, value in told.items():
        if name not in known:
            continue
        default = getattr(plain, name)
        if isinstance(default, tuple):
            good = isinstance(value, list | tuple) and all(type(item) is int for item in value)
            values[name] = tuple(value) if good else default
        else:
            good = type(value) is type(default) or (isinstance(default, float) and type(value) is int)
            values[name] = float(value) if good and isinstance(default, float) else value if good else default
        if not good:
            problems.append(Problem(name, "type", f"{value!r} is not like {default!r}", "see docs/experiments.md"))
    plan = Plan(**values)
    problems += [
        Problem(name, "range", f"{getattr(plan, name)!r} is not {wanted}", "see docs/experiments.md")
        for name, wanted, good in _bounds(plan)
        if not good
    ]
    if problems:
        raise HoldfastError("this plan cannot be followed", where="experiment", problems=problems)
    return plan


def _bounds(plan: Plan) -> list[tuple[str, str, bool]]:
    steps = plan.steps
    rising = bool(steps) and all(a < b for a, b in pairwise(steps))
    return [
        ("level", "between 0.0001 and 0.5", 0.0001 <= plan.level <= 0.5),
        ("false_positive", "0 or more, and finite", 0 <= plan.false_positive < 1e12),
        (
            "false_negative",
            "0 or more, with one of the two above 0",
            0 <= plan.false_negative < 1e12 and plan.highest > 0,
        ),
        ("centre", "between 0 and 1", 0 <= plan.centre <= 1),
        ("rate", "between 0 and 1", 0 <= plan.rate <= 1),
        ("steps", f"rising slots from 1 to {SLOTS}", rising and steps[0] >= 1 and steps[-1] <= SLOTS),
        ("at_least", "1 or more", plan.at_least >= 1),
        ("dwell", "0 or more", 0 <= plan.dwell < 1e9),
        ("patience", "above 0", 0 < plan.patience < 1e10),
        ("tolerance", "between 0 and 1", 0 < plan.tolerance < 1),
        ("margin", "0 or more, below 1", 0 <= plan.margin < 1),
        ("failures", "between 0 and 1", 0 < plan.failures < 1),
        ("slow_ms", "above 0", plan.slow_ms > 0),
        ("slow", "between 0 and 1", 0 < plan.slow < 1),
        ("period", "above 0", plan.period > 0),
        ("floor", "between 1 and 3000", 1 <= plan.floor <= 3_000),
    ]

"""When a model is to be trained anew: rules over whole days, pure, so that they can be asked about any quarter.

A rule answers for one day from what was known at the end of it. Once fired it is silent until what it saw is over, or
the model was trained anew since: a bad week is one reason to train, not seven.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Literal, get_args

Schedule = Literal["never", "weekly", "monthly", "quarterly"]
SCHEDULES: tuple[Schedule, ...] = get_args(Schedule)
Kind = Literal["performance", "drifted_features", "severe_drift", "sustained_drift", "business_rule", "schedule"]


@dataclass(frozen=True, slots=True)
class Rules:
    """From where on somebody trains anew. The numbers are those of the monitoring guide."""

    least_auc: float = 0.75
    auc_days: int = 7
    """Days running."""
    most_features: int = 10
    """Features drifted at once that are still no reason."""
    severe_share: float = 0.3
    """Share of the features that drifted: above it, at once."""
    sustained_days: int = 7
    """Days running on which anything drifted."""
    schedule: Schedule = "never"


@dataclass(frozen=True, slots=True)
class Day:
    """What one day looked like (UTC). `auc` is None where too little had matured to measure it: that day is neither
    good nor bad, and the days running begin anew after it.
    """

    day: date
    auc: float | None = None
    """Realised ROC-AUC, of what is measured on that day."""
    drifted: int = 0
    """Features that the watches call drifted and that no named cause explains; the score is none of them."""
    features: int = 0
    severe: bool = False
    """A watch called a drift severe by itself."""
    rules: str = ""
    """What the business decides by: a hash of contract and thresholds as the project says them, empty if unknown."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """A reason to train anew, and the figures it was found from."""

    kind: Kind
    day: date
    why: str
    evidence: dict[str, object] = field(default_factory=dict)

    def as_dict(self) -> dict[str, object]:
        return {"kind": self.kind, "day": self.day.isoformat(), "why": self.why, "evidence": dict(self.evidence)}


def fired(days: Sequence[Day], rules: Rules, *, trained: date) -> list[Trigger]:
    """What is reason to train anew at the end of the last of these days; empty most of the time.

    `days` are in order, each once; a day that is not among them had nothing to show. `trained` is the day on which
    what answers now was trained: of what came before it nothing counts.
    """
    past = [item for item in days if item.day >= trained]
    if not past:
        return []
    today = past[-1]
    found = (_performance(past, rules), *_drift(past, rules), _business(past, days), _scheduled(today, rules, trained))
    return [item for item in found if item is not None]


def running(days: Sequence[Day], bad: Sequence[bool]) -> int:
    """How many calendar days up to the last one were bad without a gap."""
    count, expected = 0, days[-1].day
    for item, is_bad in zip(reversed(days), reversed(bad), strict=True):
        if not is_bad or item.day != expected:
            break
        count, expected = count + 1, item.day - timedelta(days=1)
    return count


def due(schedule: Schedule, day: date, trained: date) -> bool:
    """Whether the schedule falls on this day: Mondays, the first of a month, the first of a quarter; not on the day on
    which it was trained anyway."""
    if day <= trained:
        return False
    if schedule == "weekly":
        return day.weekday() == 0
    if schedule == "monthly":
        return day.day == 1
    return schedule == "quarterly" and day.day == 1 and day.month in (1, 4, 7, 10)


def day_of(instant: int) -> date:
    """The UTC day of an instant (µs)."""
    return datetime.fromtimestamp(instant // 1_000_000, UTC).date()


def _performance(past: Sequence[Day], rules: Rules) -> Trigger | None:
    length = running(past, [item.auc is not None and item.auc < rules.least_auc for item in past])
    if length != rules.auc_days:
        return None
    last = [item.auc for item in past[-length:] if item.auc is not None]
    why = f"ROC-AUC was below {rules.least_auc:g} for {length} days running, {last[-1]:.3f} on the last"
    return Trigger("performance", past[-1].day, why, {"auc": last, "limit": rules.least_auc})


def _drift(past: Sequence[Day], rules: Rules) -> tuple[Trigger | None, ...]:
    today = past[-1]

    def now_and_not_before(bad: Sequence[bool]) -> bool:
        return running(past, bad) == 1

    many = severe = sustained = None
    if now_and_not_before([item.drifted > rules.most_features for item in past]):
        why = f"{today.drifted} features drifted, more than {rules.most_features}"
        many = Trigger("drifted_features", today.day, why, {"drifted": today.drifted, "limit": rules.most_features})
    if now_and_not_before([_severe(item, rules) for item in past]):
        share = today.drifted / today.features if today.features else 0.0
        why = f"the drift is severe: {today.drifted} of {today.features} features ({share:.0%})"
        severe = Trigger("severe_drift", today.day, why, {"share": share, "limit": rules.severe_share})
    length = running(past, [item.drifted > 0 for item in past])
    if length == rules.sustained_days:
        why = f"something drifted on {length} days running"
        sustained = Trigger("sustained_drift", today.day, why, {"drifted": [item.drifted for item in past[-length:]]})
    return many, severe, sustained


def _severe(item: Day, rules: Rules) -> bool:
    return item.severe or (item.features > 0 and item.drifted / item.features > rules.severe_share)


def _business(past: Sequence[Day], days: Sequence[Day]) -> Trigger | None:
    today = past[-1]
    known = [item.rules for item in days if item.rules and item.day < today.day]
    if not today.rules or not known or known[-1] == today.rules:
        return None
    why = "contract, threshold or costs are not what they were on the day before"
    return Trigger("business_rule", today.day, why, {"before": known[-1], "now": today.rules})


def _scheduled(today: Day, rules: Rules, trained: date) -> Trigger | None:
    if not due(rules.schedule, today.day, trained):
        return None
    why = f"the {rules.schedule} schedule falls on {today.day}"
    return Trigger("schedule", today.day, why, {"trained": str(trained)})

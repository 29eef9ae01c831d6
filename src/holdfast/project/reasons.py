"""Is there a reason to train anew? The days as they were measured, and what the triggers make of them.

A day's ROC-AUC is of the decisions that settled on it; its drift is what the kept looks of the monitor said on it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from holdfast.contract.model import DAY, canonical
from holdfast.errors import HoldfastError
from holdfast.monitoring.judged import settled_after
from holdfast.monitoring.triggers import Day, Rules, Trigger, day_of, fired
from holdfast.project.bundles import history, opened
from holdfast.project.daily import Daily, daily
from holdfast.project.judged import Judgements
from holdfast.project.monitor_history import past
from holdfast.project.project import Project
from holdfast.project.retrain import retrainings

if TYPE_CHECKING:
    from holdfast.bundle.bundle import Bundle

BACK = 100
"""Days that are looked back on."""
RULES = "rules.json"
DRIFT = "WATCH201"
SHARE = "WATCH202"
DECIDES = ("threshold", "target", "cost_false_positive", "cost_false_negative")
"""Training settings by which the business decides."""
SCHEDULES = ("never", "weekly", "monthly", "quarterly")


@dataclass(frozen=True)
class Reasons:
    """What was asked of the champion, up to the end of the day before `now`."""

    version: str
    bundle: str
    until: date
    """The last whole day that was asked about."""
    triggers: tuple[Trigger, ...]
    metrics: tuple[Daily, ...]
    """Days of decisions that settled."""


def reasons(project: Project, now: int, *, since: date | None = None) -> Reasons | None:
    """What fired on each whole day after `since` (default: the last one alone); None where nothing is champion.

    `now` is µs UTC, event time. Days that were slept through are asked about one by one.
    """
    live = history(project).live()
    if live is None:
        return None
    bundle = opened(project, live.bundle)
    until = day_of(now) - timedelta(days=1)
    judgements = Judgements(project.reader, bundle.contract, live.version)
    judgements.catch_up()
    metrics = daily(judgements.outcomes(now - BACK * DAY, now, now), bundle.contract.target, now)
    days = _days(project, bundle, metrics, until)
    rules = rules_of(project)
    trained = _trained(project, bundle)
    first = max((since or until - timedelta(days=1)) + timedelta(days=1), until - timedelta(days=BACK))
    found: list[Trigger] = []
    for at in range((until - first).days + 1):
        end = first + timedelta(days=at)
        found += fired([item for item in days if item.day <= end], rules, trained=trained)
    return Reasons(live.version, live.bundle, until, tuple(found), tuple(metrics))


def rules_of(project: Project) -> Rules:
    """As the project sets them. Raises HoldfastError for a schedule that there is not."""
    schedule = project.settings.retrain_schedule
    if schedule not in SCHEDULES:
        raise HoldfastError(f"{schedule!r} is no schedule", where="retrain.schedule", mend=", ".join(SCHEDULES))
    least = project.settings.monitor.get("least_auc", Rules().least_auc)
    return Rules(least_auc=float(least), schedule=schedule)  # type: ignore[arg-type]  # checked above


def _days(project: Project, bundle: Bundle, metrics: Sequence[Daily], until: date) -> list[Day]:
    wait = -(-settled_after(bundle.contract.target) // DAY)
    auc = {day_of(item.start + wait * DAY): item.roc_auc for item in metrics}
    decided = _decided_by(project, until)
    looks = past(project)
    made = []
    for back in range(BACK, -1, -1):
        day = until - timedelta(days=back)
        drifted, severe = _drift(looks, day)
        made.append(Day(day, auc.get(day), drifted, len(bundle.features), severe, _on(decided, day)))
    return made


def _drift(looks: Sequence[Mapping[str, Any]], day: date) -> tuple[int, bool]:
    """(features that drifted, whether it was called severe) of the looks of this day, and of the one in force when it
    began: a look is kept only when it finds something new."""
    before = [item for item in looks if _at(item) < day]
    today = [*before[-1:], *(item for item in looks if _at(item) == day)]
    found = [finding for item in today for finding in item["findings"]]
    severe = any(item["code"] == SHARE and item["severity"] in ("high", "critical") for item in found)
    return len({item["feature"] for item in found if item["code"] == DRIFT}), severe


def _at(look: Mapping[str, Any]) -> date:
    return datetime.fromisoformat(str(look["at"]).replace("Z", "+00:00")).date()


def _decided_by(project: Project, until: date) -> list[tuple[date, str]]:
    """Since when the business decides by what; what holds now is written down when it is new."""
    place = project.home / "monitor" / RULES
    try:
        kept = [(date.fromisoformat(day), str(rules)) for day, rules in json.loads(place.read_text(encoding="utf-8"))]
    except (OSError, ValueError):
        kept = []
    told = {name: project.settings.training.get(name) for name in DECIDES}
    now = sha256(canonical({"contract": project.contract.hash, "decides": told})).hexdigest()[:16]
    if not kept or kept[-1][1] != now:
        kept.append((until, now))
        place.parent.mkdir(parents=True, exist_ok=True)
        part = place.with_suffix(".part")
        part.write_text(json.dumps([(day.isoformat(), rules) for day, rules in kept]), encoding="utf-8")
        part.replace(place)
    return kept


def _on(decided: Sequence[tuple[date, str]], day: date) -> str:
    return next((rules for since, rules in reversed(decided) if since <= day), "")


def _trained(project: Project, bundle: Bundle) -> date:
    """The day on which what answers was trained, or somebody last tried to train it anew."""
    when = str(bundle.manifest.training.get("when", ""))
    made = datetime.fromisoformat(when).date() if when else date.min
    tried = [day_of(item.received_at) for item in retrainings(project)]
    return max([made, *tried])

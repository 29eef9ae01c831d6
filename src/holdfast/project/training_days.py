"""When to train anew, as `holdfast watch` asks it: each UTC day once, at its end, by what the watch saw of the day.

What drifted is noted look by look; the ROC-AUC of a day is that of the decisions whose labels settled with it. Days are
those of the traffic, so recorded traffic has its own.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from holdfast.contract.model import DAY
from holdfast.errors import HoldfastError
from holdfast.monitoring.finding import SEVERITIES, Finding
from holdfast.monitoring.limits import limits_from
from holdfast.monitoring.triggers import SCHEDULES, Day, Rules, Trigger, day_of, fired
from holdfast.project.followed import BACK
from holdfast.project.project import Project
from holdfast.project.watching import Found, Place

if TYPE_CHECKING:
    from holdfast.project.daily import Daily
    from holdfast.project.followed import Followed
    from holdfast.project.monitor import Report

CODE = "WATCH597"
NOTED = "training.noted"
MOST = BACK
"""Days that are kept."""
CATCH_UP = 31
"""Days that nobody watched and that are asked about all the same."""
LEARNED = frozenset({"drift", "many_features", "vocabulary"})
"""Causes whose drift is learned by training on what came since."""
DECIDES = ("threshold", "target", "cost_false_positive", "cost_false_negative")
"""Training settings by which the business decides."""
LONGEST = 6 * 3_600.0
"""Seconds that a training may take."""


def noted(kept: Mapping[str, Any] | None, report: Report, features: int, rules: str) -> dict[str, Any]:
    """What was noted, and this look: the worst of the day counts. Another version begins anew."""
    same = kept is not None and kept["bundle"] == report.bundle
    days: dict[str, Any] = dict(kept["days"]) if kept is not None and same else {}
    found = drifted(report.findings)
    severe = any(SEVERITIES.index(item.severity) >= SEVERITIES.index("high") for item in found)
    name = day_of(report.now).isoformat()
    before = days.get(name, {"drifted": 0, "severe": False})
    days[name] = {
        "drifted": max(before["drifted"], len({item.feature for item in found})), "features": features,
        "severe": before["severe"] or severe, "rules": rules,
    }  # fmt: skip
    return {"bundle": report.bundle, "now": report.now, "days": dict(sorted(days.items())[-MOST:])}


def drifted(findings: Sequence[Finding]) -> list[Finding]:
    """The drifts of one look that count as reasons to train anew.

    Those of features that nothing explains, that moved with many others, or that have new words, which are to be
    learned. Not what a named cause explains (another unit, nulls, a filter, an attack): it is told by itself and mended
    where it came from, and a model trained on it would have learned the fault.
    """
    told = {f"{item.code} {item.cause}{f' of {item.feature}' if item.feature else ''}": item for item in findings}

    def cause(item: Finding) -> str:
        """What stands at the end of what explains it."""
        for _ in findings:  # each explains by another one
            if item.status != "explained":
                break
            by = str(item.evidence.get("explained_by", ""))
            if by not in told:
                return by.partition(" ")[2].partition(" of ")[0]
            item = told[by]
        return item.cause

    shown = (item for item in findings if item.cause == "drift" and item.feature)
    return [item for item in shown if item.status in ("alert", "explained") and cause(item) in LEARNED]


def rules_hash(project: Project) -> str:
    """What the business decides by, as the project says it now: contract, threshold and costs. Empty if unknown."""
    try:
        told = [project.contract.hash, {name: project.settings.training.get(name) for name in DECIDES}]
    except HoldfastError:
        return ""
    return hashlib.blake2b(json.dumps(told, sort_keys=True, default=str).encode(), digest_size=8).hexdigest()


def by_day(found: Iterable[Daily], settled: int) -> dict[date, float | None]:
    """ROC-AUC by the day at whose end it was known: `settled` (µs) after the day that it is of."""
    late = timedelta(days=-(-settled // DAY))
    return {day_of(item.start) + late: item.roc_auc for item in found}


class Training:
    """The triggers of training anew. With ``retrain.automatic`` it trains, in a process of its own; else it says so."""

    name = "training"
    quick = False
    every = 600.0

    def look(self, place: Place) -> Found | None:
        kept = place.recall(NOTED)
        if kept is None:
            return None
        yesterday = day_of(kept["now"]) - timedelta(days=1)
        asked = place.recall("training.asked")
        begun = date.fromisoformat(asked) + timedelta(days=1) if asked else yesterday
        if begun > yesterday:
            return None
        project = place.project
        first = max(begun, yesterday - timedelta(days=CATCH_UP))
        triggers = self._triggers(project, place.followed, kept, first, yesterday)
        done = _train(project, triggers) if triggers and project.settings.retrain_automatic else None
        told = {"triggers": [item.as_dict() for item in triggers], "retrained": done}
        remember = {"training.asked": yesterday.isoformat()}
        return Found(kept["now"], {"": list(findings(triggers, done))}, told, (), remember)

    def _triggers(
        self, project: Project, followed: Followed, kept: Mapping[str, Any], first: date, last: date
    ) -> list[Trigger]:
        live = followed.history().live()
        if live is None or live.bundle != kept["bundle"]:
            return []  # another version answers since: its first look begins its days
        rules = rules_of(project)
        realised, trained = _realised(project, followed, live.version, live.bundle, kept["now"])
        days = _days(kept["days"], realised, first, last)
        return [
            item
            for number in range((last - first).days + 1)
            for item in fired(
                [day for day in days if day.day <= first + timedelta(days=number)], rules, trained=trained
            )
        ]


def rules_of(project: Project) -> Rules:
    """As the project sets them. Raises HoldfastError for a schedule that there is not."""
    settings = project.settings
    if settings.retrain_schedule not in SCHEDULES:
        what = f"{settings.retrain_schedule!r} is no schedule"
        raise HoldfastError(what, where="retrain.schedule", mend="one of: " + ", ".join(SCHEDULES))
    least = limits_from(settings.monitor).least_auc
    return Rules(least_auc=least, schedule=settings.retrain_schedule)


def _days(kept: Mapping[str, Any], realised: Mapping[date, float | None], asked: date, last: date) -> list[Day]:
    """Every calendar day up to the last one: one that nobody saw has nothing to show, and may be the schedule's."""
    told = {date.fromisoformat(name): item for name, item in kept.items()}
    first = min([*told, *realised, asked])
    every = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    nothing = {"drifted": 0, "features": 0, "severe": False, "rules": ""}
    return [Day(day, realised.get(day), **told.get(day, nothing)) for day in every]


def _realised(
    project: Project, followed: Followed, version: str, bundle: str, now: int
) -> tuple[dict[date, float | None], date]:
    """ROC-AUC of the last days, and the day on which the version was trained; by the traffic's clock."""
    from holdfast.project.bundles import opened
    from holdfast.project.daily import daily

    found = opened(project, bundle)
    made = datetime.fromisoformat(found.manifest.created_at).astimezone(UTC)
    trained = made.date() if int(made.timestamp() * 1e6) <= now else date.min  # recorded traffic is older than that
    label = found.contract.target
    settled = label.settled_after
    rows = followed.judgements(version, found.contract).outcomes(now - MOST * DAY - settled, now, now)
    return by_day(daily(rows, label, now), settled), trained


def findings(triggers: list[Trigger], done: Mapping[str, Any] | None) -> Iterable[Finding]:
    """What somebody has to know of it; kinds that did not fire are well."""
    reasons = {item.kind: item for item in triggers}
    for kind in ("performance", "drifted_features", "severe_drift", "sustained_drift", "business_rule", "schedule"):
        item = reasons.get(kind)
        if item is None:
            yield Finding(CODE, "ok", "retrain", "no reason to train anew", feature=kind)
            continue
        why, mend = f"reason to train anew: {item.why}", f'holdfast retrain --because "{kind}"'
        if done is not None:
            why += f"; trained anew: {done['ended']}" + (f", version {done['version']}" if done.get("version") else "")
            mend = (
                "holdfast approve and holdfast promote, by people"
                if done["ok"]
                else "holdfast ledger show --kind retraining says why not"
            )
        yield Finding(CODE, "alert", "retrain", why, mend, kind, evidence={"day": item.day.isoformat()})


def _train(project: Project, triggers: list[Trigger]) -> dict[str, Any]:
    """Train in a process of its own: the gate stands above this room, and what trains takes memory."""
    because = "; ".join(f"{item.kind}: {item.why}" for item in triggers)
    command = [sys.executable, "-m", "holdfast.cli.main", "-C", str(project.folder), "retrain", "--json"]
    command += ["--because", because]
    if nice := shutil.which("nice"):
        command = [nice, "-n", "10", *command]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST, check=False)
        told: dict[str, Any] = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError) as error:
        return {"ok": False, "ended": f"no answer ({type(error).__name__})"}
    if "error" in told:
        return {"ok": False, "ended": str(told["error"]["what"])}
    return {name: told.get(name) for name in ("ok", "ended", "reason", "version", "seq")}

"""The duty of `holdfast watch` that logs each settled day's production metrics onto its version's run in MLflow, once.

What was logged is asked of MLflow itself, so a watch that was killed at any moment, or slept, goes on where it was.
Days are those of the traffic, so recorded traffic has its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Any

from holdfast.contract.model import DAY
from holdfast.ledger.read import LedgerReader
from holdfast.monitoring.triggers import day_of
from holdfast.project.daily import daily, log_daily
from holdfast.project.followed import BACK
from holdfast.project.judged import Judgements
from holdfast.project.training_days import NOTED
from holdfast.project.watching import Found, Place

if TYPE_CHECKING:
    from holdfast.bundle.bundle import Bundle
    from holdfast.contract.model import Label
    from holdfast.project.daily import Daily
    from holdfast.project.project import Project

LOGGED = "metrics.logged"


class Production:
    """The days that settled since the last time, of every version that answered: also of one that answers no more."""

    name = "metrics"
    quick = False
    every = 600.0

    def look(self, place: Place) -> Found | None:
        kept = place.recall(NOTED)
        if kept is None:
            return None
        now, before = int(kept["now"]), place.recall(LOGGED)
        today = day_of(now)
        if before is not None and date.fromisoformat(before) >= today:
            return None
        # Longer ago than what is looked back on, or never: from the first record on.
        whole = before is None or (today - date.fromisoformat(before)).days >= BACK
        told = []
        for version, bundle in _answered(place.project, now, whole=whole):
            run, new = log_daily(place.project, version, bundle.hash, _days(place, version, bundle, now, whole=whole))
            told.append({"version": version, "run": run, "new": new})
        lines = [f"{item['new']} days of version {item['version']} logged to MLflow" for item in told if item["new"]]
        return Found(now, {}, {"metrics": told}, lines, {LOGGED: today.isoformat()})


def _answered(project: Project, now: int, *, whole: bool) -> Iterator[tuple[str, Bundle]]:
    """Versions with decisions that may have settled since; one whose bundle was taken away cannot be told any more."""
    from holdfast.project.bundles import opened
    from holdfast.project.counted import Counted

    with Counted(project) as counted:  # as the duty that looks at the traffic has just counted it
        for version, name in counted.versions():
            if not (project.bundles_path / name).is_dir():
                continue
            bundle = opened(project, name)
            end = now - bundle.contract.target.settled_after
            if counted.counts(version, 0 if whole else end - BACK * DAY, end, name).decisions:
                yield version, bundle


def _days(place: Place, version: str, bundle: Bundle, now: int, *, whole: bool) -> list[Daily]:
    label = bundle.contract.target
    found: Any
    if whole:
        found = Judgements(LedgerReader(place.project.ledger_path), bundle.contract, version)
        found.catch_up()
    else:
        found = place.followed.judgements(version, bundle.contract)
    return daily(found.outcomes(0 if whole else _first(now, label), now, now), label, now)


def _first(now: int, label: Label) -> int:
    """Midnight of the first day that is held as a whole, µs UTC."""
    return (now - label.settled_after) // DAY * DAY - (BACK - 1) * DAY

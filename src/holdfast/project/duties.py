"""The duties of `holdfast watch`, in the order in which `--once` does them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from holdfast.errors import HoldfastError
from holdfast.project.alerts.words import ours
from holdfast.project.production_days import Production
from holdfast.project.settings import Settings
from holdfast.project.training_days import NOTED, Training, noted, rules_hash
from holdfast.project.waiting import Waiting
from holdfast.project.watch import Seen, look
from holdfast.project.watching import Duty, Found, Place

if TYPE_CHECKING:
    from holdfast.monitoring.finding import Finding
    from holdfast.project.monitor import Report

SERVERS = frozenset({"errors"})
"""Causes that the look from outside tells: it needs nobody to have counted them."""
SHARED = frozenset({"WATCH208", "WATCH502", "WATCH503", "WATCH504"})
"""Watches whose answer is of the server, whichever version answered: each look has it, and it is told once."""
LONGEST = 3_000.0
"""Seconds that a comparison may take."""


class Server:
    """What a look from outside sees: does it answer, does it write, does it follow, what did it count."""

    name = "server"
    quick = True

    def __init__(self, every: float, without: Collection[str] = ()) -> None:
        """`without`: causes that another duty looks for, and better."""
        self.every, self._without = every, without

    def look(self, place: Place) -> Found:
        kept = place.recall("server.seen")
        before = Seen.of(kept) if kept else None
        found = look(place.project, place.address, before, key=place.key)
        found.findings = [item for item in found.findings if item.cause not in self._without]
        seen = found.seen if found.seen.answers else before
        remember = {} if seen is None else {"server.seen": asdict(seen)}
        return Found(found.at, {"": found.findings}, found.as_dict(), found.lines(), remember)


class Traffic:
    """What was counted of live traffic, looked at by every watch as `holdfast monitor` does: the champion's,
    the challenger's, and that of whoever an experiment lets answer."""

    name = "monitor"
    quick = True
    every = 60.0

    def look(self, place: Place) -> Found | None:
        from holdfast.project.monitor import Monitor
        from holdfast.project.monitor_history import keep

        reports: list[Report] = []
        contracts = []
        for version in place.followed.answering():
            with Monitor(place.project, version, followed=place.followed) as monitor:
                reports.append(monitor.look())
                contracts.append(monitor.bundle.contract)
        if not reports:
            return None
        place.followed.forget({(report.version, made.hash) for report, made in zip(reports, contracts, strict=True)})
        keep(place.project, reports[0])
        day = noted(place.recall(NOTED), reports[0], len(contracts[0].features), rules_hash(place.project))
        return Found(
            max(report.now for report in reports),
            told_once(reports),
            {"monitor": [report.as_dict() for report in reports]},
            [line for report in reports for line in report.lines()],
            {NOTED: day},
            ours=ours(contracts),
        )


def told_once(reports: Sequence[Report]) -> dict[str, list[Finding]]:
    """Findings by version, those of the server as such under no version: a server that is slow is slow once, however
    many versions are looked at, and no new version inherits what was found of the one before."""
    found = {
        report.version: [item for item in report.findings if item.cause not in SERVERS and item.code not in SHARED]
        for report in reports
    }
    found[""] = [item for item in reports[0].findings if item.cause not in SERVERS and item.code in SHARED]
    return found


class Parity:
    """The newest live answers computed again by the batch path, in a process of its own that gives way to others."""

    name = "parity"
    quick = False

    def __init__(self, every: float, sample: int) -> None:
        self.every, self._sample = every, sample

    def look(self, place: Place) -> Found | None:
        folder = str(place.project.folder)
        command = [sys.executable, "-m", "holdfast.cli.main", "-C", folder, "parity", "--live", "--json"]
        command += ["--sample", str(self._sample)]
        if nice := shutil.which("nice"):
            command = [nice, "-n", "10", *command]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST, check=False)
            told: dict[str, Any] = json.loads(done.stdout)
        except (subprocess.TimeoutExpired, ValueError) as error:
            raise HoldfastError(f"live parity gave no answer: {type(error).__name__}", where=folder) from None
        if "error" in told:
            if "nothing was answered" in told["error"]["what"]:
                return None
            raise HoldfastError(told["error"]["what"], where=told["error"]["where"], mend=told["error"]["mend"])
        # What differs is told by a watch of the traffic (WATCH208), which reads what the command has kept: by it alone,
        # or one difference would be two alerts.
        return Found(time.time_ns() // 1_000, {}, {"parity": told})


def duties(settings: Settings, every: float) -> tuple[Duty, ...]:
    """All of them; `every` are the seconds between two looks at the server."""
    found: list[Duty] = [Server(every, ("refusals",)), Traffic(), Training(), Waiting(), Production()]
    if settings.watch_parity_answers:
        found.append(Parity(settings.watch_parity_minutes * 60.0, settings.watch_parity_answers))
    return tuple(found)

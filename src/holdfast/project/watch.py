"""Watching a server from outside: what it says of itself, what it counted; and alerts.

A look compares with the look before: counts are judged by what came in between. It reads, and changes nothing.
"""

from __future__ import annotations

import http.client
import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from holdfast.errors import HoldfastError
from holdfast.monitoring.finding import Finding, Severity, Status
from holdfast.project.alerts.message import Message, of_finding
from holdfast.project.project import Project
from holdfast.project.settings import Settings

PATIENCE = 5.0
"""Seconds that the server has to say how it is."""
FEWEST_REQUESTS = 20
"""Fewer since the last look say nothing about a share."""
OUTSIDE = {
    "outage": "WATCH591", "ledger": "WATCH592", "promotion": "WATCH593", "errors": "WATCH594", "refusals": "WATCH595",
}  # fmt: skip
"""What is asked of a server from outside, by the cause that it names."""
_SAMPLE = re.compile(r"^(holdfast_\w+)(?:\{(.*)\})? (\S+)$", re.M)
_LABEL = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True)
class Seen:
    """What one look saw; counts are since the server began."""

    answers: bool = False
    requests: int = 0
    """Replies on routes that decide or record, of any status."""
    errors: int = 0
    """Those of a status from 500 on, and requests turned away because too many came."""
    refused: int = 0
    """Those of a status from 400 to 499."""

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Seen:
        """What a look kept, that of an earlier version of Holdfast too, which counted other things besides."""
        return cls(**{item.name: told[item.name] for item in fields(cls) if item.name in told})

    def since(self, before: Seen) -> tuple[int, int, int]:
        """(requests, errors, refused) that came in between; a server begun anew counts from nothing."""
        new = (self.requests, self.errors, self.refused)
        old = (before.requests, before.errors, before.refused)
        return new if new[0] < old[0] else (new[0] - old[0], new[1] - old[1], new[2] - old[2])


@dataclass
class Look:
    """What was seen and what was found, the good and the bad: each question of `OUTSIDE` that could be asked."""

    seen: Seen
    project: str
    at: int
    """µs UTC."""
    findings: list[Finding] = field(default_factory=list)

    @property
    def alerts(self) -> list[Message]:
        """What somebody should know of it, had nothing been seen before."""
        return [of_finding(item, self.at, self.project) for item in self.findings if item.status == "alert"]

    def as_dict(self) -> dict[str, Any]:
        return {"seen": self.seen.__dict__, "alerts": [alert.as_dict() for alert in self.alerts]}

    def lines(self) -> list[str]:
        seen = self.seen
        head = f"{seen.requests:,} requests, {seen.errors:,} errors, {seen.refused:,} refused"
        told = [f"{alert.severity}: {alert.what}; first step: {alert.first_step}" for alert in self.alerts]
        return [head if seen.answers else "the server does not answer", *(told or ["nothing is wrong with the server"])]


def look(project: Project, address: str, before: Seen | None = None, *, key: str = "") -> Look:
    """Look once at the server at `address`, with an API key that may read metrics where one is needed."""
    judge = _Judge(project.settings)
    at = time.time_ns() // 1_000
    try:
        status, told = _get(f"{address}/health", key)
        health = json.loads(told)
        page = _get(f"{address}/metrics", key)[1].decode()
    except (OSError, http.client.HTTPException, ValueError, HoldfastError) as error:
        why = str(getattr(error, "reason", error)) or type(error).__name__
        step = "start it (holdfast serve), and read the end of its log"
        judge.alert("outage", "critical", "the server does not answer", step, {"address": address, "why": why})
        return Look(Seen(), project.name, at, judge.findings)
    judge.health(status, health)
    counted = _counted(page)
    seen = Seen(True, *counted)
    judge.counts(seen.since(before or Seen()))
    return Look(seen, project.name, at, judge.findings)


class _Judge:
    """The rules. Each says one thing: that it alerts, that it is well, or that it cannot say."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.findings: list[Finding] = []

    def alert(self, rule: str, severity: Severity, what: str, step: str, evidence: Mapping[str, Any]) -> None:
        self.findings.append(Finding(OUTSIDE[rule], "alert", rule, what, step, severity=severity, evidence=evidence))

    def _else(self, rule: str, status: Status, why: str) -> None:
        if not any(item.cause == rule for item in self.findings):
            self.findings.append(Finding(OUTSIDE[rule], status, rule, why))

    def health(self, status: int, told: Mapping[str, Any]) -> None:
        checks: Mapping[str, str] = told.get("checks", {})
        wrong = {name: what.partition("\n")[0] for name, what in checks.items() if what != "ok"}
        if "ledger" in wrong:
            what = f"decisions cannot be written down: {wrong['ledger']}"
            step = "see whether the disk is full or failing; nothing is answered that is not on it"
            self.alert("ledger", "critical", what, step, {"checks": wrong})
        elif status != 200:
            what = "predictions would not be answered: " + "; ".join(f"{name}: {why}" for name, why in wrong.items())
            self.alert("outage", "critical", what, "holdfast state rebuild, or roll back", {"checks": wrong})
        for problem in told.get("problems", [])[:1]:
            what = f"what was promoted does not answer: {problem}"
            self.alert("promotion", "critical", what, "holdfast rollback", {"problem": problem})
        self._else("outage", "ok", "it answers")
        self._else("ledger", "ok", "decisions are written down")
        self._else("promotion", "ok", "what was promoted answers")

    def counts(self, since: tuple[int, int, int]) -> None:
        requests, errors, refused = since
        evidence = {"requests": requests, "errors": errors, "refused": refused}
        if requests + errors and errors > self._settings.alerts_error_share * requests:
            what = f"{errors:,} of the last {requests:,} requests failed"
            self.alert("errors", "critical", what, "read the server's log: each fault stands there", evidence)
        if requests >= FEWEST_REQUESTS and refused > self._settings.alerts_refused_share * requests:
            what = f"{refused:,} of the last {requests:,} requests were refused"
            step = "ask who sends them what changed; holdfast_refusals_total says what is wrong with them"
            self.alert("refusals", "warning", what, step, evidence)
        self._else("errors", "ok" if requests else "too_few", f"{errors:,} of the last {requests:,} requests failed")
        enough = requests >= FEWEST_REQUESTS
        self._else("refusals", "ok" if enough else "too_few", f"{refused:,} of the last {requests:,} were refused")


def _counted(page: str) -> tuple[int, int, int]:
    """(requests, errors, refused) from the page for Prometheus."""
    requests = errors = refused = 0
    for name, labels, value in _SAMPLE.findall(page):
        told = dict(_LABEL.findall(labels))
        if name == "holdfast_turned_away_total" and told["reason"] in ("busy", "late"):
            errors += int(value)
        if name != "holdfast_replies_total" or told["route"] in LOOKED_AT:
            continue
        requests += int(value)
        errors += int(value) * (int(told["status"]) >= 500)
        refused += int(value) * (400 <= int(told["status"]) < 500)
    return requests, errors, refused


LOOKED_AT = ("/", "/livez", "/readyz", "/health", "/metrics", "/model-info", "(none)")
"""Routes by which one looks at the server; what they answer is no request of a client's."""


def _get(address: str, key: str) -> tuple[int, bytes]:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    request = urllib.request.Request(address, headers=headers)  # noqa: S310  # an operator's own address
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as reply:  # noqa: S310
            return reply.status, reply.read()
    except urllib.error.HTTPError as error:
        if error.code in (401, 403):
            raise HoldfastError(
                f"the server does not tell: {error.code}", where=address, mend="HOLDFAST_KEY=… with a viewer's key"
            ) from None
        return error.code, error.read()

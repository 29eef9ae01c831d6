"""What leaves the project when somebody is told of an alert: words of ours and numbers, nothing that a client sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from holdfast.monitoring.alerting import Event, Notice, Part
from holdfast.monitoring.finding import Finding, Severity

MOST_NAMED = 10
"""Features named in a sentence; more are counted."""
MOST_PARTS = 50
MOST_TEXT = 600


@dataclass(frozen=True)
class Message:
    """One word about one alert. `key` is the same however often it is sent, `alert` the same for the whole incident.

    ``critical``: answers fail or are about to. ``high``, ``warning``: they come, and may be wrong.
    """

    rule: str
    """The likely cause in one word: ``outage``, ``units``, ``drift`` …"""
    severity: Severity
    what: str
    first_step: str
    """What to do before anything else."""
    at: str
    """ISO 8601, UTC."""
    project: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    event: Event = "opened"
    alert: str = ""
    key: str = ""
    version: str = ""
    opened: str = ""
    features: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    findings: tuple[Mapping[str, Any], ...] = ()
    """All parts of the alert, the leading one first."""

    @property
    def resolved(self) -> bool:
        return self.event == "resolved"

    @property
    def text(self) -> str:
        """The whole message in one line, for receivers that show nothing else."""
        if self.resolved:
            return f"resolved: {self.project}: {self.what}"
        again = {"reopened": " again", "explained": ", cause known", "widened": ", more of it"}.get(self.event, "")
        return f"{self.severity}{again}: {self.project}: {self.what}. First step: {self.first_step}"

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "text": self.text}

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Message:
        """What `as_dict` wrote."""
        made: dict[str, Any] = {name: told[name] for name in cls.__dataclass_fields__}
        for name in ("features", "codes", "findings"):
            made[name] = tuple(made[name])
        return cls(**made)


def message(notice: Notice, project: str) -> Message:
    """A notice as it leaves; what its findings say has been through `words.cleaned`."""
    alert, lead = notice.alert, notice.alert.lead
    parts = sorted(alert.parts, key=lambda part: (part.key != lead.key, part.key))
    what, features = lead.why, alert.features
    if len(features) > 1:
        more = len(features) - MOST_NAMED
        named = ", ".join(features[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
        what = f"{alert.cause} in {len(features)} features ({named}); {what}"
    return Message(
        rule=alert.cause,
        severity=alert.severity,
        what=what[:MOST_TEXT],
        first_step=lead.mend[:MOST_TEXT],
        at=iso(notice.at),
        project=project,
        evidence=dict(lead.evidence),
        event=notice.event,
        alert=alert.id,
        key=notice.key,
        version=alert.version,
        opened=iso(alert.opened),
        features=features,
        codes=tuple(sorted({part.code for part in alert.parts})),
        findings=tuple(_said(part) for part in parts[:MOST_PARTS]),
    )


def of_finding(found: Finding, at: int, project: str) -> Message:
    """A finding of a look from outside, as if it were told by itself."""
    return Message(
        found.cause, found.severity, found.why, found.mend, iso(at), project, dict(found.evidence), codes=(found.code,)
    )


def iso(at: int) -> str:
    """µs UTC as people read it."""
    return datetime.fromtimestamp(at / 1e6, UTC).isoformat(timespec="milliseconds")


def _said(part: Part) -> dict[str, Any]:
    return {
        "code": part.code,
        "cause": part.cause,
        "feature": part.feature,
        "severity": part.severity,
        "why": part.why,
        "mend": part.mend,
        "evidence": dict(part.evidence),
        "first": iso(part.first),
        "last": iso(part.last),
    }

"""What leaves the project when somebody is told of an alert: words of ours and numbers, nothing that a client sent."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from holdfast.monitoring.alerting import Event, Notice, Part
from holdfast.monitoring.finding import Finding, Severity

HIDDEN = "…"
"""Stands where a client's word stood."""
MOST_NAMED = 10
"""Features named in a sentence; more are counted."""
MOST_PARTS = 50
MOST_TEXT = 600

_OURS = re.compile(r"WATCH[0-9]{3}|[0-9]{3}|[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.+]+Z?)?")
"""What nobody need vouch for: codes of watches, HTTP statuses, dates and times."""


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


def message(notice: Notice, project: str, *, ours: Collection[str] | None = None) -> Message:
    """A notice as it leaves. `ours` are the words that may leave (names of the contract); None: all of it is ours."""
    alert, lead = notice.alert, notice.alert.lead
    parts = sorted(alert.parts, key=lambda part: (part.key != lead.key, part.key))
    said = [_said(part, ours) for part in parts]
    features = tuple(_feature(name, ours) for name in alert.features)
    what = said[0]["why"]
    if len(features) > 1:
        named = ", ".join(features[:MOST_NAMED]) + (f" and {len(features) - MOST_NAMED} more" * (len(features) > 10))
        what = f"{alert.cause} in {len(features)} features ({named}); {what}"
    return Message(
        rule=alert.cause,
        severity=alert.severity,
        what=what[:MOST_TEXT],
        first_step=said[0]["mend"][:MOST_TEXT],
        at=iso(notice.at),
        project=project,
        evidence=said[0]["evidence"],
        event=notice.event,
        alert=alert.id,
        key=notice.key,
        version=alert.version,
        opened=iso(alert.opened),
        features=features,
        codes=tuple(sorted({part.code for part in alert.parts})),
        findings=tuple(said[:MOST_PARTS]),
    )


def of_finding(found: Finding, at: int, project: str) -> Message:
    """A finding of a look from outside, as if it were told by itself."""
    return Message(
        found.cause, found.severity, found.why, found.mend, iso(at), project, dict(found.evidence), codes=(found.code,)
    )


def iso(at: int) -> str:
    """µs UTC as people read it."""
    return datetime.fromtimestamp(at / 1e6, UTC).isoformat(timespec="milliseconds")


def _said(part: Part, ours: Collection[str] | None) -> dict[str, Any]:
    theirs: set[str] = set()
    segment = part.feature.partition("=")[2].strip()
    if segment and _feature(part.feature, ours) != part.feature:
        theirs.add(segment)
    # What a figure is called is ours; below that a name may be a word that somebody sent, counted.
    evidence = {name: _kept(value, ours, theirs) for name, value in part.evidence.items()}
    return {
        "code": part.code,
        "cause": part.cause,
        "feature": _feature(part.feature, ours),
        "severity": part.severity,
        "why": _without(part.why, theirs),
        "mend": _without(part.mend, theirs),
        "evidence": evidence,
        "first": iso(part.first),
        "last": iso(part.last),
    }


def _feature(name: str, ours: Collection[str] | None) -> str:
    """A feature's name; a segment (``field=value``) keeps its field."""
    head, _, segment = (part.strip() for part in name.partition("="))
    if ours is None or not name or name in ours or (head in ours and segment in ours):
        return name
    return f"{head} = {HIDDEN}" if segment and head in ours else HIDDEN


def _kept(value: Any, ours: Collection[str] | None, theirs: set[str]) -> Any:
    """Numbers and truths as they are, texts where they are ours; `theirs` collects the others."""
    if ours is None or value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {_kept(str(name), ours, theirs): _kept(item, ours, theirs) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_kept(item, ours, theirs) for item in value]
    text = str(value)
    if text in ours or _OURS.fullmatch(text):
        return text
    theirs.add(text)
    return HIDDEN


def _without(text: str, theirs: Collection[str]) -> str:
    """A sentence without the words that did not pass; longer ones first, so that none is left in half."""
    for word in sorted((word for word in theirs if word), key=len, reverse=True):
        text = text.replace(word, HIDDEN)
    return text

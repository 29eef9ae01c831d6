"""From findings to alerts: one incident is one alert, however often and in however many features it is seen.

A pure state machine: `advance` takes what was open, what one look found and when, and answers what is open now and what
somebody has to be told. It reads no clock; times are µs UTC. The rules, in the order in which they are asked:

1. A finding that alerts belongs to the open alert that already has it (same code, cause, feature and version), else to
   the open one of its cause and version: ten drifted features with one cause are one alert.
2. A symptom (`Rules.symptoms`: a drift, other scores) that shows within `together` of a nearer cause belongs to that
   cause's alert, else to that of another symptom; when the symptom came first, its alert takes the cause's name and
   somebody is told that it is known.
3. What returns within `reopen_within` of having been resolved opens the same alert again; else a new one is opened.
4. A part is well when its watch says so, or answers without naming it, or its version answers no more. ``too_few``,
   ``crashed``, ``not_applicable`` and, of the part itself, ``explained`` say nothing. An alert is resolved when all its
   parts have been well for `well_for`.
5. Somebody is told when an alert is opened, when it gets more severe, and once when it is resolved: at once. That it
   has more parts, or is open again, waits until `cool_down` has passed since the last word; a critical one does not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from holdfast.monitoring.finding import SEVERITIES, Finding, Severity

Event = Literal["opened", "escalated", "explained", "widened", "reopened", "resolved"]

MINUTE = 60_000_000


@dataclass(frozen=True, slots=True)
class Rules:
    """How long what lasts; µs."""

    well_for: int = 30 * MINUTE
    """Well for so long: resolved."""
    cool_down: int = 60 * MINUTE
    """Between two words about one alert, where the second can wait."""
    reopen_within: int = 24 * 60 * MINUTE
    """What returns later is another incident."""
    together: int = 24 * 60 * MINUTE
    """Cause and symptom of one incident show within this of each other."""
    symptoms: frozenset[str] = frozenset()
    """Causes that say what is other, and not why."""
    least: Severity = "warning"
    """Findings below it open no alert."""


@dataclass(frozen=True, slots=True)
class Part:
    """One finding of an alert, as it was last seen when it alerted."""

    code: str
    cause: str
    feature: str
    severity: Severity
    why: str
    mend: str
    evidence: Mapping[str, Any]
    first: int
    last: int
    well_since: int | None = None
    """When the looks began that found it well; None while it is not."""

    @property
    def place(self) -> tuple[str, str]:
        return self.code, self.feature

    @property
    def key(self) -> tuple[str, str, str]:
        return self.code, self.cause, self.feature


@dataclass(frozen=True, slots=True)
class Alert:
    """One incident. `severity` is the worst since it was opened, or opened again."""

    id: str
    version: str
    cause: str
    severity: Severity
    opened: int
    parts: tuple[Part, ...]
    """By code, cause and feature."""
    resolved: int | None = None
    told: Severity | Literal[""] = ""
    """The severity people know of; empty when they know of none, or were told that it is resolved."""
    worst_told: Severity | Literal[""] = ""
    told_parts: int = 0
    told_at: int = 0
    words: int = 0
    """How often somebody was told of it."""

    @property
    def lead(self) -> Part:
        """The part to begin with: of the alert's own cause, the most severe, the first to show."""
        return min(self.parts, key=lambda p: (p.cause != self.cause, -_rank(p.severity), p.first, p.key))

    @property
    def features(self) -> tuple[str, ...]:
        """Features of the alert's own cause, else of any."""
        own = {part.feature for part in self.parts if part.cause == self.cause}
        return tuple(sorted(name for name in own if name))

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Alert:
        """What `as_dict` wrote."""
        return cls(**{**told, "parts": tuple(Part(**part) for part in told["parts"])})


@dataclass(frozen=True, slots=True)
class Notice:
    """Somebody has to be told of an alert; `key` is the same however often it is sent."""

    event: Event
    alert: Alert
    at: int

    @property
    def key(self) -> str:
        return f"{self.alert.id}-{self.alert.words}"


@dataclass(frozen=True, slots=True)
class Book:
    """All alerts that are open, or may be opened again, of one source of findings; `at` is the last look."""

    name: str
    """Whose they are: project and source. Ids are made of it."""
    alerts: tuple[Alert, ...] = ()
    at: int = 0

    @property
    def open(self) -> tuple[Alert, ...]:
        return tuple(alert for alert in self.alerts if alert.resolved is None)


@dataclass(slots=True)
class _Case:
    """An alert while one look is being judged."""

    alert: Alert
    parts: dict[tuple[str, str, str], Part] = field(default_factory=dict)
    seen: set[tuple[str, str, str]] = field(default_factory=set)
    explained: bool = False

    @property
    def open(self) -> bool:
        return self.alert.resolved is None


def advance(
    book: Book, found: Mapping[str, Iterable[Finding]], at: int, rules: Rules | None = None
) -> tuple[Book, list[Notice]]:
    """The book after a look at `at`, and who has to be told what. `found` are the findings by version that answers.

    A look earlier than the last one counts as at the last one's time: clocks go back. The order of findings is nothing.
    """
    rules = rules or Rules()
    at = max(at, book.at)
    looks = {version: tuple(findings) for version, findings in sorted(found.items())}
    cases = [_Case(alert, {part.key: part for part in alert.parts}) for alert in book.alerts]
    bad = [
        (version, item)
        for version, findings in looks.items()
        for item in findings
        if item.status == "alert" and _rank(item.severity) >= _rank(rules.least)
    ]
    # Causes before symptoms, so that a symptom of the same look finds its cause.
    bad.sort(key=lambda pair: (pair[1].cause in rules.symptoms, pair[0], *_order(pair[1])))
    for version, item in bad:
        case = _home(cases, book.name, version, item, at, rules)
        seen = case.parts.get((item.code, item.cause, item.feature))
        if (item.code, item.cause, item.feature) in case.seen:
            continue  # told twice in one look: the more severe came first
        case.seen.add((item.code, item.cause, item.feature))
        case.parts[item.code, item.cause, item.feature] = Part(
            item.code, item.cause, item.feature, item.severity, item.why, item.mend, item.evidence,
            seen.first if seen else at, at,
        )  # fmt: skip
    notices = []
    kept = []
    for case in cases:
        alert = _aged(case, looks, at, rules)
        event = "explained" if case.explained else _event(alert, at, rules)
        if event is not None:
            known: Severity | Literal[""] = "" if event == "resolved" else alert.severity
            worst = max((alert.worst_told, known), key=_rank)
            alert = replace(
                alert, told=known, worst_told=worst, told_parts=len(alert.parts), told_at=at, words=alert.words + 1
            )
            notices.append(Notice(event, alert, at))
        if alert.resolved is None or at - alert.resolved < rules.reopen_within:
            kept.append(alert)
    kept.sort(key=lambda alert: (alert.opened, alert.id))
    notices.sort(key=lambda notice: (-_rank(notice.alert.severity), notice.alert.opened, notice.alert.id))
    return Book(book.name, tuple(kept), at), notices


def _home(cases: list[_Case], name: str, version: str, item: Finding, at: int, rules: Rules) -> _Case:
    """The case that a finding belongs to, opened or opened again where there is none."""
    own = [case for case in cases if case.alert.version == version]
    key = (item.code, item.cause, item.feature)
    opened = [case for case in own if case.open]
    for case in opened:
        if key in case.parts:
            return case
    for case in opened:
        if case.alert.cause == item.cause:
            return case
    near = [case for case in opened if at - case.alert.opened <= rules.together]
    if item.cause in rules.symptoms:
        if near:
            return min(near, key=lambda case: case.alert.cause in rules.symptoms)
    else:
        for case in near:
            if case.alert.cause in rules.symptoms:
                # The symptom showed first: now its cause is known.
                case.explained = bool(case.alert.told)
                case.alert = replace(case.alert, cause=item.cause)
                return case
    for case in reversed(own):
        again = case.alert.resolved is not None and at - case.alert.resolved < rules.reopen_within
        if again and case.alert.cause == item.cause:
            case.alert = replace(case.alert, resolved=None, severity=item.severity)
            case.parts = {}
            return case
    made = Alert(_id(name, version, item.cause, at), version, item.cause, item.severity, at, ())
    cases.append(_Case(made))
    return cases[-1]


def _aged(case: _Case, looks: Mapping[str, tuple[Finding, ...]], at: int, rules: Rules) -> Alert:
    """The alert with its parts as this look found them; resolved when all have been well for long enough."""
    alert = case.alert
    if alert.resolved is not None:
        return alert
    findings = looks.get(alert.version)
    parts = tuple(_looked_at(part, findings, at, rules) for _, part in sorted(case.parts.items()))
    bad = [part.severity for part in parts if part.last == at and part.well_since is None]
    severity = max((alert.severity, *bad), key=_rank)
    well = all(part.well_since is not None and at - part.well_since >= rules.well_for for part in parts)
    return replace(alert, parts=parts, severity=severity, resolved=at if well else None)


def _looked_at(part: Part, findings: tuple[Finding, ...] | None, at: int, rules: Rules) -> Part:
    """Well, not well, or as it was, where this look says nothing."""
    if findings is None:  # its version answers no more
        return part if part.well_since is not None else replace(part, well_since=at)
    of_code = [item for item in findings if item.code == part.code]
    here = [item for item in of_code if item.feature == part.feature]
    if any(item.status == "alert" and _rank(item.severity) >= _rank(rules.least) for item in here):
        return replace(part, well_since=None)
    says = ("ok", "alert") if here else ("ok", "alert", "explained")
    if not any(item.status in says for item in here or of_code) or part.well_since is not None:
        return part
    return replace(part, well_since=at)


def _event(alert: Alert, at: int, rules: Rules) -> Event | None:
    """What people have to be told, by what they know."""
    if alert.resolved is not None:
        return "resolved" if alert.told else None
    cooled = at - alert.told_at >= rules.cool_down
    if not alert.words:
        return "opened"
    if not alert.told:
        urgent = alert.severity == "critical" or _rank(alert.severity) > _rank(alert.worst_told)
        return "reopened" if urgent or cooled else None
    if _rank(alert.severity) > _rank(alert.told):
        return "escalated"
    return "widened" if len(alert.parts) > alert.told_parts and cooled else None


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else -1


def _order(item: Finding) -> tuple[Any, ...]:
    return (-_rank(item.severity), item.code, item.cause, item.feature, item.why)


def _id(name: str, version: str, cause: str, at: int) -> str:
    told = "\0".join((name, version, cause, str(at)))
    return hashlib.blake2b(told.encode(), digest_size=8).hexdigest()

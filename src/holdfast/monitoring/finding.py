"""What a watch found: one answer about one feature, or about the model as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

Status = Literal["ok", "alert", "explained", "too_few", "not_applicable", "crashed"]
"""``explained``: seen, and a consequence of an alert that stands before it; nobody is told of it apart."""
Severity = Literal["info", "warning", "high", "critical"]
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "high", "critical")


@dataclass(frozen=True, slots=True)
class Finding:
    """`code` (``WATCH…``) and `cause` (a short stable word: ``units``, ``nulls``, ``vocabulary`` …) never change their
    meaning; `why` says it with its figures, `mend` the first step. Only ``ok`` is well: ``too_few`` rows say nothing.
    """

    code: str
    status: Status
    cause: str
    why: str
    mend: str = ""
    feature: str = ""
    """Feature, field, segment or label; empty for the model as a whole."""
    severity: Severity = "warning"
    evidence: Mapping[str, Any] = field(default_factory=dict)
    since: int = 0
    """µs UTC of event time: where the stretch begins that shows it."""
    predictions: int = 0
    """Decisions in that stretch."""

    def as_dict(self) -> dict[str, Any]:
        """As `holdfast monitor --json` says it; `since` in ISO 8601, null where no stretch shows it."""
        since = datetime.fromtimestamp(self.since / 1e6, UTC).isoformat(timespec="seconds") if self.since else None
        return {
            "code": self.code,
            "status": self.status,
            "feature": self.feature,
            "severity": self.severity,
            "cause": self.cause,
            "why": self.why,
            "mend": self.mend,
            "since": since,
            "predictions": self.predictions,
            "evidence": dict(self.evidence),
        }

"""What a watch found: one answer about one feature, or about the model as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Status = Literal["ok", "alert", "too_few", "not_applicable", "crashed"]
Severity = Literal["info", "warning", "high", "critical"]


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

"""The published shape of what `holdfast monitor --json` answers, as JSON Schema (2020-12), made from the code."""

from __future__ import annotations

import json
from typing import Any, get_args

from holdfast.monitoring.finding import Severity, Status

TEXT = {"type": "string"}


def schema() -> dict[str, Any]:
    finding = _object(
        {
            "code": {"type": "string", "pattern": "^WATCH[1-5][0-9]{2}$", "description": "A page in docs/monitor."},
            "status": {
                "enum": list(get_args(Status)),
                "description": "Only ok is well. explained: a consequence of an alert that stands before it.",
            },
            "feature": {**TEXT, "description": "Feature, field or segment; empty: the model as a whole."},
            "severity": {"enum": list(get_args(Severity))},
            "cause": {**TEXT, "description": "A short word that keeps its meaning: units, nulls, vocabulary …"},
            "why": {**TEXT, "description": "What was found, with its figures."},
            "mend": {**TEXT, "description": "The first step."},
            "since": {
                "type": ["string", "null"],
                "description": "Where the stretch that shows it begins, ISO 8601 UTC.",
            },
            "predictions": {"type": "integer", "minimum": 0, "description": "Decisions in that stretch."},
            "evidence": {"type": "object", "description": "The figures it was decided by."},
        },
        "What one watch found about one feature, or about the model.",
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Monitor",
        **_object(
            {
                "schema": {"const": 1},
                "project": TEXT,
                "version": TEXT,
                "bundle": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
                "at": {**TEXT, "description": "The instant of event time it is of, ISO 8601 UTC."},
                "predictions": {"type": "integer", "minimum": 0, "description": "Decisions of the day before."},
                "ok": {"type": "boolean", "description": "No alert, and every watch could look."},
                "severity": {"enum": ["", *get_args(Severity)], "description": "The worst of its alerts."},
                "findings": {
                    "type": "array",
                    "items": finding,
                    "description": "Alerts first, what explains before what it explains.",
                },
            },
            "One look at a version's live traffic.",
        ),
    }


def _object(properties: dict[str, Any], description: str) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "required": list(properties),
        "additionalProperties": False,
        "properties": properties,
    }


def page() -> str:
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"

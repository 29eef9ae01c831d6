"""The published shape of a verdict, as JSON Schema (2020-12), made from the words of the code."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any, get_args

from holdfast.checks.check import CATEGORIES, Severity
from holdfast.checks.limits import Limits
from holdfast.checks.verdict import SCHEMA
from holdfast.finding import Status

TEXT = {"type": "string"}
HASH = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
METRIC = {
    "type": "object",
    "required": ["value", "low", "high"],
    "additionalProperties": False,
    "properties": {name: {"type": ["number", "null"]} for name in ("value", "low", "high")},
}


def schema() -> dict[str, Any]:
    """Of the file that is kept; the answer of ``holdfast check --json`` has `kept` besides, which says where."""
    own = {
        "schema": {"const": SCHEMA},
        "version": TEXT,
        "bundle": {**HASH, "description": "What was examined, by the hash of its content."},
        "at": {**TEXT, "description": "When, ISO 8601 UTC."},
        "ok": {"type": "boolean", "description": "Whether it may be promoted, approvals apart."},
        "partial": {"type": "boolean", "description": "Only a part was asked: this is no verdict, and ok is false."},
        "only": {"type": "array", "items": TEXT, "description": "What the part was chosen by."},
        "unasked": {
            "type": "array",
            "items": {"enum": [item.key for item in CATEGORIES]},
            "description": "Categories in which nothing required was asked.",
        },
        "checks": {"type": "array", "items": _check()},
        "limits": {
            "type": "object",
            "description": "What it was judged by.",
            "properties": {
                item.name: {"type": ["number", "string", "boolean", "array", "object", "null"]}
                for item in fields(Limits)
            },
        },
        "model": _object(dict.fromkeys(("name", "family", "model_hash", "contract"), TEXT)),
        "trained": _object(
            {
                **dict.fromkeys(("who", "when", "run", "holdfast", "python", "platform", "baseline"), TEXT),
                "seed": {"type": ["integer", "null"]},
                "libraries": {"type": "object", "additionalProperties": TEXT},
                "code": {"type": "object"},
                "data": {"type": "object"},
                "metrics": {
                    "type": "object",
                    "additionalProperties": {"type": "object", "additionalProperties": METRIC},
                },
            }
        ),
        "made_with": _object(
            {
                **dict.fromkeys(("command", "holdfast", "python", "platform"), TEXT),
                "libraries": {"type": "object", "additionalProperties": TEXT},
            }
        ),
    }
    kept = _object(
        {"digest": HASH, "path": TEXT, "html": TEXT, "notes": {"type": "array", "items": TEXT}},
        "Only in the command's answer.",
    )
    whole = _object(own, "What the gate says of one version.")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Verdict",
        **whole,
        "properties": {**own, "kept": kept},
    }


def page() -> str:
    """The schema as its file in the docs."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _check() -> dict[str, Any]:
    told = "The figures the answer was made from; numbers that are none are null."
    return _object(
        {
            "code": {"type": "string", "pattern": "^GATE[0-9]{3,4}$"},
            "category": {"enum": [item.key for item in CATEGORIES]},
            "title": TEXT,
            "question": TEXT,
            "severity": {"enum": list(get_args(Severity))},
            "status": {"enum": [*get_args(Status), "waived"]},
            "why": TEXT,
            "mend": TEXT,
            "evidence": {"type": "object", "description": told},
            "seconds": {"type": "number", "minimum": 0},
            "waiver": {"oneOf": [{"type": "null"}, _waiver()]},
        }
    )


def _waiver() -> dict[str, Any]:
    until = {"type": "integer", "description": "µs since 1970, UTC."}
    standing = {"type": "boolean", "description": "Of every version of the contract, while the check does not apply."}
    return _object({"code": TEXT, "who": TEXT, "why": TEXT, "until": until, "standing": standing})


def _object(properties: dict[str, Any], told: str = "") -> dict[str, Any]:
    shape = {"type": "object", "required": list(properties), "additionalProperties": False, "properties": properties}
    return {**shape, "description": told} if told else shape

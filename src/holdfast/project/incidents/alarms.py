"""What somebody was told, or would be told now: open alerts of the watch, and one look at the server from outside."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from datetime import UTC, datetime
from typing import Any

from holdfast.errors import HoldfastError
from holdfast.project.project import Project

PATIENCE = 5.0


def alarms(project: Project, address: str, key: str) -> list[dict[str, Any]]:
    """Each with `at` (ISO 8601), `seen` (µs UTC), `severity`, `cause`, `what`, `first_step`; the first one first.

    `began`, where it is known, is the event time at which it first showed.
    """
    found = [*watched(project), *looked(project, address, key)]
    return sorted(found, key=lambda item: int(item["seen"]))


def watched(project: Project) -> list[dict[str, Any]]:
    """Alerts that the watch holds open, from what it keeps on disk."""
    found = []
    for place in sorted((project.home / "alerts").glob("*.json")):
        try:
            told = json.loads(place.read_text(encoding="utf-8"))
            listed = told.get("alerts", []) if isinstance(told, dict) else []
            found += [_of(item) for item in listed if item.get("resolved") is None and item.get("parts")]
        except (OSError, ValueError, KeyError, TypeError):
            continue  # it is being written, or is something else: evidence must not fail for it
    return found


def _of(item: dict[str, Any]) -> dict[str, Any]:
    lead = next((part for part in item["parts"] if part["cause"] == item["cause"]), item["parts"][0])
    return {
        "at": _text(item["opened"]), "seen": item["opened"], "severity": item["severity"], "cause": item["cause"],
        "what": lead["why"], "first_step": lead["mend"], "by": lead["code"],
        "began": min(int(part["first"]) for part in item["parts"]),
    }  # fmt: skip


def looked(project: Project, address: str, key: str) -> list[dict[str, Any]]:
    """What a look at the server from outside would alert of now."""
    from holdfast.project.watch import look

    try:
        found = look(project, address, key=key).alerts
    except HoldfastError:
        return []  # nothing is live yet, or its bundle is away: other evidence says so
    return [
        {
            "at": item.at, "seen": int(datetime.fromisoformat(item.at).timestamp() * 1e6), "severity": item.severity,
            "cause": item.rule, "what": item.what, "first_step": item.first_step, "by": "look",
        }
        for item in found
    ]  # fmt: skip


def health(address: str, key: str) -> tuple[int, dict[str, Any]] | None:
    """What the server says of itself; None where none answers."""
    headers = {"authorization": f"Bearer {key}"} if key else {}
    request = urllib.request.Request(f"{address}/health", headers=headers)  # noqa: S310  # an operator's own address
    try:
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as reply:  # noqa: S310
                status, told = reply.status, reply.read()
        except urllib.error.HTTPError as error:
            status, told = error.code, error.read()
        shape = json.loads(told)
    except (OSError, http.client.HTTPException, ValueError):
        return None
    return (status, shape) if isinstance(shape, dict) else None


def _text(moment: int) -> str:
    return datetime.fromtimestamp(moment / 1e6, UTC).isoformat(timespec="milliseconds")

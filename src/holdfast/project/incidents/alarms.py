"""What somebody was told, or would be told now: open alerts of the watch, and one look at the server from outside."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from datetime import datetime
from typing import Any

from holdfast.errors import HoldfastError
from holdfast.project.alerts.message import iso
from holdfast.project.project import Project

PATIENCE = 5.0


def alarms(project: Project, address: str, key: str) -> list[dict[str, Any]]:
    """Each with `at` (ISO 8601), `seen` (µs UTC), `severity`, `cause`, `what`, `first_step`; the first one first.

    `began`, where it is known, is the event time at which it first showed.
    """
    found = [*watched(project), *looked(project, address, key), *monitored(project)]
    return sorted(found, key=lambda item: int(item["seen"]))


def watched(project: Project) -> list[dict[str, Any]]:
    """Alerts that `holdfast watch` holds open."""
    from holdfast.project.alerts.shown import alerts

    return [
        {
            "at": iso(item.alert.opened), "seen": item.alert.opened, "severity": item.alert.severity,
            "cause": item.alert.cause, "what": item.alert.lead.why, "first_step": item.alert.lead.mend,
            "by": f"alert {item.alert.id}", "began": min(part.first for part in item.alert.parts),
        }
        for item in alerts(project)
    ]  # fmt: skip


def looked(project: Project, address: str, key: str) -> list[dict[str, Any]]:
    """What a look at the server from outside would alert of now."""
    from holdfast.project.watch import look

    try:
        found = look(project, address, key=key).alerts
    except HoldfastError:
        return []  # nothing is live yet, or its bundle is away: other evidence says so
    return [
        {
            "at": item.at, "seen": _micros(item.at), "severity": item.severity, "cause": item.rule,
            "what": item.what, "first_step": item.first_step, "by": "a look from outside",
        }
        for item in found
    ]  # fmt: skip


def monitored(project: Project) -> list[dict[str, Any]]:
    """What the watches of `holdfast monitor` say now of what was counted."""
    from holdfast.ledger.writer import now_micros
    from holdfast.project.monitor import monitor

    try:
        found = monitor(project).alerts
    except HoldfastError:
        return []
    now = now_micros()
    return [
        {
            "at": iso(now), "seen": now, "severity": item.severity, "cause": item.cause, "what": item.why,
            "first_step": item.mend, "by": item.code, "began": item.since,
        }
        for item in found
    ]  # fmt: skip


def _micros(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1e6)


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

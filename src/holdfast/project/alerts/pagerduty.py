"""To PagerDuty, by Events API v2: an alert is triggered, updated and resolved under one `dedup_key`.

As developer.pagerduty.com and PagerDuty's own OpenAPI description have it; 202 says that the event was accepted.
"""

from __future__ import annotations

from typing import Any

from holdfast.project.alerts.door import address, post, secret
from holdfast.project.alerts.message import Message

SETTING = "alerts.pagerduty"
ENQUEUE = "https://events.pagerduty.com/v2/enqueue"
SEVERITY = {"critical": "critical", "high": "error", "warning": "warning", "info": "info"}


class PagerDutyDoor:
    """What is sent again changes nothing there: the same key is the same alert."""

    name = "pagerduty"

    def __init__(self, key: str, place: str = ENQUEUE) -> None:
        self._key = secret(key, SETTING)
        self._address = address(place, f"{SETTING}_address")

    def send(self, message: Message) -> None:
        post(self._address, payload(message, self._key), SETTING)


def payload(message: Message, key: str) -> dict[str, Any]:
    """The event. A summary has at most 1,024 characters, a `dedup_key` at most 255."""
    dedup = f"holdfast/{message.alert}"
    if message.resolved:
        return {"routing_key": key, "event_action": "resolve", "dedup_key": dedup}
    return {
        "routing_key": key,
        "event_action": "trigger",
        "dedup_key": dedup,
        "client": "Holdfast",
        "payload": {
            "summary": f"{message.project}: {message.what}"[:1_024],
            "severity": SEVERITY[message.severity],
            "source": message.project,
            "timestamp": message.at,
            "component": f"version {message.version}" if message.version else "server",
            "group": message.project,
            "class": message.rule,
            "custom_details": {
                "first_step": message.first_step,
                "event": message.event,
                "opened": message.opened,
                "features": list(message.features),
                "watches": list(message.codes),
                "evidence": dict(message.evidence),
                "alert": message.alert,
            },
        },
    }

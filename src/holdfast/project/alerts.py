"""The alert door: what is told to people when something is wrong, and the ways by which it gets to them."""

from __future__ import annotations

import http.client
import json
import logging
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol

from holdfast.errors import HoldfastError
from holdfast.project.settings import FILE, Settings

log = logging.getLogger("holdfast.alerts")

AlertSeverity = Literal["warning", "critical"]
PATIENCE = 5.0
"""Seconds that a receiver may take."""
TRIES, BETWEEN = 3, 0.5


@dataclass(frozen=True)
class Alert:
    """Something a person should know. `evidence` is JSON and holds nothing a client sent.

    ``critical``: answers fail or are about to. ``warning``: they come, and may be wrong.
    """

    rule: str
    """``outage``, ``ledger``, ``promotion``, ``errors``, ``refusals`` or ``drift``."""
    severity: AlertSeverity
    what: str
    first_step: str
    """What to do before anything else."""
    at: str
    """ISO 8601, UTC."""
    project: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """`text` is the whole alert in one line, for receivers that show nothing else."""
        told = f"{self.severity}: {self.project}: {self.what}. First step: {self.first_step}"
        return {**asdict(self), "evidence": dict(self.evidence), "text": told}


class Door(Protocol):
    """A way by which an alert gets to somebody."""

    name: str

    def send(self, alert: Alert) -> None:
        """Returns when it has arrived. Raises HoldfastError when it did not."""
        ...


class LogDoor:
    """Into the log."""

    name = "log"

    def send(self, alert: Alert) -> None:
        level = logging.CRITICAL if alert.severity == "critical" else logging.WARNING
        log.log(level, "%s; first step: %s", alert.what, alert.first_step, extra={"event": f"alert_{alert.rule}"})


class _Stay(urllib.request.HTTPRedirectHandler):
    """An alert goes where it was told to go, and nowhere else."""

    def redirect_request(self, *_: Any) -> None:
        return None


class WebhookDoor:
    """To an address, as a JSON object by POST; tried again a few times before it counts as lost."""

    name = "webhook"

    def __init__(self, address: str, *, pause: Callable[[float], None] = time.sleep) -> None:
        if not address.startswith(("http://", "https://")):
            raise HoldfastError(
                "alerts.webhook is no address", where=FILE, mend="write it as https://alerts.example.com/holdfast"
            )
        self._address = address
        self._pause = pause
        self._opener = urllib.request.build_opener(_Stay)

    def send(self, alert: Alert) -> None:
        body = json.dumps(alert.as_dict(), ensure_ascii=False, default=str).encode()
        request = urllib.request.Request(  # noqa: S310  # http(s), as was looked at above
            self._address, body, {"content-type": "application/json; charset=utf-8"}, method="POST"
        )
        told = ""
        for number in range(TRIES):
            if number:
                self._pause(BETWEEN * 2 ** (number - 1))
            try:
                with self._opener.open(request, timeout=PATIENCE) as reply:
                    reply.read(1 << 16)
                    return
            except urllib.error.HTTPError as error:
                told = f"it answered {error.code}"
                if error.code < 500 and error.code != 429:
                    break  # asking again changes nothing
            except (OSError, http.client.HTTPException) as error:
                told = str(getattr(error, "reason", error)) or type(error).__name__
        raise HoldfastError(f"an alert did not arrive: {told}", where="alerts.webhook", mend="see that it takes a POST")


def doors(settings: Settings) -> tuple[Door, ...]:
    """The ways that a project's settings name. Raises HoldfastError for an address that is none."""
    more = (WebhookDoor(settings.alerts_webhook),) if settings.alerts_webhook else ()
    return (LogDoor(), *more)


def tell(alerts: Iterable[Alert], through: Sequence[Door]) -> list[str]:
    """Send each alert through each door; a door that fails stops no other. Answers what did not arrive, and why."""
    lost = []
    for alert in alerts:
        for door in through:
            try:
                door.send(alert)
            except HoldfastError as error:
                log.error("an alert did not arrive through the %s", door.name, extra={"event": "alert_lost"})
                lost.append(f"{alert.rule} through {door.name}: {error.what}")
    return lost

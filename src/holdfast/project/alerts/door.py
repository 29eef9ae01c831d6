"""The alert door: the protocol of a way by which a message gets to somebody; the log, and what all by HTTP share."""

from __future__ import annotations

import http.client
import json
import logging
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from holdfast.errors import HoldfastError
from holdfast.project.alerts.message import Message
from holdfast.project.settings import FILE

log = logging.getLogger("holdfast.alerts")

PATIENCE = 5.0
"""Seconds that a receiver may take."""
LOUD = {"critical": logging.CRITICAL, "high": logging.ERROR}


class Refused(HoldfastError):  # noqa: N818  # what it says, not what it is
    """The receiver has it and says no: asking again changes nothing."""


class Door(Protocol):
    """A way by which an alert gets to somebody. It may be sent the same message again: `Message.key` tells."""

    name: str

    def send(self, message: Message) -> None:
        """Returns when it has arrived. Raises Refused when it never will, HoldfastError when it did not now."""
        ...


class LogDoor:
    """Into the log."""

    name = "log"

    def send(self, message: Message) -> None:
        level = logging.INFO if message.resolved else LOUD.get(message.severity, logging.WARNING)
        head = "resolved: " if message.resolved else ""
        event = f"alert_{message.event}"
        log.log(level, "%s%s; first step: %s", head, message.what, message.first_step, extra={"event": event})


def secret(told: str, setting: str) -> str:
    """An address or key as the settings say it: itself, or ``@`` and the file that holds it."""
    if not told.startswith("@"):
        return told
    try:
        return Path(told[1:]).expanduser().read_text(encoding="utf-8").strip()
    except OSError as error:
        why = f"the file of {setting} cannot be read: {error.strerror}"
        raise HoldfastError(why, where=FILE, mend="name a file that this user may read") from None


def address(told: str, setting: str) -> str:
    """An address that something can be posted to. Raises HoldfastError, without the address, for anything else."""
    found = secret(told, setting)
    if urlsplit(found).scheme not in ("http", "https") or not urlsplit(found).hostname:
        mend = "write it as https://alerts.example.com/holdfast, or @ and the file that holds it"
        raise HoldfastError(f"{setting} is no address", where=FILE, mend=mend)
    return found


class _Stay(urllib.request.HTTPRedirectHandler):
    """An alert goes where it was told to go, and nowhere else."""

    def redirect_request(self, *_: Any) -> None:
        return None


_opener = urllib.request.build_opener(_Stay)


def post(place: str, body: Mapping[str, Any], setting: str, headers: Mapping[str, str] | None = None) -> bytes:
    """What the receiver answered to a JSON object. Addresses hold secrets, so no error says one.

    Raises Refused where it said no (4xx, or another place), HoldfastError where it had trouble or did not answer.
    """
    content = json.dumps(body, ensure_ascii=False, default=str).encode()
    told = {"content-type": "application/json; charset=utf-8", **(headers or {})}
    request = urllib.request.Request(place, content, told, method="POST")  # noqa: S310  # http(s), by `address`
    mend = "see that it takes a POST"
    try:
        with _opener.open(request, timeout=PATIENCE) as reply:
            answer: bytes = reply.read(1 << 16)
            return answer
    except urllib.error.HTTPError as error:
        error.close()
        kind = HoldfastError if error.code >= 500 or error.code in (408, 425, 429) else Refused
        raise kind(f"an alert did not arrive: it answered {error.code}", where=setting, mend=mend) from None
    except (OSError, http.client.HTTPException) as error:
        why = getattr(error, "reason", error)
        said = getattr(why, "strerror", None) or type(why).__name__
        raise HoldfastError(f"an alert did not arrive: {said}", where=setting, mend=mend) from None

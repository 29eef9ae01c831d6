"""Bytes in and bytes out over bare ASGI: a body with a limit, a JSON reply, and nothing between."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_JSON = (b"content-type", b"application/json")


REASONS = ("positive", "asked", "never")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may ask for. Times are microseconds."""

    body: int = 256 * 1024
    """Bytes of one body; more is refused with 413 while it arrives."""
    bulk_body: int = 32 * 1024 * 1024
    """The same for the routes that take many rows."""
    rows: int = 10_000
    """Rows of one bulk request."""
    backdate: int | None = None
    """How far before now a decision's own time may lie. None: any time."""
    skew: int = 5 * 60 * 1_000_000
    """How far after now it may lie, for clocks that run ahead."""
    reasons: str = "positive"
    """Which decisions are told with their reasons: ``positive`` ones, only where ``asked`` for, or ``never``."""


class TooLarge(Exception):  # noqa: N818 — an answer, not a fault
    """The body passed its limit."""


class Gone(Exception):  # noqa: N818 — the same
    """The client hung up before its body was complete."""


async def read_body(receive: Receive, limit: int) -> bytes:
    """The whole body, at most `limit` bytes. Raises TooLarge as soon as there are more, Gone when the client left."""
    message = await receive()
    if message["type"] != "http.request":
        raise Gone
    body: bytes = message.get("body", b"")
    if len(body) > limit:
        raise TooLarge
    if not message.get("more_body", False):
        return body
    parts, size = [body], len(body)
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Gone
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise TooLarge
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def route_of(scope: Scope) -> str:
    """The route as it was declared, never the path as it came: that may hold what a client must not have sent."""
    if scope["path"] == "/predict":
        return "/predict"
    found = getattr(scope.get("route"), "path", None)
    return found if isinstance(found, str) else "(none)"


async def send_json(send: Send, status: int, body: bytes, headers: Sequence[tuple[bytes, bytes]] = ()) -> None:
    """One whole JSON reply."""
    start = [_JSON, (b"content-length", b"%d" % len(body)), *headers]
    await send({"type": "http.response.start", "status": status, "headers": start})
    await send({"type": "http.response.body", "body": body})

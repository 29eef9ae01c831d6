"""Who may come in: how long a client may take, how many may wait, and what they are told who may not.

Nothing here is per request: the sweep looks at all connections a few times a second, and a request asks for two
numbers only. Times are seconds of the event loop's clock. Used on the event loop only.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol

from holdfast.errors import Problem
from holdfast.serving import replies

if TYPE_CHECKING:
    from holdfast.serving.direct import Direct

SWEEP = 0.1
"""Seconds between two looks at how busy it is; at all connections it is looked less often (`server`)."""
REFUSALS = 1_000
"""Of clients that were told to wait, how many are read again in a second while there is no room: so long are they asked
to wait (Retry-After). Each refusal costs a fifth of an answer, and answers are what we are here for."""
LONGEST_WAIT = 30
AT_ONCE = 500
"""Connections that are read again in one go, at some microseconds each."""
FEWEST = 16
"""Requests that may wait however slow the disk or the model is; the rate is found out again from them."""
GRACE = 0.4
"""Seconds for which an idle connection stays open while the server drains: its next request may be on its way."""
OPEN = (b"/livez", b"/readyz", b"/health", b"/metrics")
"""Who looks after the server is answered also when others are turned away."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a client may take, in seconds, and how many may be served or wait at once in one worker."""

    head: float = 10.0
    """From the first byte of a request to the end of its headers."""
    body: float = 30.0
    """From there to the end of its body."""
    reply: float = 20.0
    """For taking what was written to it."""
    idle: float = 65.0
    """Before the first request and between two; longer than a load balancer's usual 60 s, which then closes first."""
    head_bytes: int = 64 * 1024
    """Of one request's line and headers."""
    connections: int = 2_000
    waiting: int = 256
    """Requests at work, or waiting for the disk."""
    queue: float = 0.5
    """How long a request may wait: before anything is done for it, and for the disk as far as can be foreseen."""
    drain: float = 10.0
    """For the requests in flight, once the server was told to end."""


class Swept(Protocol):
    """A connection as the sweep sees it."""

    def sweep(self, now: float) -> None: ...

    def listen_again(self, *, room: bool) -> bool: ...


class Door:
    """What the connections of one worker share."""

    def __init__(
        self,
        patience: Patience,
        turned_away: defaultdict[str, int],
        clock: Callable[[], float],
        direct: Direct | None = None,
    ) -> None:
        self.patience = patience
        self.turned_away = turned_away
        """Requests and connections that were refused or cut, by reason."""
        self.clock = clock
        self.direct = direct
        """The short way of a plain prediction, where there is one."""
        self.allowed = patience.waiting
        """Requests that may be under way now."""
        self.incomplete = 0
        """Requests under way that still wait for their own body, and so for nobody else's work."""
        self.stalled = 0
        """Requests under way whose client does not take the reply."""
        self.draining_since: float | None = None
        self.told: deque[tuple[float, Swept]] = deque()
        """Connections that were told to come again, and until when they are not read."""
        self._slot = 0.0
        """When the last of them is read again."""
        self._answered = 0
        self._looked = clock()
        self.refusals = {
            "late": _reply(503, "late", "the request waited too long to be begun", "send it again after a second"),
            "connections": _reply(503, "connections", "too many connections are open", "use fewer, and keep them"),
            "head": _reply(408, "slow_head", "the request's headers did not come in time", "send it at once"),
            "body": _reply(408, "slow_body", "the request's body did not come in time", "send it at once"),
            "http": _reply(400, "not_http", "the request is not HTTP/1.1", "see /docs for the routes"),
            "large": _reply(431, "large_head", "the request's headers are too large", "send fewer and shorter ones"),
        }

        self._busy = [
            _reply(503, "busy", "too many requests are under way", "send it again when the time is over", seconds)
            for seconds in range(1, LONGEST_WAIT + 1)
        ]

    def measure(self, now: float, answered: int, busy: int) -> None:
        """How many may wait, from how many were answered in the time since the last look: so many as are answered
        within the time that a request may wait. While there is room for all, nobody is turned away.
        """
        patience = self.patience
        took, done = now - self._looked, answered - self._answered
        if took < 0.5:
            return
        self._looked, self._answered = now, answered
        foreseen = min(patience.waiting, max(FEWEST, int(done / took * patience.queue)))
        self.allowed = foreseen if busy * 2 >= foreseen else patience.waiting

    def turn_away(self, connection: Swept) -> bytes:
        """What a client is told for whom there is no room; its connection is to be read no more until its time is over,
        or there is room again.
        """
        self.turned_away["busy"] += 1
        now = self.clock()
        self._slot = min(max(self._slot + 1 / REFUSALS, now + 0.9), now + LONGEST_WAIT)
        self.told.append((self._slot, connection))
        return self._busy[min(int(self._slot - now), LONGEST_WAIT - 1)]

    def release(self, now: float) -> None:
        """Read those again whose time is over."""
        told = self.told
        while told and told[0][0] <= now:
            told.popleft()[1].listen_again(room=False)

    def fill(self, room: int) -> None:
        """Read others again too, while there is room for what they have sent meanwhile: who came last is first, since
        what was sent long ago is waited for no more. As long as others fill the room by themselves, nobody is: who did
        not wait would only be refused again.
        """
        if room * 2 <= self.allowed:
            return
        told = self.told
        for _ in range(min(len(told), AT_ONCE)):
            if room <= 0:
                return
            room -= told.pop()[1].listen_again(room=True)


def _reply(status: int, code: str, what: str, mend: str, again: int = 1) -> bytes:
    """The whole reply, made once: turning someone away must cost next to nothing. 503 asks to come `again`."""
    body = replies.error(what, [Problem("", code, what, mend)])
    head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
    head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
    if status == 503:
        head += f"retry-after: {again}\r\n"
    if code not in ("busy", "late"):
        head += "connection: close\r\n"
    return head.encode() + b"\r\n" + body

"""One HTTP/1.1 connection: uvicorn's, with a deadline for each thing a client does, and a door before the app.

uvicorn reads for as long as a client cares to send, starts work however much is under way, and sets a timer for each
reply. Here each connection only notes since when it is in which phase; a sweep (`door`) ends those that take too long.
"""

from __future__ import annotations

import asyncio
from enum import Enum
from typing import Any, cast

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from holdfast.serving.direct import Ask
from holdfast.serving.door import GRACE, OPEN, Door
from holdfast.serving.sockets import unread_for


class Phase(Enum):
    """What a connection waits for."""

    HEAD = "head"
    BODY = "body"
    WORK = "work"
    IDLE = "idle"


HEAD, BODY, WORK, IDLE = Phase.HEAD, Phase.BODY, Phase.WORK, Phase.IDLE


class Connection(HttpToolsProtocol):
    """A connection of a worker; `door` is what all of them share."""

    def __init__(
        self,
        door: Door,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.door = door
        self.phase = IDLE
        self.since = door.clock()
        self._head_bytes = 0
        self._turned_away = False
        self._unfinished = False
        """Whether this connection's request counts as one that waits for its own body."""
        self._stalled_since: float | None = None
        self._closing_since: float | None = None
        self._held = False
        self._ask: Ask | None = None
        """The request that comes in, when it goes straight to the ledger."""
        self._old = False
        """Whether the next request waited too long, unread, on a connection that was told to wait."""

    # The transport

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        door = self.door
        self.since = door.clock()
        if len(self.connections) > door.patience.connections:
            self._make_room()

    def _make_room(self) -> None:
        """At the limit those give way who have kept a place for longest without asking for anything whole.

        Several at once, so that a crowd of newcomers does not cause a search each. Where all are at work the newcomer
        is told so.
        """
        others = cast("set[Connection]", self.connections)
        waiting = [item for item in others if item.phase is not WORK and item is not self]
        # Who began a request and does not finish it goes before those who merely rest.
        waiting.sort(key=lambda item: (item.phase is IDLE, item.since))
        if not waiting:
            self.refuse("connections")
            return
        for item in waiting[: max(len(self.connections) // 32, 1)]:
            self.door.turned_away["connections"] += 1
            item.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._complete()
        if self._stalled_since is not None:
            self._stalled_since = None
            self.door.stalled -= 1

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        if self.phase is IDLE:
            self.phase = HEAD
            self.since = self.door.clock()
            self._head_bytes = 0
        self._head_bytes += len(data)
        super().data_received(data)
        if self.phase is HEAD and self._head_bytes > self.door.patience.head_bytes and not self.transport.is_closing():
            self.refuse("large")

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._stalled_since is None:
            self._stalled_since = self.door.clock()
            self.door.stalled += 1

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stalled_since is not None:
            self._stalled_since = None
            self.door.stalled -= 1

    # The request

    def on_headers_complete(self) -> None:
        door = self.door
        self.phase = BODY
        self.since = door.clock()
        if (
            (self._old or self._busy() >= door.allowed)
            and self._under_way() is None
            and self.url.partition(b"?")[0] not in OPEN
        ):
            self._turned_away = True
            self._old = False
            self.scope["method"] = self.parser.get_method().decode("ascii")
            return
        if self._goes_directly():
            return
        super().on_headers_complete()
        self._unfinished = True
        door.incomplete += 1
        if door.draining_since is not None:
            self.cycle.keep_alive = False

    def _goes_directly(self) -> bool:
        """Whether this request goes straight to the ledger; its answer then does not pass the app."""
        direct, parser = self.door.direct, self.parser
        if (
            direct is None
            or self.url != b"/predict"
            or parser.get_method() != b"POST"
            or parser.get_http_version() != "1.1"
            or parser.should_upgrade()
            or self.expect_100_continue
            or self.flow.write_paused
            or self._under_way() is not None
        ):
            return False
        ask = self._ask = direct.admit(self)
        if ask is None:
            return False
        if self.door.draining_since is not None:
            ask.keep_alive = False
        self.cycle = cast(RequestResponseCycle, ask)
        return True

    def leave(self, ask: Ask) -> None:
        """A request that went straight to the ledger is answered."""
        self.tasks.discard(cast("asyncio.Task[None]", ask))

    def on_body(self, body: bytes) -> None:
        if self._ask is not None:
            self._ask.add(body)
        elif not self._turned_away:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if self._turned_away:
            self._turned_away = False
            self.phase = IDLE
            self.since = self.door.clock()
            self._tell_busy()
            return
        self._complete()
        # An early answer (too large, say) may be out before the body has come to its end.
        self.phase = IDLE if self.cycle.response_complete else WORK
        ask = self._ask
        if ask is None:
            super().on_message_complete()
            return
        self._ask = None
        if self.phase is WORK:
            self.tasks.add(cast("asyncio.Task[None]", ask))
            ask.begin()

    def _busy(self) -> int:
        """Requests at work or waiting for the ledger."""
        return len(self.tasks) - self.door.incomplete - self.door.stalled

    def _complete(self) -> None:
        if self._unfinished:
            self._unfinished = False
            self.door.incomplete -= 1

    def _tell_busy(self) -> None:
        """The cheapest reply there is; then this connection is not read until the time it was told is over.

        Whoever comes again at once anyway thus costs one refusal a second, not all there is time for.
        """
        # A reply to HEAD should have had no body, so that nothing may follow it.
        keep = self.parser.should_keep_alive() and self.scope["method"] != "HEAD"
        self.transport.write(self.door.turn_away(self))
        self._held = True
        if not keep or self.door.draining_since is not None:
            self.transport.close()
            return
        self.flow.pause_reading()

    def listen_again(self, *, room: bool) -> bool:
        """Read this connection again; whether there is something to read. Where there is no room for it, what a client
        sent without waiting may have come too long ago to be served.
        """
        self._held = False
        self.since = self.door.clock()
        if self.transport.is_closing():
            return False
        age = unread_for(self.transport)
        self._old = not room and age is not None and age > self.door.patience.queue / 2
        self.flow.resume_reading()
        return age is not None

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        task = self.loop.create_task(self._answer(cycle, app, self.door.clock()))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    async def _answer(self, cycle: RequestResponseCycle, app: Any, came: float) -> None:
        """A request that waited too long for its turn is refused before anything is done for it."""
        door = self.door
        if door.clock() - came > door.patience.queue:
            door.turned_away["late"] += 1
            self.transport.write(door.refusals["late"])
            cycle.response_started = cycle.response_complete = True
            if not cycle.keep_alive or cycle.scope["method"] == "HEAD":
                self.transport.close()
            self.on_response_complete()
            return
        await cycle.run_asgi(app)

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self._complete()  # an early answer: nobody waits for the rest of its body but the deadline
        self.since = self.door.clock()
        if not self._held:
            self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self.phase is WORK:
            self.phase = IDLE

    def shutdown(self) -> None:
        """The server ends: what is under way is answered. Who is idle stays for a moment (see `sweep`)."""
        cycle = self._under_way()
        if cycle is not None:
            cycle.keep_alive = False

    # The sweep

    def _under_way(self) -> RequestResponseCycle | None:
        """The request that was let in last, while it is not answered."""
        cycle = self._cycle_or_none()
        return None if cycle is None or cycle.response_complete else cycle

    def _cycle_or_none(self) -> RequestResponseCycle | None:
        return self.cycle  # None until the first request, though uvicorn does not say so

    def sweep(self, now: float) -> None:
        """End what takes too long."""
        patience = self.door.patience
        if self.transport.is_closing():
            # Closed, but the client does not take what was written before.
            self._closing_since = self._closing_since or now
            if now - self._closing_since > patience.reply:
                self._cut("reply")
        elif self._stalled_since is not None and now - self._stalled_since > patience.reply:
            self._cut("reply")
        elif self.phase is HEAD and now - self.since > patience.head:
            self.refuse("head")
        elif self.phase is BODY and now - self.since > patience.body:
            self.refuse("body")
        elif self.phase is IDLE and not self._held and self._rested(now) and unread_for(self.transport) is None:
            self.transport.close()

    def _rested(self, now: float) -> bool:
        """Whether it was idle for as long as it may; while the server drains, that is not long."""
        if self.door.draining_since is None:
            return now - self.since > self.door.patience.idle
        return now - max(self.since, self.door.draining_since) > GRACE

    def send_400_response(self, msg: str) -> None:
        """Not HTTP: said in the one error shape."""
        self.refuse("http")

    def _cut(self, why: str) -> None:
        self.door.turned_away[why] += 1
        self.transport.abort()

    def refuse(self, why: str) -> None:
        """Say why, unless an answer is on its way already, and hang up."""
        self.door.turned_away[why] += 1
        cycle = self._under_way()
        if self.phase is BODY:
            # Answered early, it waits for no further answer.
            expected = cycle is not None and not cycle.response_started
        else:
            expected = cycle is None and (self._head_bytes > 0 or why == "connections")
        if expected:
            self.transport.write(self.door.refusals[why])
        if cycle is not None:
            cycle.disconnected = True
            cycle.message_event.set()
        self.transport.close()

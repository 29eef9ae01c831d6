"""uvicorn's server with our connections, a sweep over them, and an end that loses nobody."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import cast

import uvicorn

from holdfast.serving.direct import Direct
from holdfast.serving.door import SWEEP, Door, Patience
from holdfast.serving.durable import Durable
from holdfast.serving.protocol import Connection
from holdfast.serving.sockets import take_no_more
from holdfast.serving.tally import Tally

log = logging.getLogger("holdfast.serving")

EVERY = 10
"""Turns between two looks at every connection: thousands of them cost milliseconds."""
TELL = 10
"""Turns between two writings of the counts that workers share: a second."""


class Server(uvicorn.Server):
    """Tells when it answers, ends clients that take too long, and ends only when nothing waits for the disk."""

    def __init__(
        self,
        settings: uvicorn.Config,
        patience: Patience,
        turned_away: defaultdict[str, int],
        started: Callable[[], None],
        durable: Durable,
        tally: Tally | None = None,
        direct: Direct | None = None,
    ) -> None:
        settings.timeout_graceful_shutdown = int(patience.drain)
        super().__init__(settings)
        self._patience = patience
        self._turned_away = turned_away
        self._told = started
        self._durable = durable
        self._tally = tally
        self._direct = direct

    def end(self) -> None:
        """As a signal does. From any thread."""
        self.should_exit = True

    def readings(self) -> dict[str, float]:
        """Gauges of connections and requests; on the event loop."""
        state = self.server_state
        return {
            "holdfast_connections": float(len(state.connections)),
            "holdfast_requests_in_flight": float(len(state.tasks)),
            "holdfast_requests_allowed": float(self._door.allowed),
        }

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._door = Door(self._patience, self._turned_away, asyncio.get_running_loop().time, self._direct)
        # uvicorn makes each connection by calling this with its own keywords.
        self.config.http_protocol_class = cast(type[asyncio.Protocol], partial(Connection, self._door))
        await super().startup(sockets)
        self._sweeping = asyncio.create_task(self._sweep())
        self._told()

    async def _sweep(self) -> None:
        door, state = self._door, self.server_state
        count = 0
        while True:
            await asyncio.sleep(SWEEP)
            now = door.clock()
            busy = len(state.tasks) - door.incomplete - door.stalled
            door.measure(now, state.total_requests, busy)
            door.release(now if door.draining_since is None else float("inf"))
            door.fill(door.allowed - busy)
            count += 1
            if count % EVERY == 0 or door.draining_since is not None:
                for connection in list(cast("set[Connection]", state.connections)):
                    connection.sweep(now)
            if self._tally is not None and count % TELL == 0:
                self._tally.publish()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for bound in sockets or []:
            take_no_more(bound)
        # A turn or two of the loop accepts whoever the kernel had let in; only then is the socket closed.
        await asyncio.sleep(0.02)
        log.info("no new connections; what is under way is answered", extra={"event": "draining"})
        self._door.draining_since = self._door.clock()
        await super().shutdown(sockets)
        await self._durable.drained()
        self._sweeping.cancel()
        with suppress(asyncio.CancelledError):
            await self._sweeping

"""What is watched of each request from outside: a line in the log, a trace. Without either it is not there at all."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter, time_ns

from holdfast.serving import told
from holdfast.serving.durable import Durable
from holdfast.serving.metrics import Counts
from holdfast.serving.traces import Finished, Tracer, Traces, header, tracer
from holdfast.serving.wire import App, Message, Receive, Scope, Send, route_of

log = logging.getLogger("holdfast.requests")

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})


@dataclass(frozen=True, slots=True)
class Watch:
    """What of each request is to be seen outside."""

    lines: bool = False
    """A line in the log for each request."""
    traces: Traces = field(default_factory=Traces)


@contextmanager
def watched(inner: App, watch: Watch, durable: Durable, counts: Counts) -> Iterator[App]:
    """The application as it is to be served, while the block lasts: the same, where nothing is to be watched."""
    sender = tracer(watch.traces, counts)
    try:
        durable.traced = sender is not None
        yield inner if sender is None and not watch.lines else Watched(inner, sender, lines=watch.lines)
    finally:
        if sender is not None:
            sender.stop()


class Watched:
    """Outermost, so that what the guard refuses is seen too."""

    def __init__(self, inner: App, sender: Tracer | None, *, lines: bool) -> None:
        self._inner = inner
        self._tracer = sender
        self._lines = lines

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        place = None if self._tracer is None else self._tracer.place(header(scope["headers"]))
        if place is None and not self._lines:
            await self._inner(scope, receive, send)
            return
        found = told.begin()
        wall, began, status = time_ns(), perf_counter(), 0

        def noted(message: Message) -> Awaitable[None]:
            nonlocal status
            status = message.get("status", status)
            return send(message)

        try:
            await self._inner(scope, receive, noted)
        finally:
            ended = perf_counter()
            state = scope["state"]
            # Where the guard stopped it, nobody looked for its route.
            route = route_of(scope) if "caller" in state else "(guard)"
            method = scope["method"] if scope["method"] in METHODS else "_OTHER"
            name = state["request_id"]
            if self._tracer is not None and place is not None:
                self._tracer.put(Finished(place, method, route, status, name, found, wall, began, ended))
            if self._lines:
                _line(method, route, status, state.get("caller", ""), found, ended - began)


def _line(method: str, route: str, status: int, caller: str, found: told.Told, took: float) -> None:
    fields: dict[str, object] = {
        "event": "request",
        "method": method,
        "route": route,
        "status": status,
        "caller": caller,
        "duration_ms": round(took * 1_000, 3),
        "version": found.version,
        "variant": found.variant,
        "decision": bool(found.positives) if found.decisions == 1 else None,
        "problems": found.codes,
        "error": found.fault,
    }
    log.info("%s %s %s", method, route, status, extra=fields)

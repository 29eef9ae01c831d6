"""Spans of requests, sent to an OpenTelemetry collector by a thread beside: answers never wait for it.

A request that is watched leaves a few numbers and words of ours in a bounded queue; the thread makes spans of them and
sends them by OTLP over HTTP. What the queue has no room for is dropped and counted. OpenTelemetry is imported only
where there is an endpoint.
"""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from random import getrandbits, random
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from holdfast.errors import HoldfastError
from holdfast.serving.metrics import STAGES, Counts

if TYPE_CHECKING:
    from holdfast.serving.spans import Exporter
    from holdfast.serving.told import Told

MOST = 4_096
"""Requests that may wait to be sent."""
BATCH = 256
"""Requests sent at once."""
EVERY = 0.5
"""Seconds between two sendings."""
TIMEOUT = 5.0
"""Seconds for one sending, with its retries."""
LAST = 2.0
"""Seconds for what still waits when the server ends."""

TRACEPARENT = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")


@dataclass(frozen=True, slots=True)
class Traces:
    """Where spans go, which share of the requests is traced (0 to 1), and what the service is called there."""

    endpoint: str = ""
    ratio: float = 0.01
    service: str = "holdfast"

    def __post_init__(self) -> None:
        if self.endpoint and urlsplit(self.endpoint).scheme not in ("http", "https"):
            what = f"{self.endpoint!r} is no address of a collector"
            raise HoldfastError(what, where="trace.endpoint", mend="for example http://localhost:4318")
        if not 0.0 <= self.ratio <= 1.0:
            raise HoldfastError(
                f"{self.ratio} is no share of the requests", where="trace.sample_ratio", mend="from 0.0 to 1.0"
            )


class Place(NamedTuple):
    """Where a request's span stands: its trace, and the caller's span above it (0: none)."""

    trace: int
    parent: int


class Finished(NamedTuple):
    """One answered request. Times are seconds of `perf_counter`, `wall` is Unix nanoseconds at `began`."""

    place: Place
    method: str
    route: str
    status: int
    request_id: str
    told: Told
    wall: int
    began: float
    ended: float

    @property
    def spans(self) -> int:
        return 1 + len(STAGES) * len(self.told.stages)


class Tracer(threading.Thread):
    """Says which requests are traced, and sends them."""

    def __init__(self, traces: Traces, exporter: Exporter, counts: Counts) -> None:
        super().__init__(name="holdfast-traces", daemon=True)
        self._ratio = traces.ratio
        self._exporter = exporter
        self._counts = counts
        self._queue: deque[Finished] = deque()
        self._end = threading.Event()

    def place(self, traceparent: bytes | None) -> Place | None:
        """Where this request's span stands, None when it is not traced. Who sends a traceparent decides for it."""
        if traceparent is not None:
            found = TRACEPARENT.fullmatch(traceparent)
            if found is not None and found[1] != b"ff" and (found[1] != b"00" or found[5] is None):
                trace, parent = int(found[2], 16), int(found[3], 16)
                if trace and parent:
                    return Place(trace, parent) if int(found[4], 16) & 1 else None
        return Place(getrandbits(128) or 1, 0) if random() < self._ratio else None

    def put(self, finished: Finished) -> None:
        """On the event loop; never waits."""
        if len(self._queue) < MOST:
            self._queue.append(finished)
        else:
            self._counts.spans["dropped"] += finished.spans

    def run(self) -> None:
        while not self._end.wait(EVERY):
            while self._send() == BATCH:
                pass
        while self._send():
            pass

    def _send(self) -> int:
        """Up to a batch of what waits; how many it was."""
        batch = [self._queue.popleft() for _ in range(min(len(self._queue), BATCH))]
        if batch:
            fate = "sent" if self._exporter.send(batch) else "failed"
            self._counts.spans[fate] += sum(item.spans for item in batch)
        return len(batch)

    def stop(self) -> None:
        """Sends what waits, for a moment; a collector that is away does not keep the server from ending."""
        self._end.set()
        self.join(LAST)
        self._exporter.close()


def tracer(traces: Traces, counts: Counts) -> Tracer | None:
    """A running one, where there is an endpoint. Raises HoldfastError when OpenTelemetry is not installed."""
    if not traces.endpoint:
        return None
    try:
        from holdfast.serving.spans import Exporter
    except ImportError as error:
        raise HoldfastError(
            f"traces need OpenTelemetry: {error}", where="trace.endpoint", mend="pip install 'holdfast[trace]'"
        ) from None
    made = Tracer(traces, Exporter(address(traces.endpoint), traces.service, TIMEOUT), counts)
    made.start()
    return made


def address(endpoint: str) -> str:
    """The whole address: a collector's own, or one that says the path too."""
    return endpoint if urlsplit(endpoint).path.strip("/") else endpoint.rstrip("/") + "/v1/traces"


def header(headers: Sequence[tuple[bytes, bytes]]) -> bytes | None:
    """A request's one traceparent."""
    found = [value for name, value in headers if name == b"traceparent"]
    return found[0] if len(found) == 1 else None

"""What being seen from outside costs a request, in microseconds: `python -m benchmarks.observing`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import Any

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

from holdfast.serving import told
from holdfast.serving.metrics import Counts
from holdfast.serving.spans import Exporter
from holdfast.serving.stages import Stage, Times, measure
from holdfast.serving.traces import MOST, Finished, Place, Tracer, Traces
from holdfast.serving.watch import Watched


def best(work: Callable[[], object], rounds: int) -> float:
    """Microseconds of one call, in the best of seven rounds."""
    found = []
    for _ in range(7):
        began = perf_counter()
        for _ in range(rounds):
            work()
        found.append((perf_counter() - began) / rounds)
    return min(found) * 1e6


def batch(size: int) -> float:
    """The stages of a batch whose requests came over two milliseconds, with the readings of the clock."""
    counts, now = Counts(), perf_counter()
    came = [now - 0.003 + 0.002 * at / size for at in range(size)]
    times = Times(now, now + 0.004, now + 0.006, size, size)

    def work() -> None:
        for _ in range(4):
            perf_counter()
        measure(counts, list(came), times, now + 0.0062)

    return best(work, 5_000) / size


async def _app(scope: Any, receive: Any, send: Any) -> None:
    scope["state"] = {"request_id": "0" * 32, "caller": ""}


def watched(ratio: float | None) -> float:
    """An application that does nothing, traced at this ratio; None: not watched at all. The queue is never full."""
    exporter: Any = None
    tracer = Tracer(Traces("http://h", ratio or 0.0), exporter, Counts())
    app: Any = _app if ratio is None else Watched(_app, tracer, lines=False)
    scope = {"type": "http", "path": "/predict", "method": "POST", "headers": [(b"host", b"h")] * 6}

    async def ask() -> None:
        for _ in range(MOST // 8):
            await app(dict(scope), None, None)

    return best(lambda: asyncio.run(ask()), 1) / (MOST // 8)


def made() -> float:
    """The thread beside: the five spans of one request, made and put into the collector's form."""
    exporter, seen = Exporter("http://127.0.0.1:9/v1/traces", "bench", 1.0), told.Told()
    seen.stages.append(Stage(0.0, Times(0.1, 0.2, 0.3, 64, 64), 0.4))
    seen.decisions, seen.version, seen.variant = 1, "7", "champion"
    item = Finished(Place(1, 0), "POST", "/predict", 200, "0" * 32, seen, 10**18, 0.0, 0.5)

    def work() -> None:
        encode_spans([span for _ in range(64) for span in exporter.spans(item)]).SerializeToString()

    found = best(work, 3) / 64
    exporter.close()
    return found


def main() -> None:
    nothing = best(lambda: None, 100_000)
    whole = Counts().requests["/predict"]
    for size in (1, 16, 64):
        print(f"stages, {size:2} requests in a batch   {batch(size):.2f}")
    print(f"histogram of the whole request   {best(lambda: whole.add(0.003), 100_000) - nothing:.2f}")
    print(f"traces and lines, off            {best(lambda: told.refused(()), 100_000) - nothing:.2f}")
    plain = watched(None)
    print(f"traces on, request not traced    {watched(0.0) - plain:.2f}")
    print(f"request traced, on the loop      {watched(1.0) - plain:.2f}")
    print(f"request traced, thread beside    {made():.0f}")


if __name__ == "__main__":
    main()

"""Answered requests as OpenTelemetry spans, and their way to a collector. Only `traces` imports this, where wanted.

Attributes are of OpenTelemetry's conventions where there is one, else `holdfast.…`: words of ours, never a field of a
request, an event's id or a caller's name. What a `tracestate` header says is not passed on.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from random import getrandbits

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from holdfast import __version__
from holdfast.serving.metrics import STAGES
from holdfast.serving.traces import Finished

log = logging.getLogger("holdfast.serving")

SCOPE = InstrumentationScope("holdfast", __version__)
Attributes = dict[str, str | bool | int | Sequence[str]]


class Exporter:
    """Sends batches; in one thread."""

    def __init__(self, address: str, service: str, timeout: float) -> None:
        # It complains about each batch; here it is told once, when it begins and when it is over.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        self._otlp = OTLPSpanExporter(endpoint=address, timeout=timeout)
        self._resource = Resource({"service.name": service, "service.version": __version__, "process.pid": os.getpid()})
        self._failing = False

    def send(self, batch: Sequence[Finished]) -> bool:
        """Whether the collector took them."""
        spans = [span for item in batch for span in self.spans(item)]
        try:
            sent = self._otlp.export(spans) is SpanExportResult.SUCCESS
        except Exception:  # noqa: BLE001 — whatever it is, traces must not end the thread
            sent = False
        if sent == self._failing:
            self._failing = not sent
            if sent:
                log.info("traces are sent again", extra={"event": "traces_sent"})
            else:
                log.warning("traces cannot be sent", extra={"event": "traces_unsent"})
        return sent

    def close(self) -> None:
        self._otlp.shutdown()  # type: ignore[no-untyped-call]  # it says no types

    def spans(self, item: Finished) -> Iterator[ReadableSpan]:
        """A request's, its stages after it."""
        trace, parent = item.place
        above = None if not parent else _context(trace, parent, remote=True)
        own = _context(trace, getrandbits(64) or 1)
        yield ReadableSpan(
            f"{item.method} {item.route}",
            own,
            above,
            self._resource,
            attributes(item),
            kind=SpanKind.SERVER,
            status=Status(StatusCode.ERROR if item.status >= 500 else StatusCode.UNSET),
            start_time=item.wall,
            end_time=_wall(item, item.ended),
            instrumentation_scope=SCOPE,
        )
        for came, times, landed in item.told.stages:
            ends = (came, times.began, times.decided, times.committed, landed)
            about = {"holdfast.batch.requests": times.requests, "holdfast.batch.records": times.records}
            for name, start, end in zip(STAGES, ends, ends[1:], strict=False):
                yield ReadableSpan(
                    name,
                    _context(trace, getrandbits(64) or 1),
                    own,
                    self._resource,
                    about,
                    start_time=_wall(item, start),
                    end_time=_wall(item, end),
                    instrumentation_scope=SCOPE,
                )


def attributes(item: Finished) -> Attributes:
    """What a request's span says."""
    told = item.told
    found: Attributes = {
        "http.request.method": item.method,
        "http.route": item.route,
        "http.response.status_code": item.status,
        "holdfast.request_id": item.request_id,
    }
    if told.decisions:
        found |= {"holdfast.version": told.version, "holdfast.variant": told.variant}
    if told.decisions == 1:
        found |= {"holdfast.decision": bool(told.positives), "holdfast.repeated": bool(told.repeats)}
    elif told.decisions:
        found |= {"holdfast.rows": told.decisions, "holdfast.positives": told.positives}
    if told.codes:
        found["holdfast.problems"] = tuple(told.codes)
    if told.fault:
        found["error.type"] = told.fault
    elif item.status >= 500:
        found["error.type"] = str(item.status)
    return found


def _context(trace: int, span: int, *, remote: bool = False) -> SpanContext:
    return SpanContext(trace, span, remote, TraceFlags(TraceFlags.SAMPLED))


def _wall(item: Finished, moment: float) -> int:
    return item.wall + int((moment - item.began) * 1e9)

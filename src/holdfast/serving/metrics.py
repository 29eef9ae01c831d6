"""Counts of what the server did, and their Prometheus text.

`FAMILIES` is the whole list: what is counted, by which labels, and how gauges of several workers become one. Labels are
words of ours (routes as declared, codes, versions, variants), never what a client sent. Counts are written by the event
loop's thread, each fallback and each fate of a span by one thread of its own; readers may be one update behind.
"""

from __future__ import annotations

import sys
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from holdfast import __version__

REQUEST = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)
"""Upper bounds of a whole request's seconds."""
STAGE = (0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0)
"""Upper bounds of one stage's seconds."""
BATCH = (1, 2, 4, 8, 16, 32, 64, 128, 256)
"""Upper bounds of a batch's requests."""

STAGES = ("wait", "decide", "commit", "reply")
FALLBACKS = {
    "champion_for_variant": "a variant failed, and the champion answered for it",
    "no_reference": "reasons were told against the model's own base value, because the bundle has no reference",
    "refusal_not_recorded": "a refusal was answered and not kept, because too many records waited for the disk",
    "shadow_dropped": "a shadow was not scored, because its process had fallen behind",
}
"""Each way in which less was done than was meant to be, though the answer was right."""
SPANS = ("sent", "failed", "dropped")

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Kind = Literal["counter", "gauge", "histogram"]
Over = Literal["sum", "max", "min", "own"]


@dataclass(frozen=True, slots=True)
class Family:
    """One metric: its name, what it says, its labels, and where its values come from."""

    name: str
    kind: Kind
    about: str
    labels: tuple[str, ...] = ()
    counted: str = ""
    """The attribute of `Counts`; gauges have none."""
    over: Over = "sum"
    """What becomes of the gauges of several workers; ``own``: they are read by the worker that is asked, for all."""


FAMILIES = (
    Family("holdfast_replies_total", "counter", "Replies by route and HTTP status.", ("route", "status"), "replies"),
    Family(
        "holdfast_request_duration_seconds",
        "histogram",
        "From a request that was let in to its reply, by route.",
        ("route",),
        "requests",
    ),
    Family(
        "holdfast_stage_duration_seconds",
        "histogram",
        "Stages of a request on its way through the ledger, each as long as its batch's: wait for its turn, decide, "
        "commit (append, sync, apply), reply.",
        ("stage",),
        "stages",
    ),
    Family("holdfast_batch_requests", "histogram", "Requests in one batch of the ledger.", (), "batches"),
    Family(
        "holdfast_decisions_total",
        "counter",
        "New decisions by model version, variant and outcome.",
        ("version", "variant", "decision"),
        "decisions",
    ),
    Family(
        "holdfast_repeated_requests_total",
        "counter",
        "Requests answered with the stored answer of the same event.",
        (),
        "repeats",
    ),
    Family("holdfast_warnings_total", "counter", "Warnings in answered predictions.", (), "warnings"),
    Family(
        "holdfast_refusals_total", "counter", "Problems that refused requests or rows, by code.", ("code",), "refusals"
    ),
    Family(
        "holdfast_turned_away_total",
        "counter",
        "Requests and connections refused or cut before any work, by reason.",
        ("reason",),
        "turned_away",
    ),
    Family(
        "holdfast_fallbacks_total",
        "counter",
        "How often less was done than was meant to be, by kind.",
        ("kind",),
        "fallbacks",
    ),
    Family("holdfast_spans_total", "counter", "Spans of traces, by what became of them.", ("fate",), "spans"),
    Family("holdfast_worker_starts_total", "counter", "Starts of workers since the server began.", (), "starts"),
    Family("holdfast_workers", "gauge", "Workers that gave a sign of life in the last seconds."),
    Family("holdfast_connections", "gauge", "Open connections."),
    Family("holdfast_requests_in_flight", "gauge", "Requests under way, those that are still arriving among them."),
    Family("holdfast_requests_allowed", "gauge", "Requests that may be under way before others are turned away."),
    Family("holdfast_ledger_waiting_requests", "gauge", "Requests that wait for the ledger or are in its batch."),
    Family(
        "holdfast_ledger_oldest_waiting_seconds", "gauge", "How long the oldest of them has waited.", over="max"
    ),
    Family("holdfast_ledger_last_sync_seconds", "gauge", "How long the last sync of the ledger took.", over="max"),
    Family("holdfast_ledger_writable", "gauge", "1 unless the last batch could not be written.", over="min"),
    Family("holdfast_ledger_seq", "gauge", "Last record in the ledger.", over="own"),
    Family("holdfast_state_seq", "gauge", "Last ledger record that state holds.", over="own"),
    Family("holdfast_state_lag_records", "gauge", "Records in the ledger that state does not hold yet.", over="own"),
    Family("holdfast_promotion_followed", "gauge", "1 when what was promoted answers, as promoted.", over="min"),
    Family("holdfast_registry_reachable", "gauge", "1 when the registry answered the last look at it.", over="min"),
    Family("holdfast_registry_staleness_seconds", "gauge", "Time since the registry was last reached.", over="max"),
    Family(
        "holdfast_model_promoted_timestamp_seconds",
        "gauge",
        "When the version that answers was promoted, in Unix time.",
        over="own",
    ),
    Family(
        "holdfast_model_info",
        "gauge",
        "The version that answers: always 1.",
        ("name", "version", "bundle", "contract"),
        over="own",
    ),
    Family("holdfast_build_info", "gauge", "What runs here: always 1.", ("version", "python"), over="own"),
)  # fmt: skip
OVER: Mapping[str, Over] = {item.name: item.over for item in FAMILIES if item.kind == "gauge"}

Labels = Sequence[object]
Samples = Mapping[str, Sequence[tuple[Labels, float]]]
"""Gauges with labels: family → (values of its labels, value)."""


class Histogram:
    """How many values lie up to each bound, and their sum."""

    __slots__ = ("bounds", "buckets", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.buckets = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float, times: int = 1) -> None:
        self.buckets[bisect_left(self.bounds, value)] += times
        self.total += value * times

    def lines(self, name: str, labels: str) -> Iterable[str]:
        """As Prometheus reads it: cumulative, the last bucket without a bound."""
        running, before = 0, f"{labels}," if labels else ""
        for bound, n in zip((*map(repr, self.bounds), "+Inf"), self.buckets, strict=True):
            running += n
            yield f'{name}_bucket{{{before}le="{bound}"}} {running}'
        inside = f"{{{labels}}}" if labels else ""
        yield f"{name}_sum{inside} {self.total!r}"
        yield f"{name}_count{inside} {running}"


class _Requests(dict[str, Histogram]):
    """One for each route that was asked."""

    def __missing__(self, route: str) -> Histogram:
        found = self[route] = Histogram(REQUEST)
        return found


class Counts:
    """Everything that is counted; each attribute is what one of `FAMILIES` names."""

    def __init__(self) -> None:
        self.replies: defaultdict[tuple[str, int], int] = defaultdict(int)
        self.refusals: defaultdict[str, int] = defaultdict(int)
        self.decisions: defaultdict[tuple[str, str, bool], int] = defaultdict(int)
        self.turned_away: defaultdict[str, int] = defaultdict(int)
        # All their keys from the start: other threads than the event loop's count here, and must not add any.
        self.fallbacks: defaultdict[str, int] = defaultdict(int, dict.fromkeys(FALLBACKS, 0))
        self.spans: defaultdict[str, int] = defaultdict(int, dict.fromkeys(SPANS, 0))
        self.warnings = 0
        self.repeats = 0
        self.starts = 0
        self.requests: dict[str, Histogram] = _Requests()
        self.stages = {stage: Histogram(STAGE) for stage in STAGES}
        self.batches = Histogram(BATCH)


def exposition(counts: Counts, gauges: Mapping[str, float], labelled: Samples) -> str:
    """The whole page, in the order of `FAMILIES`; a gauge that nobody knows the value of has no sample."""
    parts: list[str] = []
    for family in FAMILIES:
        parts += [f"# HELP {family.name} {family.about}", f"# TYPE {family.name} {family.kind}"]
        parts += _samples(family, counts, gauges, labelled)
    return "\n".join(parts) + "\n"


def build_info() -> tuple[Labels, float]:
    return (__version__, ".".join(map(str, sys.version_info[:3]))), 1


def _samples(family: Family, counts: Counts, gauges: Mapping[str, float], labelled: Samples) -> Iterable[str]:
    name = family.name
    if not family.counted:
        if name in gauges:
            yield f"{name} {gauges[name]!r}"
        for values, number in labelled.get(name, ()):
            yield f"{name}{{{_inside(family, values)}}} {number!r}"
        return
    value = getattr(counts, family.counted)
    if isinstance(value, int):
        yield f"{name} {value}"
    elif isinstance(value, Histogram):
        yield from value.lines(name, "")
    else:
        for key, item in sorted(value.items()):
            inside = _inside(family, key if isinstance(key, tuple) else (key,))
            if isinstance(item, Histogram):
                yield from item.lines(name, inside)
            else:
                yield f"{name}{{{inside}}} {item}"


def _inside(family: Family, values: Labels) -> str:
    return ",".join(f'{key}="{_label(value)}"' for key, value in zip(family.labels, values, strict=True))


def _label(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

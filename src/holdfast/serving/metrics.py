"""Counts of what the server did, and their Prometheus text.

All counts are written by the event loop's thread; readers may be one update behind.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping

BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)
"""Upper bounds of the latency histogram, in seconds."""

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Counts:
    """Replies by route and status, refusals by code, and how long `/predict` took."""

    def __init__(self) -> None:
        self.replies: defaultdict[tuple[str, int], int] = defaultdict(int)
        self.refusals: defaultdict[str, int] = defaultdict(int)
        self.decisions: defaultdict[tuple[str, bool], int] = defaultdict(int)
        self.turned_away: defaultdict[str, int] = defaultdict(int)
        self.warnings = 0
        self.repeats = 0
        self.buckets = [0] * (len(BUCKETS) + 1)
        self.seconds = 0.0

    def took(self, seconds: float) -> None:
        self.buckets[bisect_left(BUCKETS, seconds)] += 1
        self.seconds += seconds


Labels = Mapping[str, object]


def family(name: str, kind: str, about: str, samples: Iterable[tuple[Labels, float]]) -> str:
    """One metric with all its samples."""
    lines = [f"# HELP {name} {about}", f"# TYPE {name} {kind}"]
    lines += [_line(name, labels, value) for labels, value in samples]
    return "\n".join(lines) + "\n"


def exposition(counts: Counts, model: Labels, gauges: Mapping[str, tuple[str, float]]) -> str:
    """The whole page: counts, the live model, and gauges (name → what it is, value)."""
    parts = [
        family(
            "holdfast_replies_total",
            "counter",
            "Replies by route and HTTP status.",
            (({"route": route, "status": status}, n) for (route, status), n in sorted(counts.replies.items())),
        ),
        family(
            "holdfast_refusals_total",
            "counter",
            "Problems that refused a prediction, by code.",
            (({"code": code}, n) for code, n in sorted(counts.refusals.items())),
        ),
        family(
            "holdfast_decisions_total",
            "counter",
            "Decisions by model version and outcome.",
            (
                ({"version": version, "decision": str(yes).lower()}, n)
                for (version, yes), n in sorted(counts.decisions.items())
            ),
        ),
        family(
            "holdfast_turned_away_total",
            "counter",
            "Requests and connections refused or cut before any work, by reason.",
            (({"reason": reason}, n) for reason, n in sorted(counts.turned_away.items())),
        ),
        family(
            "holdfast_repeated_requests_total", "counter", "Requests answered from the ledger.", [({}, counts.repeats)]
        ),
        family("holdfast_warnings_total", "counter", "Warnings in answered predictions.", [({}, counts.warnings)]),
        _histogram(counts),
        family("holdfast_model_info", "gauge", "The version that answers.", [(model, 1)]),
    ]
    parts += [family(name, "gauge", about, [({}, value)]) for name, (about, value) in gauges.items()]
    return "".join(parts)


def _histogram(counts: Counts) -> str:
    name, running, lines = "holdfast_predict_seconds", 0, []
    for bound, n in zip((*BUCKETS, float("inf")), counts.buckets, strict=True):
        running += n
        lines.append(_line(f"{name}_bucket", {"le": "+Inf" if bound == float("inf") else repr(bound)}, running))
    lines += [_line(f"{name}_sum", {}, counts.seconds), _line(f"{name}_count", {}, running)]
    head = f"# HELP {name} Time from a whole request to its durable answer.\n# TYPE {name} histogram\n"
    return head + "\n".join(lines) + "\n"


def _line(name: str, labels: Labels, value: float) -> str:
    inside = ",".join(f'{key}="{_escaped(str(item))}"' for key, item in labels.items())
    return f"{name}{{{inside}}} {value}" if inside else f"{name} {value}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

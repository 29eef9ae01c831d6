"""How long a request waited, and its batch was decided, committed and answered. Measured once a batch, never a request.

In the histograms each request of a batch counts with its batch's time, so that the means of the stages add up to what
a request takes beside reading and writing HTTP. All times are `perf_counter`'s.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from contextvars import Context, ContextVar
from typing import NamedTuple

from holdfast.serving.metrics import Counts


class Times(NamedTuple):
    """When a batch was begun, decided and on disk; of how many requests it was, and how many records."""

    began: float
    decided: float
    committed: float
    requests: int
    records: int


class Stage(NamedTuple):
    """One batch as one of its requests lived it."""

    came: float
    times: Times
    landed: float


Trace = list[Stage]
MOST_STAGES = 16
"""Batches of one request that a trace shows: a request with many rows is written in pieces."""

TRACE: ContextVar[Trace | None] = ContextVar("trace", default=None)


def measure(counts: Counts, came: Sequence[float], times: Times, landed: float) -> None:
    """Counts a batch whose requests came at these moments, in this order, and were answered at `landed`."""
    began, decided, committed, many, records = times
    stages = counts.stages
    wait = stages["wait"]
    first = bisect_left(wait.bounds, began - came[0])
    if first == bisect_left(wait.bounds, began - came[-1]):  # and so those between
        wait.buckets[first] += many
    else:
        for moment in came:
            wait.buckets[bisect_left(wait.bounds, began - moment)] += 1
    wait.total += began * many - sum(came)
    stages["decide"].add(decided - began, many)
    if records:  # otherwise nothing was committed: repeats and refusals
        stages["commit"].add(committed - decided, many)
    stages["reply"].add(landed - committed, many)
    counts.batches.add(many)


def trace(requests: Sequence[tuple[Context, float]], times: Times, landed: float) -> None:
    """Leaves a batch's times with those of its requests that somebody watches."""
    for context, came in requests:
        found = context.get(TRACE)
        if found is not None and len(found) < MOST_STAGES:
            found.append(Stage(came, times, landed))

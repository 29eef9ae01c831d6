"""WATCH502: do answers take too long?"""

from __future__ import annotations

from collections.abc import Iterator

from holdfast.monitoring.counts import LATENCY
from holdfast.monitoring.distance import binomial_tail
from holdfast.monitoring.expected import DAY, HOUR
from holdfast.monitoring.finding import Finding
from holdfast.monitoring.limits import Limits
from holdfast.monitoring.seen import Seen
from holdfast.monitoring.stretches import FAMILIES, MINUTE, OVERLAP
from holdfast.monitoring.watch import Watch

CODE = "WATCH502"
SPANS = (5 * MINUTE, HOUR, DAY)
"""A quiet service has too few answers in an hour to tell a slow one."""
SLOW = 0.05
"""Share of answers that may take longer: the limit is one of the 95th percentile."""


def look(seen: Seen, limits: Limits) -> Iterator[Finding]:
    end = seen.now - seen.now % MINUTE + MINUTE
    counted = False
    for span in SPANS:
        told = seen.service(end - span, end)
        if told is None or not len(told.latency):
            continue
        total = int(told.latency.sum())
        over = sum(
            int(n) for n, bound in zip(told.latency[1:], LATENCY, strict=True) if bound >= limits.milliseconds / 1_000
        )
        counted = counted or total >= limits.least_predictions
        tail = limits.false_alarms_a_quarter / (FAMILIES * len(SPANS) * OVERLAP * 90 * DAY / span)
        if total < limits.least_predictions or binomial_tail(over, total, SLOW) > tail:
            continue
        share = over / total
        why = f"{share:.1%} of the last {total:,} answers took over {limits.milliseconds:g} ms; {SLOW:.0%} may"
        mend = "holdfast_stage_duration_seconds says which stage: a slow disk, too many requests, or other work here"
        yield Finding(
            CODE, "alert", "latency", why, mend, "", "high", {"over": over, "of": total, "share": round(share, 4)},
            end - span, total,
        )  # fmt: skip
        return
    if counted:
        yield Finding(CODE, "ok", "none", f"95 % of answers take less than {limits.milliseconds:g} ms")
    else:
        yield Finding(CODE, "not_applicable", "none", "too few answers were timed lately")


WATCH = Watch(CODE, "service", "Answers come in time", look)

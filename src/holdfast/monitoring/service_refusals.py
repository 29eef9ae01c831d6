"""WATCH504: are requests turned away before anybody looked at them: too many, too large, without a key?"""

from __future__ import annotations

from collections.abc import Iterator

from holdfast.monitoring.distance import binomial_tail
from holdfast.monitoring.expected import DAY, HOUR
from holdfast.monitoring.finding import Finding
from holdfast.monitoring.limits import Limits
from holdfast.monitoring.seen import Seen
from holdfast.monitoring.stretches import FAMILIES, MINUTE, OVERLAP
from holdfast.monitoring.watch import Watch

CODE = "WATCH504"
SPANS = (5 * MINUTE, HOUR)
FEWEST = 10
OVERLOAD = ("busy", "late")


def look(seen: Seen, limits: Limits) -> Iterator[Finding]:
    end = seen.now - seen.now % MINUTE + MINUTE
    counted = False
    for span in SPANS:
        told = seen.service(end - span, end)
        if told is None:
            continue
        away, total = sum(told.away.values()), sum(told.replies.values()) + sum(told.away.values())
        counted = counted or total > 0
        tail = limits.false_alarms_a_quarter / (FAMILIES * len(SPANS) * OVERLAP * 90 * DAY / span)
        if away < FEWEST or binomial_tail(away, total, limits.refused_share) > tail:
            continue
        reason, count = told.away.most_common(1)[0]
        busy = reason in OVERLOAD
        why = f"{away:,} of the last {total:,} requests were turned away, {count:,} of them: {reason}"
        mend = (
            "more workers (serving.workers) or fewer requests: see docs/observing.md"
            if busy
            else "see who is turned away in the server's log, and why they send what they do"
        )
        yield Finding(
            CODE, "alert", "overload" if busy else "turned_away", why, mend, "", "critical" if busy else "warning",
            {"away": dict(told.away), "of": total}, end - span, total,
        )  # fmt: skip
        return
    if counted:
        yield Finding(CODE, "ok", "none", "nobody is turned away")
    else:
        yield Finding(CODE, "not_applicable", "none", "requests turned away were not counted lately")


WATCH = Watch(CODE, "service", "Nobody is turned away", look)

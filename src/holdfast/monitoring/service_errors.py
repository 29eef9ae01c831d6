"""WATCH503: do requests fail for a fault of ours?"""

from __future__ import annotations

from collections.abc import Iterator

from holdfast.monitoring.distance import binomial_tail
from holdfast.monitoring.expected import DAY, HOUR
from holdfast.monitoring.finding import Finding
from holdfast.monitoring.limits import Limits
from holdfast.monitoring.seen import Seen
from holdfast.monitoring.stretches import FAMILIES, MINUTE, OVERLAP
from holdfast.monitoring.watch import Watch

CODE = "WATCH503"
SPANS = (5 * MINUTE, HOUR)
FEWEST = 5


def look(seen: Seen, limits: Limits) -> Iterator[Finding]:
    end = seen.now - seen.now % MINUTE + MINUTE
    counted = False
    for span in SPANS:
        told = seen.service(end - span, end)
        if told is None or not (told.replies or told.away):
            continue
        errors = sum(n for status, n in told.replies.items() if status.startswith("5"))
        total = sum(told.replies.values())
        counted = True
        tail = limits.false_alarms_a_quarter / (FAMILIES * len(SPANS) * OVERLAP * 90 * DAY / span)
        if errors < FEWEST or binomial_tail(errors, total, limits.error_share) > tail:
            continue
        why = f"{errors:,} of the last {total:,} requests failed"
        mend = "read the server's log, each fault stands there; roll back if the version is new (holdfast rollback)"
        yield Finding(
            CODE, "alert", "errors", why, mend, "", "critical",
            {"errors": errors, "of": total, "by_status": dict(told.replies)}, end - span, total,
        )  # fmt: skip
        return
    if counted:
        yield Finding(CODE, "ok", "none", "requests do not fail")
    else:
        yield Finding(CODE, "not_applicable", "none", "replies were not counted lately")


WATCH = Watch(CODE, "service", "Requests do not fail", look)

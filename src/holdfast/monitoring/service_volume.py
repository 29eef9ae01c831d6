"""WATCH501: does as much come as usual at this hour of the week?"""

from __future__ import annotations

from collections.abc import Iterator

from holdfast.monitoring.distance import count_tail
from holdfast.monitoring.expected import DAY, HOUR
from holdfast.monitoring.finding import Finding
from holdfast.monitoring.limits import Limits
from holdfast.monitoring.seen import Seen
from holdfast.monitoring.stretches import FAMILIES, OVERLAP
from holdfast.monitoring.usual_volume import usual_volume
from holdfast.monitoring.watch import Watch

CODE = "WATCH501"
SPANS = (("hour", HOUR), ("six hours", 6 * HOUR), ("day", DAY), ("three days", 3 * DAY), ("week", 7 * DAY))
"""The longer ones are for a service that is asked a few hundred times a day."""


def look(seen: Seen, limits: Limits) -> Iterator[Finding]:
    end = seen.now - seen.now % HOUR
    known = False
    for name, span in SPANS:
        usual = usual_volume(seen, end - span, end)
        if usual is None or usual.expected < 1:
            continue
        known = True
        count = sum(n for time, n in seen.volumes(end - span, end) if end - span <= time < end)
        tail = limits.false_alarms_a_quarter / (FAMILIES * 2 * len(SPANS) * OVERLAP * 90 * DAY / span)
        change = count / usual.expected - 1
        if abs(change) <= limits.volume or count_tail(count, usual.expected, usual.swing) >= tail:
            continue
        cause = "silence" if count == 0 else "more_volume" if change > 0 else "less_volume"
        why = f"{count:,} decisions in the last {name}, usually {usual.expected:,.0f} at these hours ({change:+.0%})"
        mend = (
            "find who asks so much more, and whether they are customers"
            if change > 0
            else "see whether requests are refused or turned away; if not, ask those who send them"
        )
        yield Finding(
            CODE, "alert", cause, why, mend, "", "critical" if cause == "silence" else "high",
            {"count": count, "usual": round(usual.expected, 1), "swing": round(usual.swing, 4)}, end - span, count,
        )  # fmt: skip
        return
    if known:
        yield Finding(CODE, "ok", "none", "as much comes as usual")
    else:
        yield Finding(CODE, "too_few", "none", "a day of traffic is wanted before it is known what is usual")


WATCH = Watch(CODE, "service", "As much comes as usual", look)

"""WATCH101: does a feature come without a value more often than in training?"""

from __future__ import annotations

from collections.abc import Iterator

from holdfast.monitoring.finding import Finding, Severity
from holdfast.monitoring.limits import Limits
from holdfast.monitoring.seen import Seen
from holdfast.monitoring.shares import risen
from holdfast.monitoring.stretches import before, stretches, usual
from holdfast.monitoring.watch import Watch

CODE = "WATCH101"
GONE = 0.95
"""Share of nulls from which on a feature is missing altogether."""
EMPTY = ("null", "missing")


def look(seen: Seen, limits: Limits) -> Iterator[Finding]:
    names, told = seen.expected.names[:-1], set[str]()
    for stretch in stretches(seen, limits):
        for at, name in enumerate(names):
            count, was = stretch.cell(at, 0)
            natural = float(stretch.natural[at])
            found = risen(stretch, count, stretch.n, was, limits.null_rise, tests=len(names), natural=natural)
            if found is None or name in told:
                continue
            told.add(name)
            gone = found.share >= GONE and was < GONE
            why = f"{name} is null in {found.share:.1%} of {stretch.told()}, usually in {was:.1%}"
            mend = f"ask who sends {name} what changed; on_null in the contract says what it is replaced by"
            if gone:
                mend = (
                    f"find who stopped sending {name}: a renamed field can be declared as former, or a source is down"
                )
            severity: Severity = "critical" if gone else "high" if found.share > 0.2 else "warning"
            yield Finding(
                CODE, "alert", "missing" if gone else "nulls", why, mend, name, severity, found.as_dict(),
                stretch.start, stretch.n,
            )  # fmt: skip
    for stretch in stretches(seen, limits):
        for words, count in stretch.counts.warnings.items():
            name, _, kind = words.partition(": ")
            was = usual(seen, before(seen).warnings[words])
            found = risen(stretch, count, stretch.n, was, limits.null_rise, tests=max(20, len(names)))
            if kind not in EMPTY or name in told or found is None:
                continue
            told.add(name)
            why = f"{name} came without a value in {found.share:.1%} of {stretch.told()}, usually in {was:.1%}"
            mend = f"ask who sends {name} what changed; on_null in the contract says what it is replaced by"
            yield Finding(CODE, "alert", "nulls", why, mend, name, "warning", found.as_dict(), stretch.start, stretch.n)


WATCH = Watch(CODE, "quality", "Values are there", look)

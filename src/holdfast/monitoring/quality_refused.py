"""WATCH104: is a request refused for one and the same reason more often than usual?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from holdfast.monitoring.counts import Counts
from holdfast.monitoring.distance import binomial_tail
from holdfast.monitoring.expected import DAY, HOUR
from holdfast.monitoring.finding import Finding
from holdfast.monitoring.limits import Limits
from holdfast.monitoring.seen import Seen
from holdfast.monitoring.stretches import FAMILIES, MINUTE, OVERLAP
from holdfast.monitoring.watch import Watch

CODE = "WATCH104"
CAUSES = {
    "missing": "schema", "unknown_field": "schema", "two_names": "schema", "type": "types", "range": "range",
    "unknown_value": "vocabulary", "null": "nulls", "timestamp": "time",
}  # fmt: skip
SPANS = (10 * MINUTE, HOUR, DAY)
FEWEST = 5
"""Refusals of a kind; fewer are somebody's mistake."""


def look(seen: Seen, limits: Limits) -> Iterator[Finding]:
    end = seen.now - seen.now % MINUTE + MINUTE
    told: set[str] = set()
    past = _counted(seen, end - 15 * DAY, end - DAY)
    for span in SPANS:
        counts = _counted(seen, end - span, end)
        asked = counts.decisions + sum(counts.refusals.values())
        if asked < limits.least_predictions / 2:
            continue
        tail = limits.false_alarms_a_quarter / (FAMILIES * 10 * len(SPANS) * OVERLAP * 90 * DAY / span)
        for code, count in counts.refusals.most_common(10):
            seen_before = past.decisions + sum(past.refusals.values())
            was = past.refusals[code] / seen_before if seen_before >= 200 else 0.0
            if (
                code in told
                or count < FEWEST
                or binomial_tail(count, asked, min(1.0, was + limits.refused_share)) > tail
            ):
                continue
            told.add(code)
            fields = Counter({field: n for (kind, field), n in counts.problems.items() if kind == code})
            where = ", ".join(name for name, _ in fields.most_common(3))
            share = count / asked
            why = f"{count:,} of the last {asked:,} requests are refused: {code}{f' ({where})' if where else ''}"
            cause = CAUSES.get(code, "refused")
            yield Finding(
                CODE, "alert", cause, why, _mend(cause, where), next(iter(dict(fields.most_common(1))), ""),
                "critical" if share > 0.5 else "high",
                {"code": code, "count": count, "of": asked, "share": round(share, 5), "usual": round(was, 5),
                 "fields": dict(fields.most_common(10)), "words": _words(counts, fields)},
                end - span, counts.decisions,
            )  # fmt: skip


def _counted(seen: Seen, start: int, end: int) -> Counts:
    """Refusals by the minute they were received, decisions by event time."""
    counts = seen.counts(start, end)
    service = seen.service(start, end)
    if service is not None and sum(service.refusals.values()) > sum(counts.refusals.values()):
        counts.refusals, counts.problems = service.refusals, service.problems
    return counts


def _words(counts: Counts, fields: Counter[str]) -> list[str]:
    return [word for (field, word), _ in counts.unknown.most_common(20) if field in fields][:5]


def _mend(cause: str, where: str) -> str:
    if cause == "schema":
        return f"a field was renamed or left out upstream ({where}): declare its former name, or ask for it back"
    if cause == "vocabulary":
        return f"a word is new in {where}: say in the contract what becomes of unknown words, and train with it"
    if cause == "range":
        return f"values of {where} are out of the contract's bounds: ask who sends them, a unit may have changed"
    return "ask who sends them what changed: holdfast ledger show --refusals tells what came"


WATCH = Watch(CODE, "quality", "Requests are as the contract wants them", look)

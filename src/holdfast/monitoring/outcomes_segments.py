"""WATCH403: is it good for everybody? Realised ROC-AUC and recall in each segment, against what they were before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from holdfast.intervals import deviations
from holdfast.monitoring.finding import Finding
from holdfast.monitoring.judged import Judged
from holdfast.monitoring.limits import Limits
from holdfast.monitoring.matured import WEEK, Matured, enough, level_of, matured
from holdfast.monitoring.measured import error_of, performance
from holdfast.monitoring.seen import Seen
from holdfast.monitoring.watch import Watch

CODE = "WATCH403"
WEEKS = 4
MEND = "look at this segment's inputs (holdfast monitor --json), route it to review, and retrain with its outcomes"


def look(seen: Seen, limits: Limits) -> Iterator[Finding]:
    view = matured(seen)
    if view is None:
        yield Finding(CODE, "not_applicable", "none", "outcomes are not to be had here")
        return
    start = view.end - WEEKS * WEEK
    rows, before = view.whole.between(start, view.end), view.whole.between(0, start)
    parts = [item for item in _parts(rows, before) if enough(item.rows)]
    if not parts:
        yield Finding(CODE, "too_few", "none", "no segment has enough settled decisions of both classes")
        return
    level = level_of(limits, 2 * len(parts))
    found = [_judged(item, limits, level, view) for item in parts]
    bad = [item for item in found if item.status == "alert"]
    yield from bad
    if not bad:
        worst = min(found, key=lambda item: item.evidence["roc_auc"]["value"])
        yield Finding(CODE, "ok", "none", f"worst of {len(found)} segments: {worst.why}", evidence=worst.evidence)


@dataclass(frozen=True)
class _Part:
    """A segment, now and before; and everybody else of the same field, now and before."""

    name: str
    rows: Judged
    before: Judged
    others: Judged
    others_before: Judged


def _parts(rows: Judged, before: Judged) -> Iterator[_Part]:
    for name, groups in (*rows.segments.items(), *rows.groups.items()):
        then = before.segments.get(name) or before.groups[name]
        for at, word in enumerate(groups.words):
            here, there = groups.code == at, then.code == at
            yield _Part(f"{name} = {word}", rows.take(here), before.take(there), rows.take(~here), before.take(~there))


def _judged(item: _Part, limits: Limits, level: float, view: Matured) -> Finding:
    rows, what = item.rows, item.name
    live, sure = performance(rows), performance(rows, level)
    evidence = {"rows": len(rows), "positives": int((rows.truth == 1).sum()), "roc_auc": live["roc_auc"].as_dict()}
    told = f"{what}, ROC-AUC {live['roc_auc']}"
    since, count, wide = view.end - WEEKS * WEEK, len(rows), deviations(level)
    if sure["roc_auc"].high < limits.least_segment_auc and _better(item.others, limits):
        why = f"no better than guessing for {told}"
        return Finding(CODE, "alert", "segment", why, MEND, what, "high", evidence, since, count)
    if all(enough(part) for part in (item.before, item.others, item.others_before)):
        # What everybody loses is no segment's: WATCH401 and WATCH402 tell it.
        then, others, others_then = (performance(part) for part in (item.before, item.others, item.others_before))
        for name in ("roc_auc", "recall"):
            figures = (live[name], then[name], others[name], others_then[name])
            lost = (figures[1].value - figures[0].value) - (figures[3].value - figures[2].value)
            if lost > 2 * limits.performance_fall and lost > wide * sum(error_of(one) ** 2 for one in figures) ** 0.5:
                why = f"{what}: {name} fell from {then[name].value:.3f} to {live[name]}, and did not for others"
                evidence |= {name: live[name].as_dict(), "before": then[name].as_dict()}
                return Finding(CODE, "alert", "segment", why, MEND, what, "high", evidence, since, count)
    return Finding(CODE, "ok", "none", told, "", what, evidence=evidence)


def _better(others: Judged, limits: Limits) -> bool:
    return not enough(others) or performance(others)["roc_auc"].value > limits.least_segment_auc


WATCH = Watch(CODE, "outcomes", "It is good for everybody", look)

"""WATCH401: do settled decisions still rank, the hits above the others? ROC-AUC, by the limit and by what it was."""

from __future__ import annotations

from collections.abc import Iterator

from holdfast.intervals import deviations, roc_auc
from holdfast.monitoring.finding import Finding
from holdfast.monitoring.judged import Judged
from holdfast.monitoring.limits import Limits
from holdfast.monitoring.matured import enough, fall, level_of, matured, reference
from holdfast.monitoring.measured import error_of
from holdfast.monitoring.seen import Seen
from holdfast.monitoring.watch import Watch

CODE = "WATCH401"
MEND = "holdfast monitor names what else moved; compare with the last promotion, then holdfast retrain"


def look(seen: Seen, limits: Limits) -> Iterator[Finding]:
    view = matured(seen)
    if view is None:
        yield Finding(CODE, "not_applicable", "none", "outcomes are not to be had here")
        return
    rows = view.recent
    if not enough(rows):
        why = f"{len(view.whole):,} decisions are settled, {int((view.whole.truth == 1).sum())} of them positive"
        yield Finding(CODE, "too_few", "none", why, predictions=len(rows))
        return
    found = [_judge(seen, limits, part) for part in view.stretches]
    yield next((item for item in found if item.status == "alert"), found[0])


def _judge(seen: Seen, limits: Limits, rows: Judged) -> Finding:
    level, since = level_of(limits, 2), int(rows.times[0])
    live = roc_auc(rows.truth == 1, rows.probability)
    sure = roc_auc(rows.truth == 1, rows.probability, level)
    before = reference(seen, "roc_auc")
    lost = fall(seen, "roc_auc", live, error_of(live), deviations(level))
    evidence = {
        "roc_auc": live.as_dict(), "rows": len(rows), "positives": int((rows.truth == 1).sum()),
        "limit": limits.least_auc, "reference": None if before is None else before[0].as_dict(),
    }  # fmt: skip
    told = f"realised ROC-AUC is {live} over {len(rows):,} settled decisions"
    # A model that never reached the limit came through the gate by a waiver: what it fell from counts then.
    reached = before is None or before[0].low >= limits.least_auc
    if reached and sure.high < limits.least_auc:
        why = f"{told}, below {limits.least_auc:g}"
        return Finding(CODE, "alert", "below_floor", why, MEND, "", "critical", evidence, since, len(rows))
    if lost is not None and lost.value > limits.performance_fall and lost.low > 0:
        assert before is not None
        why = f"{told}; it was {before[0].value:.3f} when it was trained"
        return Finding(CODE, "alert", "ranking_lost", why, MEND, "", "high", evidence, since, len(rows))
    return Finding(CODE, "ok", "none", told, evidence=evidence, since=since, predictions=len(rows))


WATCH = Watch(CODE, "outcomes", "It still ranks", look)

"""WATCH402: are its decisions as right as they were? Precision and recall of settled decisions.

Precision also moves with the share of positives alone. What is expected of it is what the true and false positive rates
of training make of today's share; a fall that is no more than that is told by WATCH405, and explained here.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import log

from holdfast.intervals import Interval, deviations, share
from holdfast.monitoring.finding import Finding
from holdfast.monitoring.judged import Judged
from holdfast.monitoring.limits import Limits
from holdfast.monitoring.matured import clustering, enough, fall, level_of, matured, reference
from holdfast.monitoring.measured import error_of, performance
from holdfast.monitoring.seen import Seen
from holdfast.monitoring.watch import Watch

CODE = "WATCH402"
CAUSES = {"precision": "false_positives", "recall": "missed_positives"}
MENDS = {
    "precision": "holdfast incident open: raise the threshold or route to review, then find the segment (WATCH403)",
    "recall": "look at what was missed by segment (WATCH403), then holdfast retrain on matured outcomes",
}


def look(seen: Seen, limits: Limits) -> Iterator[Finding]:
    view = matured(seen)
    if view is None:
        yield Finding(CODE, "not_applicable", "none", "outcomes are not to be had here")
        return
    rows = view.recent
    if not enough(rows):
        yield Finding(CODE, "too_few", "none", f"{len(rows):,} settled decisions", predictions=len(rows))
        return
    for name in ("precision", "recall"):
        inside = view.whole.decided if name == "precision" else view.whole.truth == 1
        apart = clustering(view.whole, inside)
        found = [_judge(seen, limits, part, name, apart) for part in view.stretches]
        worst = ("alert", "explained", "ok")
        yield min(found, key=lambda item: worst.index(item.status))


def _judge(seen: Seen, limits: Limits, rows: Judged, name: str, apart: float) -> Finding:
    wide, live, since = deviations(level_of(limits, 2)), performance(rows)[name], int(rows.times[0])
    before = reference(seen, name)

    def fell(usual: float | None = None) -> bool:
        lost = fall(seen, name, live, error_of(live) * apart, wide, usual)
        return lost is not None and lost.value > limits.performance_fall and lost.low > 0

    told = f"{name} is {live} over {len(rows):,} settled decisions"
    evidence = {name: live.as_dict(), "reference": None if before is None else before[0].as_dict(), "clustering": apart}
    if before is None or not fell():
        return Finding(CODE, "ok", "none", told, "", name, evidence=evidence, since=since, predictions=len(rows))
    why = f"{told}; it was {before[0].value:.3f} when it was trained"
    if name == "precision" and (expected := _at_this_prior(seen, rows)) is not None:
        evidence["expected"] = expected
        if not fell(min(expected, before[0].value)):
            positive = float((rows.truth == 1).mean())
            why += f"; with {positive:.2%} positives no more than {expected:.3f} is to be had, as good as it is"
            return Finding(
                CODE, "explained", "prior_shift", why, "see WATCH405", name, "warning", evidence, since, len(rows)
            )
    lacking = "recall" if name == "recall" or _hits_are_away(seen, rows) else "precision"
    return Finding(CODE, "alert", CAUSES[lacking], why, MENDS[lacking], name, "high", evidence, since, len(rows))


def _at_this_prior(seen: Seen, rows: Judged) -> float | None:
    """Precision, if of either class as many were decided positively as in training; None where that is not known."""
    classes = _rates(seen, rows)
    if not classes:
        return None
    positives = int((rows.truth == 1).sum())
    hits, alarms = classes[0][1].value * positives, classes[1][1].value * (len(rows) - positives)
    return hits / (hits + alarms) if hits + alarms else None


def _hits_are_away(seen: Seen, rows: Judged) -> bool:
    """Whether precision fell for want of hits more than by false alarms: its odds are the one rate by the other."""
    classes = _rates(seen, rows)
    if not classes:
        return False
    hits, alarms = (log(max(live.value, 1e-6) / max(then.value, 1e-6)) for live, then in classes)
    return -hits > alarms


def _rates(seen: Seen, rows: Judged) -> list[tuple[Interval, Interval]]:
    """Shares decided positively, live and in training: of the positive, then of the negative. Empty where unknown."""
    table = seen.bundle.manifest.training.get("confusion")
    if not table:
        return []
    truth, said = rows.truth == 1, rows.decided
    classes = (
        (truth, table["true_positive"], table["true_positive"] + table["false_negative"]),
        (~truth, table["false_positive"], table["false_positive"] + table["true_negative"]),
    )
    return [
        (share(float((inside & said).sum()), float(inside.sum())), share(float(hits), float(of)))
        for inside, hits, of in classes
    ]


WATCH = Watch(CODE, "outcomes", "Its decisions are as right as they were", look)

"""WATCH409: how well does it do before anybody knows? An estimate from its own probabilities, marked as one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from holdfast.intervals import deviations
from holdfast.monitoring import outcomes_prior
from holdfast.monitoring.estimated import Reading
from holdfast.monitoring.finding import Finding
from holdfast.monitoring.foretold import MEASURES, Foretold, distrusted, foretell, reconciled
from holdfast.monitoring.judged import UNSETTLED
from holdfast.monitoring.limits import Limits
from holdfast.monitoring.matured import WEEK, clustering, fall, level_of, matured, reference
from holdfast.monitoring.measured import error_of
from holdfast.monitoring.seen import Seen
from holdfast.monitoring.watch import Watch

CODE = "WATCH409"
FEWEST = 200
MEND = "an estimate, no measurement: see which inputs drifted (WATCH201), and have some of these cases looked at now"


def past(seen: Seen) -> list[Foretold]:
    """Settled weeks with their estimates, made once a look."""
    view = matured(seen)
    if "reconciled" not in seen.memo:
        seen.memo["reconciled"] = [] if view is None else reconciled(view)
    found: list[Foretold] = seen.memo["reconciled"]
    return found


def look(seen: Seen, limits: Limits) -> Iterator[Finding]:
    view = matured(seen)
    if view is None:
        yield Finding(CODE, "not_applicable", "none", "decisions are not to be had here")
        return
    last = view.everything.between(seen.now - WEEK, seen.now + 1)
    open_ = np.flatnonzero(last.truth == UNSETTLED)
    start = int(last.times[open_[0]]) if len(open_) else seen.now
    made = foretell(view.everything, view.label, start, seen.now + 1)
    if made is None or made.rows < FEWEST:
        rows = 0 if made is None else made.rows
        yield Finding(CODE, "too_few", "none", f"{rows:,} decisions whose labels are not in", predictions=rows)
        return
    prior = any(item.status == "alert" for item in outcomes_prior.look(seen, limits))
    against = distrusted(made.reading, past(seen), prior)
    figures = "; ".join(f"{name} {made.estimated[name]}" for name in MEASURES)
    told = f"estimated over {made.rows:,} decisions whose labels are not in: {figures}"
    evidence = {
        "estimate": {name: item.as_dict() for name, item in made.estimated.items()}, "trusted": not against,
        "against": against, "matured": _matured(made.reading),
    }  # fmt: skip
    if against:
        why = f"{told}; it cannot be trusted: {'; '.join(against)}"
        yield Finding(CODE, "not_applicable", "none", why, evidence=evidence, since=start, predictions=made.rows)
        return
    # What the estimate was learned from are positives that come together, too.
    wide = deviations(level_of(limits, 3)) * clustering(view.whole, view.whole.truth == 1)
    lost = []
    for name in MEASURES:
        figure = made.estimated[name]
        found = fall(seen, name, figure, error_of(figure), wide)
        if found is not None and found.value > limits.performance_fall and found.low > 0:
            lost.append(f"{name} {found.value:.3f} lower than when it was trained")
    before = reference(seen, "roc_auc")
    reached = before is None or before[0].low >= limits.least_auc
    floor = reached and made.estimated["roc_auc"].high < limits.least_auc
    if lost or floor:
        what = "; ".join(lost) or f"ROC-AUC below {limits.least_auc:g}"
        yield Finding(CODE, "alert", "estimated_fall", f"{told}: {what}", MEND, "", "warning", evidence, start,
                      made.rows)  # fmt: skip
    else:
        yield Finding(CODE, "ok", "none", told, evidence=evidence, since=start, predictions=made.rows)


def _matured(reading: Reading) -> dict[str, float]:
    return {
        "rows": reading.rows, "positives": reading.positives, "blocks": reading.blocks, "slope": reading.slope,
        "offset": reading.offset,
    }  # fmt: skip


WATCH = Watch(CODE, "outcomes", "It is estimated to do as well as it did", look)

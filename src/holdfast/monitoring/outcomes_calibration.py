"""WATCH404: of those it calls 30 %, do three in ten turn out so? The slope of told against true logits, and the rest.

That all of them lie too high or too low together is a shift of the prior, and told by WATCH405.
"""

from __future__ import annotations

from collections.abc import Iterator

from holdfast.intervals import deviations
from holdfast.monitoring.estimated import Block, learn
from holdfast.monitoring.finding import Finding
from holdfast.monitoring.limits import Limits
from holdfast.monitoring.matured import clustering, enough, level_of, matured
from holdfast.monitoring.seen import Seen
from holdfast.monitoring.watch import Watch

CODE = "WATCH404"
MEND = "estimates before labels mature cannot be trusted until it is calibrated again: holdfast retrain"


def look(seen: Seen, limits: Limits) -> Iterator[Finding]:
    view = matured(seen)
    if view is None:
        yield Finding(CODE, "not_applicable", "none", "outcomes are not to be had here")
        return
    rows = view.recent
    if not enough(rows, 50):
        yield Finding(CODE, "too_few", "none", f"{len(rows):,} settled decisions", predictions=len(rows))
        return
    found = learn([Block(rows.probability, rows.truth == 1)])
    usual = learn([Block(view.before.probability, view.before.truth == 1)]) if enough(view.before, 50) else None
    if usual is None:
        # Even on its own test rows a model is not quite calibrated; whether it may be so was the gate's to say.
        why = f"a slope of {found.slope:.2f}; what is usual is known when more decisions have settled before these"
        yield Finding(CODE, "too_few", "none", why, predictions=len(rows))
        return
    expected = usual.slope
    apart = clustering(view.whole, view.whole.truth == 1)
    wide = deviations(level_of(limits)) * apart * (found.slope_error**2 + usual.slope_error**2) ** 0.5
    evidence = {
        "slope": found.slope, "slope_error": found.slope_error, "usual": expected, "offset": found.offset,
        "clustering": apart,
        "told": float(rows.probability.mean()), "true": float((rows.truth == 1).mean()),
    }  # fmt: skip
    why = (
        f"told and true logits have a slope of {found.slope:.2f} (usually {expected:.2f}); "
        f"mean probability {evidence['told']:.2%}, positives {evidence['true']:.2%}"
    )
    if abs(found.slope - expected) > max(limits.calibration_slope, wide):
        cause = "overconfident" if found.slope < expected else "underconfident"
        yield Finding(CODE, "alert", cause, why, MEND, "", "warning", evidence, view.start, len(rows))
    else:
        yield Finding(CODE, "ok", "none", why, evidence=evidence, since=view.start, predictions=len(rows))


WATCH = Watch(CODE, "outcomes", "It means what it says", look)

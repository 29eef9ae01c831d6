"""WATCH203: does a feature look like training's, multiplied: cents for dollars, seconds for hours, doubled?"""

from __future__ import annotations

from collections.abc import Iterator

from holdfast.monitoring.finding import Finding
from holdfast.monitoring.fits import factor
from holdfast.monitoring.limits import Limits
from holdfast.monitoring.reads import direct
from holdfast.monitoring.seen import Seen
from holdfast.monitoring.stretches import suspected
from holdfast.monitoring.watch import Watch

CODE = "WATCH203"


def look(seen: Seen, limits: Limits) -> Iterator[Finding]:
    told: set[int] = set()
    for stretch, feature in suspected(seen, limits):
        fit = None if feature in told else factor(stretch, feature)
        if fit is None:
            continue
        name = seen.expected.names[feature]
        if not fit.unit and not direct(seen.bundle.contract, name):
            continue  # a count or a sum that grew by a third is a change of behaviour, no unit
        told.add(feature)
        words = f"× {fit.factor:g}" if fit.factor >= 1 else f"÷ {1 / fit.factor:.3g}"
        why = (
            f"{name} looks like training's values {words if fit.unit else f'× about {fit.factor:.2g}'} over "
            f"{stretch.told()}: PSI {fit.before:.2f} as it is, {fit.after:.2f} so"
        )
        mend = f"ask who sends {name} whether its unit changed (cents for dollars?), and convert it back at the source"
        yield Finding(
            CODE, "alert", "units" if fit.unit else "scale", why, mend, name, "critical" if fit.unit else "high",
            {"factor": round(fit.factor, 4), "psi": round(fit.before, 4), "psi_so": round(fit.after, 4)},
            stretch.start, stretch.n,
        )  # fmt: skip


WATCH = Watch(CODE, "inputs", "Units are those of training", look)

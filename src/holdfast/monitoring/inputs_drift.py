"""WATCH201: does a feature come otherwise than training had it at the same hours?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from holdfast.monitoring.distance import chi_square, jensen_shannon, kolmogorov, wasserstein
from holdfast.monitoring.finding import Finding
from holdfast.monitoring.limits import Limits
from holdfast.monitoring.seen import Seen
from holdfast.monitoring.stretches import Stretch, drifted, stretches, young
from holdfast.monitoring.watch import Watch

CODE = "WATCH201"


def look(seen: Seen, limits: Limits) -> Iterator[Finding]:
    told: dict[int, tuple[Stretch, int]] = {}
    for stretch, feature in drifted(seen, limits):
        if not young(seen, limits):
            told.setdefault(feature, (stretch, feature))
    for stretch, feature in sorted(told.values(), key=lambda pair: -pair[0].beyond[pair[1]]):
        name = seen.expected.names[feature]
        high = stretch.beyond[feature] > limits.high_psi
        what = measured(stretch, feature)
        why = (
            f"{name} is not spread as in training over {stretch.told()}: PSI {what['psi']:.2f}, of which "
            f"{what['psi_beyond']:.2f} is beyond chance and what this model's days differ by"
        )
        mend = f"see what changed about {name} upstream since then; if the world changed, retrain on newer rows"
        yield Finding(
            CODE, "alert", "drift", why, mend, name, "high" if high else "warning", what, stretch.start, stretch.n
        )
    if not told and stretches(seen, limits):
        widest = stretches(seen, limits)[-1]
        worst = int(np.argmax(widest.psi[:-1])) if len(widest.psi) > 1 else 0
        why = f"no feature drifts; {seen.expected.names[worst]} most (PSI {widest.psi[worst]:.3f} over {widest.told()})"
        yield Finding(CODE, "ok", "none", why, predictions=widest.n, since=widest.start)


def measured(stretch: Stretch, feature: int) -> dict[str, float]:
    """The index that decides, and what other people measure drift by, beside it."""
    cells = stretch.expected.cells(stretch.expected.names[feature])
    p, found = stretch.shares[cells], stretch.found[cells]
    q = found / max(1.0, found.sum())
    statistic, value = chi_square(p, found)
    return {
        "psi": round(float(stretch.psi[feature]), 5),
        "psi_beyond": round(float(stretch.beyond[feature]), 5),
        "natural": round(float(stretch.natural[feature]), 5),
        "jensen_shannon": round(jensen_shannon(p, q), 5),
        "kolmogorov_smirnov": round(kolmogorov(p, q), 5),
        "wasserstein_in_ranks": round(wasserstein(p, q), 5),
        "chi_square": round(statistic, 3),
        "chi_square_p": value,
        "rows": stretch.n,
    }


WATCH = Watch(CODE, "inputs", "Features come as training had them", look)

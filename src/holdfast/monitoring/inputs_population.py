"""WATCH207: did a part of the population stop coming, the rest being as it was?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from holdfast.monitoring.finding import Finding
from holdfast.monitoring.fits import BETTER, WELL, apart
from holdfast.monitoring.limits import Limits
from holdfast.monitoring.seen import Seen
from holdfast.monitoring.stretches import Stretch, suspected, young
from holdfast.monitoring.watch import Watch

CODE = "WATCH207"
LEAST = 0.1
"""Share of the reference that must have gone, for it to be called a filter."""


def look(seen: Seen, limits: Limits) -> Iterator[Finding]:
    best: tuple[float, Stretch, int, list[int], float] | None = None
    for stretch, feature in suspected(seen, limits):
        found = filtered(stretch, feature)
        if found is not None and (best is None or found[1] > best[0]):
            best = (found[1], stretch, feature, *found)
    if best is None or young(seen, limits):
        return
    _, stretch, feature, gone, share = best
    shape = seen.expected.shapes[feature]
    why = (
        f"{share:.0%} of what usually comes is away over {stretch.told()}, and the rest is as it was: "
        f"rows with {shape.name} {_words(shape.words, shape.edges, gone)} come no more"
    )
    mend = f"find the filter of who is asked about (by {shape.name}, or what goes with it), and whether it is meant"
    yield Finding(
        CODE, "alert", "population", why, mend, shape.name, "high", {"away": round(share, 4), "cells": gone},
        stretch.start, stretch.n,
    )  # fmt: skip


def filtered(stretch: Stretch, feature: int) -> tuple[list[int], float] | None:
    """(cells that are empty, share of the reference in them), where without them all is as it was."""
    cells = stretch.expected.cells(stretch.expected.shapes[feature].name)
    p, found = stretch.shares[cells], stretch.found[cells]
    gone = np.flatnonzero((found <= 0.02 * p * stretch.n) & (p * stretch.n >= 1.5))
    share, rest = float(p[gone].sum()), np.ones(len(p), bool)
    rest[gone] = False
    kept = rest & (p > 0)
    if not LEAST <= share <= 0.95 or kept.sum() < 3 or found[kept].sum() < 0.98 * stretch.n:
        return None
    after = apart(p[kept] / p[kept].sum(), found[kept])
    if after > WELL / 2 or after > BETTER * float(stretch.psi[feature]):
        return None
    return gone.tolist(), share


def _words(words: tuple[str, ...], edges: tuple[float, ...], cells: list[int]) -> str:
    if words:
        return "in " + ", ".join(words[at] for at in cells[:5] if at < len(words))
    low, high = min(cells) - 1, max(cells) - 1
    if not edges or low < 0:
        return "null"
    if high >= len(edges) - 2:
        return f"from {edges[low]:g} on"
    return f"below {edges[high + 1]:g}" if low == 0 else f"from {edges[low]:g} to {edges[high + 1]:g}"


WATCH = Watch(CODE, "inputs", "The same people are asked about", look)

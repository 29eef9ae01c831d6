"""WATCH206: does a feature that had many values have one, or stand still at what means nothing happened?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from holdfast.monitoring.finding import Finding
from holdfast.monitoring.limits import Limits
from holdfast.monitoring.reads import sources
from holdfast.monitoring.seen import Seen
from holdfast.monitoring.shares import risen
from holdfast.monitoring.stretches import Stretch, drifted
from holdfast.monitoring.watch import Watch

CODE = "WATCH206"


def look(seen: Seen, limits: Limits) -> Iterator[Finding]:
    found: dict[int, tuple[Stretch, bool]] = {}
    for stretch, feature in drifted(seen, limits):
        if feature not in found and _frozen(stretch, feature, limits):
            found[feature] = (stretch, _nothing(stretch, feature))
    contract = seen.bundle.contract
    by_source: dict[str, list[int]] = {}
    for feature, (_, empty) in found.items():
        for source in sources(contract, seen.expected.names[feature]):
            if empty:
                by_source.setdefault(source, []).append(feature)
    for feature, (stretch, empty) in found.items():
        name = seen.expected.names[feature]
        silent = next((source for source, all_of in by_source.items() if empty and feature in all_of), "")
        if silent:
            why = f"{name} stands at what no event of {silent} makes of it, over {stretch.told()}: {silent} is silent"
            mend = f"see whether events of {silent} still arrive (holdfast ledger show), and start their sender again"
        else:
            why = f"{name} has one and the same value in {stretch.told()}, where training had many"
            mend = f"see what computes {name} upstream: it stands still, or a default is sent in its place"
        yield Finding(
            CODE, "alert", "stale" if silent else "frozen", why, mend, name, "high",
            {"rows": stretch.n, "source": silent}, stretch.start, stretch.n,
        )  # fmt: skip


def _frozen(stretch: Stretch, feature: int, limits: Limits) -> bool:
    shape = stretch.expected.shapes[feature]
    cells = stretch.expected.cells(shape.name)
    given = stretch.found[cells][1:]
    if given.sum() < limits.least_predictions / 2:
        return False
    top = int(np.argmax(given))
    expected = stretch.shares[cells][1:]
    usual = float(expected[top] / max(1e-9, expected.sum()))
    rise = max(0.0, limits.frozen_share - usual - 0.02)
    held = usual < limits.frozen_share - 0.1 and given[top] >= limits.frozen_share * given.sum()
    sure = risen(stretch, int(given[top]), int(given.sum()), usual, min(rise, 0.2), tests=len(stretch.expected.shapes))
    if shape.kind == "category" or not shape.edges:
        return held and sure is not None
    buckets = stretch.counts.spread[feature]
    return held and sure is not None and buckets.max() >= limits.frozen_share * buckets.sum()


def _nothing(stretch: Stretch, feature: int) -> bool:
    """Whether its value is the one of an empty window, or 0."""
    zero = stretch.counts.octaves[feature, 0]
    return bool(zero >= 0.98 * max(1, stretch.n))


WATCH = Watch(CODE, "inputs", "Features move", look)

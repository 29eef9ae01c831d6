"""WATCH102: do values lie beyond all that training had?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from holdfast.bundle.bins import outer_of
from holdfast.monitoring.finding import Finding
from holdfast.monitoring.limits import Limits
from holdfast.monitoring.reads import direct
from holdfast.monitoring.seen import Seen
from holdfast.monitoring.shares import risen
from holdfast.monitoring.stretches import before, stretches, usual, young
from holdfast.monitoring.watch import Watch

CODE = "WATCH102"


def look(seen: Seen, limits: Limits) -> Iterator[Finding]:
    shapes, told = seen.expected.shapes[:-1], set[str]()
    for stretch in stretches(seen, limits):
        for at, shape in enumerate(shapes):
            if shape.name in told or not shape.edges or not direct(seen.bundle.contract, shape.name):
                continue  # what is made of many records wanders, and its drift is measured by that
            for side, counts, was in zip(("below", "above"), (stretch.counts.below, stretch.counts.above),
                                         shape.outside, strict=True):  # fmt: skip
                natural = float(stretch.natural[at])
                found = risen(stretch, int(counts[at]), stretch.n, was, limits.outside_rise,
                              tests=2 * len(shapes), natural=natural)  # fmt: skip
                if found is None or shape.name in told or young(seen, limits):
                    continue
                told.add(shape.name)
                edge = outer_of(np.array(shape.edges))[side == "above"]
                why = f"{found.share:.1%} of {stretch.told()} have {shape.name} {side} {edge:g}, unlike all of training"
                mend = (
                    f"look at the values of {shape.name}: a bound in the contract (at_least, at_most) would refuse them"
                )
                yield Finding(CODE, "alert", "range", why, mend, shape.name, "warning",
                              found.as_dict() | {"edge": edge, "side": side}, stretch.start, stretch.n)  # fmt: skip
        for words, count in stretch.counts.warnings.items():
            name, _, kind = words.partition(": ")
            was = usual(seen, before(seen).warnings[words])
            found = risen(stretch, count, stretch.n, was, limits.warned_rise, tests=max(20, len(shapes)))
            if kind != "odd" or name in told or found is None:
                continue
            told.add(name)
            why = f"{name} is out of the contract's bounds in {found.share:.1%} of {stretch.told()}"
            mend = f"ask who sends {name} what changed; on_odd in the contract says what becomes of such values"
            yield Finding(CODE, "alert", "range", why, mend, name, "warning", found.as_dict(), stretch.start, stretch.n)


WATCH = Watch(CODE, "quality", "Values lie where training's did", look)

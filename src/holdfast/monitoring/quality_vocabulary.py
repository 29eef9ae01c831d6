"""WATCH105: does the vocabulary cover what comes, by row and by value?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from holdfast.monitoring.counts import REST
from holdfast.monitoring.finding import Finding
from holdfast.monitoring.limits import Limits
from holdfast.monitoring.seen import Seen
from holdfast.monitoring.shares import risen
from holdfast.monitoring.stretches import Stretch, stretches
from holdfast.monitoring.watch import Watch

CODE = "WATCH105"
FEWEST = 10
"""Rows with an unknown word."""
TYPO = 3
"""Times that a word must come to count as one: what comes once or twice is misspelt."""


def look(seen: Seen, limits: Limits) -> Iterator[Finding]:
    shapes, told = seen.expected.shapes[:-1], set[str]()
    words = [at for at, shape in enumerate(shapes) if shape.kind == "category"]
    for stretch in stretches(seen, limits):
        for at in words:
            shape = shapes[at]
            count, was = stretch.cell(at, 1)
            known, new = _values(stretch, at)
            found = None
            if count >= FEWEST and count / stretch.n - was > limits.unknown_rise:
                # The share that came decides; that it is no chance is asked of a tenth of it.
                found = risen(stretch, count, stretch.n, was, limits.unknown_rise / 10, tests=len(words),
                              natural=float(stretch.natural[at]))  # fmt: skip
            by_row, by_value = 1 - count / stretch.n, known / max(1, known + len(new))
            sparse = by_value < limits.coverage and len(new) >= TYPO and count >= FEWEST and was < 0.02
            if shape.name in told or not (found is not None or sparse):
                continue
            told.add(shape.name)
            low = by_row < limits.coverage or by_value < limits.coverage
            named = ", ".join(new[:5])
            why = (
                f"the vocabulary of {shape.name} covers {by_row:.1%} of rows ({1 - was:.1%} in training) and "
                f"{by_value:.0%} of values in {stretch.told()}{f'; new: {named}' if named else ''}"
            )
            mend = f"train with the new words of {shape.name}; until then they are scored as unknown"
            yield Finding(
                CODE, "alert", "vocabulary", why, mend, shape.name, "high" if low else "warning",
                {"by_row": round(by_row, 5), "by_value": round(by_value, 5), "usual": round(1 - was, 5),
                 "new": new[:20]},
                stretch.start, stretch.n,
            )  # fmt: skip


def _values(stretch: Stretch, feature: int) -> tuple[int, list[str]]:
    """(declared words that came, new ones by how often they came)."""
    name = stretch.expected.names[feature]
    known = int(np.count_nonzero(stretch.counts.bins[feature][2:]))
    new = [
        word
        for (field, word), n in stretch.counts.unknown.most_common()
        if field == name and (n >= TYPO or word == REST)
    ]
    return known, new


WATCH = Watch(CODE, "quality", "The vocabulary covers what comes", look)

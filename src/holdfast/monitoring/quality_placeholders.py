"""WATCH103: does one of the numbers that people write where they know none come up?"""

from __future__ import annotations

from collections.abc import Iterator

from holdfast.bundle.bins import SUSPECTS
from holdfast.monitoring.finding import Finding
from holdfast.monitoring.limits import Limits
from holdfast.monitoring.seen import Seen
from holdfast.monitoring.shares import risen
from holdfast.monitoring.stretches import before, stretches, usual
from holdfast.monitoring.watch import Watch

CODE = "WATCH103"


def look(seen: Seen, limits: Limits) -> Iterator[Finding]:
    shapes, told = seen.expected.shapes[:-1], set[str]()
    for stretch in stretches(seen, limits):
        for at, shape in enumerate(shapes):
            if shape.name in told or not shape.edges:
                continue
            for which, value in enumerate(SUSPECTS):
                count = int(stretch.counts.suspects[at, which])
                if not count or shape.name in told:
                    continue
                was = max(_trained(shape.suspects, which, shape.rows, shape.edges, value),
                          usual(seen, int(before(seen).suspects[at, which]) if before(seen).shape else 0))  # fmt: skip
                found = risen(stretch, count, stretch.n, was, limits.null_rise, tests=len(SUSPECTS) * len(shapes))
                if found is None:
                    continue
                told.add(shape.name)
                why = (
                    f"{shape.name} is exactly {value:g} in {found.share:.1%} of {stretch.told()}, usually in {was:.1%}"
                )
                mend = f"find out whether {value:g} stands for not known; if so declare it: placeholders=({value:g},)"
                yield Finding(CODE, "alert", "placeholder", why, mend, shape.name, "high",
                              found.as_dict() | {"value": value}, stretch.start, stretch.n)  # fmt: skip
        for words, count in stretch.counts.warnings.items():
            name, _, kind = words.partition(": ")
            was = usual(seen, before(seen).warnings[words])
            found = risen(stretch, count, stretch.n, was, limits.warned_rise, tests=max(20, len(shapes)))
            if kind not in ("placeholder", "other") or name in told or found is None:
                continue
            told.add(name)
            cause, what = (
                ("placeholder", "stands for not known") if kind == "placeholder" else ("types", "is warned of")
            )
            why = f"{name} {what} in {found.share:.1%} of {stretch.told()}, usually in {was:.1%}"
            mend = f"ask who sends {name} what changed: holdfast ledger show tells the warnings' words"
            yield Finding(CODE, "alert", cause, why, mend, name, "warning", found.as_dict(), stretch.start, stretch.n)


def _trained(suspects: tuple[int, ...], which: int, rows: int, edges: tuple[float, ...], value: float) -> float:
    """Share in training. Where it was not kept: the whole bin that would hold it, none outside of all."""
    if suspects:
        return suspects[which] / max(1, rows)
    return 0.0 if value < edges[0] or value > edges[-1] else 1.0 / max(2, len(edges) - 1)


WATCH = Watch(CODE, "quality", "Numbers mean what they say", look)

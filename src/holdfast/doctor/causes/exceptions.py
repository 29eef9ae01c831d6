"""DOC14: are rows that research counts never sent to the model, and is there a rule in which ones?"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.doctor.cause import Cause, Finding
from holdfast.doctor.figures import more
from holdfast.doctor.pair import Pair, columns_of
from holdfast.doctor.shapes import Values, is_words, null

Mask = NDArray[np.bool_]
LEAST = 10
COVERED = 0.3
EFFECT = 0.2
"""Lower bound of how much more often the rows of a segment are left out than the others."""


def look(pair: Pair) -> Finding | None:
    ours, theirs = pair.research.rows, pair.production.rows
    both = pair.common[0]
    if not pair.production.live or ours is None or theirs is None or len(both) < COVERED * len(theirs) or not len(both):
        return None
    scope = np.ones(len(ours), np.bool_)
    if ours.times is not None and theirs.times is not None:
        scope &= (ours.times >= theirs.times.min()) & (ours.times <= theirs.times.max())
    sent = np.zeros(len(ours), np.bool_)
    sent[both] = True
    if ours.split is not None:
        for part in np.unique(ours.split):
            inside = ours.split == part
            if sent[inside & scope].sum() < COVERED * (inside & scope).sum():
                scope &= ~inside
    unsent = scope & ~sent
    if unsent.sum() < LEAST:
        return None
    found = [
        item
        for name, values in columns_of(ours).items()
        if (item := _segment(name, values, scope, unsent, len(columns_of(ours)))) is not None
    ]
    if not found:
        return None
    best = max(found, key=lambda item: (item["sure"], item["rows"]))
    says = (
        f"{int(unsent.sum()):,} of {int(scope.sum()):,} rows never came to the model; where {best['where']}, "
        f"{best['unsent']:,} of {best['rows']:,} did not, elsewhere {best['elsewhere']:,} of {best['others']:,}"
    )
    examples = [str(item) for item in ours.ids[unsent][:5]]
    return EXCEPTIONS.found(
        0.69, says, explains=("DOC13", "DOC15"), unsent=int(unsent.sum()), of=int(scope.sum()), segment=best,
        examples=examples,
    )  # fmt: skip


def _segment(
    name: str,
    values: Values,
    scope: Mask,
    unsent: Mask,
    columns: int,
) -> dict[str, Any] | None:
    """The segment of one column whose rows are left out most, or None where chance would do."""
    best: dict[str, Any] | None = None
    cuts = _cuts(name, values, scope)
    for where, mask in cuts:
        inside, others = mask & scope, ~mask & scope
        hit, missed = int((unsent & inside).sum()), int((unsent & others).sum())
        sure = more(hit, inside.sum(), missed, others.sum(), columns * len(cuts))
        if sure > EFFECT and (best is None or sure > best["sure"]):
            best = {
                "where": where, "sure": sure, "unsent": hit, "rows": int(inside.sum()), "elsewhere": missed,
                "others": int(others.sum()),
            }  # fmt: skip
    return best


def _cuts(name: str, values: Values, scope: Mask) -> list[tuple[str, Mask]]:
    """Segments of a column: each frequent word, each side of some quantiles, and null."""
    gone = null(values)
    found = [(f"{name} is null", gone)] if gone.any() else []
    there = values[scope & ~gone]
    if not len(there):
        return found
    if is_words(values):
        words, counts = np.unique(there.astype(np.str_), return_counts=True)
        frequent = words[np.argsort(-counts, kind="stable")][:20].tolist()
        return found + [(f"{name} is {word}", values == word) for word in frequent]
    numbers = values.astype(np.float64)
    with np.errstate(invalid="ignore"):
        for edge in np.unique(np.quantile(there.astype(np.float64), np.linspace(0.05, 0.95, 19))):
            found += [
                (f"{name} is above {edge:.4g}", numbers > edge),
                (f"{name} is at most {edge:.4g}", numbers <= edge),
            ]
    return found


EXCEPTIONS = Cause(
    "DOC14",
    "Part of the population is never sent",
    "Look at what stands before the model: rules, an allow-list, another product's way, a timeout. Send these rows "
    "too, or leave them out of what research counts.",
    look,
)

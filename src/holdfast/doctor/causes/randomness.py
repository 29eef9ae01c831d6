"""DOC12: does the same row get another score each time? Seen by asking twice, by equal rows, or by what was filled."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from holdfast.doctor.cause import Cause, Finding
from holdfast.doctor.causes.odd import ordinary
from holdfast.doctor.figures import more
from holdfast.doctor.gaps import SAME, Gap, as_words, cell
from holdfast.doctor.pair import Pair
from holdfast.doctor.shapes import Floats, null
from holdfast.doctor.side import Rows, Side

Mask = NDArray[np.bool_]
FEW = 0.4
"""Most rows that may differ for it to be some rows and not all."""
FOLLOWS = ("DOC07", "DOC16", "DOC17")


def look(pair: Pair) -> Finding | None:
    for side in (pair.production, pair.research):
        found = _twice(side) or _alike(side)
        if found is not None:
            return found
    return _filled(pair)


def _twice(side: Side) -> Finding | None:
    """The same rows, scored a second time."""
    rows = side.rows
    if rows is None or rows.scores is None or rows.again is None:
        return None
    other = _other(rows.scores, rows.again)
    if not other.any():
        return None
    at = np.flatnonzero(other)
    where = _where_null(rows, other)
    says = f"{len(at):,} of {len(other):,} rows scored twice in {side.role} get another score" + _near(where)
    examples = [{"id": str(rows.ids[i]), "first": cell(rows.scores[i]), "second": cell(rows.again[i])} for i in at[:5]]
    return RANDOM.found(0.97, says, explains=FOLLOWS, rows=len(at), of=len(other), null_in=where, examples=examples)


def _alike(side: Side) -> Finding | None:
    """Rows with equal features and unequal scores."""
    rows = side.rows
    if rows is None or rows.scores is None or not rows.columns:
        return None
    told = np.flatnonzero(~np.isnan(rows.scores))
    keys: dict[tuple[object, ...], int] = {}
    other = []
    columns = [as_words(values) for values in rows.columns.values()]
    for at in told.tolist():
        first = keys.setdefault(tuple(column[at] for column in columns), at)
        if first != at and _other(rows.scores[[first]], rows.scores[[at]])[0]:
            other.append((first, at))
    complete = set(side.model.features) <= set(rows.columns)
    if not other or not complete or not side.model.features:
        return None
    says = f"in {side.role}, {len(other):,} rows have the very features of another row and not its score"
    examples = [
        {"ids": [str(rows.ids[a]), str(rows.ids[b])], "scores": [cell(rows.scores[a]), cell(rows.scores[b])]}
        for a, b in other[:5]
    ]
    return RANDOM.found(0.955, says, explains=FOLLOWS, rows=len(other), examples=examples)


def _filled(pair: Pair) -> Finding | None:
    """A few rows that differ, and they are those in which something was null and had to be filled."""
    ours = pair.research.rows
    gaps = {name: left for name, gap in pair.features.items() if (left := ordinary(pair, gap)).count}
    masks = [gap.mask for gap in gaps.values()]
    if pair.scores is not None and pair.scores.count:
        masks.append(pair.scores.mask)
    if ours is None or not masks or any(gap.count for gap in pair.inputs.values()):
        return None
    apart = np.logical_or.reduce(masks)
    if not apart.any() or apart.mean() > FEW:
        return None
    at = pair.common[0]
    for name, values in ours.inputs.items():
        gone = null(values[at])
        hit, missed = int((apart & gone).sum()), int((apart & ~gone).sum())
        sure = more(hit, gone.sum(), missed, (~gone).sum(), len(ours.inputs)) > 0
        if sure and missed == 0 and _drawn(list(gaps.values()), gone):
            says = (
                f"{hit:,} of {len(apart):,} rows differ, all of them among the {int(gone.sum()):,} in which {name} "
                "came in null: it is filled by drawing at random"
            )
            first = next(iter(gaps.values()), None) or pair.scores
            examples = first.examples() if first is not None else []
            return RANDOM.found(0.945, says, explains=FOLLOWS, rows=hit, null_in=[name], examples=examples)
    return None


def _drawn(gaps: Sequence[Gap], gone: Mask) -> bool:
    """Whether what was filled is not one value: another constant in each place would be a step that differs."""
    for item in gaps:
        sides = [values[gone & item.mask] for values in (item.research, item.production)]
        distinct = [len({*values.tolist()}) for values in sides]
        if max(distinct) > 1:
            return True
    return not gaps


def _where_null(rows: Rows, other: Mask) -> list[str]:
    columns = {**rows.columns, **rows.inputs}
    found = []
    for name, values in columns.items():
        gone = null(values)
        if gone.any() and not (other & ~gone).any():
            found.append(name)
    return found


def _near(where: list[str]) -> str:
    return f"; all of them are null in {', '.join(where)}" if where else ""


def _other(a: Floats, b: Floats) -> Mask:
    with np.errstate(invalid="ignore"):
        far: Mask = np.abs(a - b) > SAME * np.maximum(np.abs(a), np.abs(b))
    return far


RANDOM = Cause(
    "DOC12",
    "Randomness in scoring",
    "Look for sampling when a row is scored (nulls filled by drawing, dropout left on, sampled neighbours): fill by a "
    "fixed rule, or seed the drawing by the row's id.",
    look,
)

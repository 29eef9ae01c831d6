"""DOC06: does something go by the place of a row, and do rows stand in another order?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from holdfast.doctor.cause import Cause, Finding
from holdfast.doctor.gaps import Gap, gap
from holdfast.doctor.pair import Pair
from holdfast.doctor.shapes import Values

BY_PLACE = 0.98
"""Share of places at which both hold the same, from which something goes by place."""
FOLLOWS = ("DOC07", "DOC12", "DOC16", "DOC17")


def look(pair: Pair) -> Finding | None:
    ours, theirs = pair.research.rows, pair.production.rows
    if not pair.order_differs or ours is None or theirs is None:
        return None
    here = pair.common[0]
    moved = int((np.argsort(np.argsort(here)) != np.arange(len(here))).sum())
    whole = len(ours) == len(theirs) == len(here)
    if whole:
        for name, item in {**pair.features, **({"score": pair.scores} if pair.scores else {})}.items():
            if item.share <= 1 - BY_PLACE:
                continue
            values = [rows.columns[name] if name in pair.features else rows.scores for rows in (ours, theirs)]
            assert values[0] is not None
            assert values[1] is not None
            same = _same_by_place(values[0], values[1], ours.ids)
            if same >= BY_PLACE:
                return _swapped(item, name, same, moved)
    split = pair.split
    if split is None or not split.count:
        return None
    says = f"{moved:,} rows stand in another place, and {split.count:,} are in another part of the split"
    proof: float | None = None
    if whole and ours.split is not None and theirs.split is not None:
        proof = _same_by_place(ours.split.astype(object), theirs.split.astype(object), ours.ids)
    sure = proof is not None and proof >= BY_PLACE
    if sure:
        says += f"; place by place the split is the same in {proof:.1%}: it goes by where a row stands"
    return ORDER.found(
        0.88 if sure else 0.70, says, explains=FOLLOWS, moved=moved, split=split.count, same_by_place=proof,
        examples=split.examples(),
    )  # fmt: skip


def _swapped(item: Gap, name: str, same: float, moved: int) -> Finding:
    """Values that differ row by row and agree place by place were put beside the wrong ids."""
    says = (
        f"{moved:,} rows stand in another place; {name} differs in {item.count:,} rows by their ids and is the same in "
        f"{same:.1%} place by place: it was put beside the wrong rows"
    )
    return ORDER.found(
        0.975, says, explains=FOLLOWS, moved=moved, column=name, same_by_place=same, examples=item.examples()
    )


def _same_by_place(ours: Values, theirs: Values, ids: NDArray[np.str_]) -> float:
    return 1 - gap("", ours, theirs, ids).share


ORDER = Cause(
    "DOC06",
    "Rows in another order",
    "Order by a key or a date when reading (a query without ORDER BY promises nothing), join by id and never by place, "
    "and split by a hash of the id or by time.",
    look,
)

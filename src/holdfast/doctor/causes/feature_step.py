"""DOC07: is a feature made otherwise, from the same input? And how: a factor, a shift, digits, a filling."""

from __future__ import annotations

from typing import Any

import numpy as np

from holdfast.doctor.cause import Cause, Finding
from holdfast.doctor.causes.odd import ordinary
from holdfast.doctor.gaps import Gap
from holdfast.doctor.pair import Pair
from holdfast.doctor.shapes import is_words, null

DIGITS = 1e-3
"""Relative distance under which two numbers differ in their digits only."""


def look(pair: Pair) -> Finding | None:
    if pair.production.differences:
        shown = list(pair.production.differences)
        says = f"{len(shown)} recorded features or answers do not come out again from the records: {shown[0]}"
        return STEP.found(0.94, says, explains=("DOC17",), differences=shown[:20], replayed=pair.production.replayed)
    same_input = np.ones(len(pair.common[0]), np.bool_)
    for item in pair.inputs.values():
        same_input &= ~item.mask
    apart: dict[str, Gap] = {}
    for name, item in pair.features.items():
        left = ordinary(pair, item).only(same_input)
        if left.count:
            apart[name] = left
    if not apart:
        return None
    ways = {name: way(item) for name, item in apart.items()}
    rows = len(same_input)
    told = "; ".join(
        f"{name} in {item.count:,} of {rows:,} rows ({ways[name]['says']})" for name, item in list(apart.items())[:8]
    )
    beside = "with the same input" if pair.inputs else "by id (what came in is not told)"
    systematic = any(found["systematic"] for found in ways.values())
    examples = {name: item.examples() for name, item in apart.items()}
    return STEP.found(
        0.93 if systematic else 0.72, f"{told}, {beside}", explains=("DOC11", "DOC13", "DOC17"), ways=ways,
        examples=examples,
    )  # fmt: skip


def way(item: Gap) -> dict[str, Any]:
    """How a column differs, in words, and whether by one rule throughout."""
    ours, theirs = item.research[item.mask], item.production[item.mask]
    if is_words(item.research):
        pairs = {(str(a), str(b)) for a, b in zip(ours.tolist(), theirs.tolist(), strict=True)}
        if len(pairs) <= max(1, item.count // 5):
            listed = ", ".join(f"{a} → {b}" for a, b in sorted(pairs)[:4])
            return {"says": f"always {listed}", "systematic": True}
        return {"says": "other words", "systematic": False}
    a, b = ours.astype(np.float64), theirs.astype(np.float64)
    filled, emptied = null(a) & ~null(b), null(b) & ~null(a)
    if filled.all():
        fills = np.unique(b)
        told = f"null in research, filled with {fills[0]:g}" if len(fills) == 1 else "null in research, filled"
        return {"says": told, "systematic": len(fills) == 1}
    if emptied.all():
        return {"says": "a value in research, null in production", "systematic": True}
    both = ~null(a) & ~null(b)
    a, b = a[both], b[both]
    scale = np.maximum(np.abs(a), np.abs(b))
    if (np.abs(a - b) <= DIGITS * scale).all():
        worst = float((np.abs(a - b) / np.where(scale == 0, 1, scale)).max())
        return {"says": f"in its digits, at most by {worst:.1e} of the value", "systematic": False}
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = b / a
    ratio = ratio[np.isfinite(ratio)]
    if len(ratio) >= 3 and np.ptp(ratio) <= DIGITS * abs(np.median(ratio)):
        return {"says": f"{np.median(ratio):g} times as large throughout", "systematic": True}
    shift = b - a
    if len(shift) >= 3 and np.ptp(shift) <= DIGITS * max(1e-12, abs(float(np.median(shift)))):
        return {"says": f"{np.median(shift):+g} throughout", "systematic": True}
    return {"says": f"by {np.median(np.abs(shift)):.3g} in the middle", "systematic": False}


STEP = Cause(
    "DOC07",
    "A feature step differs",
    "Make the feature by one definition in both places. Until then: take one example, compute it by hand along both "
    "ways, and check library and Python versions, seeds and sources on the way.",
    look,
)

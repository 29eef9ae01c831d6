"""DOC11: are there values unlike those of training: beyond its range, a code, another unit?"""

from __future__ import annotations

from typing import Any

import numpy as np

from holdfast.doctor.cause import Cause, Finding
from holdfast.doctor.causes.curves import outside, spike, unit
from holdfast.doctor.causes.nulls import vars_of
from holdfast.doctor.pair import Pair, columns_of
from holdfast.doctor.shapes import Shape, null

DETECTS = (unit, spike, outside)
REFUSED = frozenset({"range", "type", "placeholder"})


def look(pair: Pair) -> Finding | None:
    odd: dict[str, dict[str, Any]] = {}
    told = []
    for name in pair.columns:
        then, now = pair.reference[name], pair.live[name]
        if now.values is None or not len(now.values) or not len(then.edges):
            continue
        # Three of four payments at a terminal were fraud: a share of few has such values, and nobody sent them.
        windowed = name in (*pair.research.windowed, *pair.production.windowed)
        detects = [item for item in DETECTS if not (windowed and item is spike)]
        found = next((item for detect in detects if (item := pair.unlike(name, detect)) is not None), None)
        unscored = "outside" in pair.unscored_for.get(name, ())
        if found is None and unscored:
            found = {"says": "lies beyond what training saw"}
        if found is not None:
            odd[name] = found | {"unscored": unscored, "examples": _ids(pair, name, then)}
            told.append(f"{name} {found['says']}" + (", and such rows get no score" if unscored else ""))
    refused = [item for item in pair.production.refused if item.code in REFUSED]
    told += [f"{item.count:,} rows were refused: {item.field} {item.what}" for item in refused]
    if not told:
        return None
    stops = bool(refused) or any(found["unscored"] for found in odd.values())
    return UNUSUAL.found(
        0.915 if stops else 0.77, "; ".join(told), explains=("DOC13", "DOC15", "DOC17"), columns=odd,
        refused=[vars_of(item) for item in refused],
    )  # fmt: skip


def _ids(pair: Pair, name: str, then: Shape) -> list[str]:
    rows = pair.production.rows
    assert rows is not None
    values = columns_of(rows)[name].astype(np.float64)
    with np.errstate(invalid="ignore"):
        far = ~null(values) & ((values < then.low) | (values > then.high))
    return [str(item) for item in rows.ids[far][:5]]


UNUSUAL = Cause(
    "DOC11",
    "Values unlike those of training",
    "Ask who knows the domain whether the variable may take them: they are often placeholders, or another "
    "unit. Declare placeholders and bounds, teach training to take them, or refuse such rows and send an alert.",
    look,
)

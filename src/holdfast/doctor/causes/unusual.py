"""DOC11: are there values unlike those of training: beyond its range, a code, another unit?"""

from __future__ import annotations

from collections import Counter
from math import log
from typing import Any

import numpy as np

from holdfast.doctor.cause import Cause, Finding
from holdfast.doctor.causes.nulls import LEAST, vars_of
from holdfast.doctor.causes.population import cut_of
from holdfast.doctor.figures import more
from holdfast.doctor.pair import Pair, columns_of
from holdfast.doctor.shapes import Floats, Shape, null

SPIKES = 5
"""Most frequent values that are looked at."""
REFUSED = frozenset({"range", "type", "placeholder"})
UNITS = {100.0: "cents for dollars", 1000.0: "thousandths for wholes", 60.0: "minutes for hours"}


def look(pair: Pair) -> Finding | None:
    odd: dict[str, dict[str, Any]] = {}
    told = []
    for name in pair.columns:
        then, now = pair.reference[name], pair.live[name]
        if now.values is None or not len(now.values) or not len(then.edges):
            continue
        found = unit(then, now) or spike(then, now, len(pair.columns)) or outside(pair, name)
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
        0.915 if stops else 0.77, "; ".join(told), explains=("DOC13", "DOC17"), columns=odd,
        refused=[vars_of(item) for item in refused],
    )  # fmt: skip


def unit(then: Shape, now: Shape) -> dict[str, Any] | None:
    """Whether the whole distribution is the one of training times a number: then somebody sends another unit."""
    assert now.values is not None
    if len(now.values) < 50 or len(then.edges) < 10:
        return None
    points = np.array([0.1, 0.25, 0.5, 0.75, 0.9])
    was, live = _quantiles(then, points), np.quantile(now.values, points, method="inverted_cdf")
    if (was == 0).any() or (live == 0).any() or ((was > 0) != (live > 0)).any():
        return None
    ratios = np.log(live / was)
    middle = float(np.median(ratios))
    if abs(middle) < log(5) or np.ptp(ratios) > 0.35 * abs(middle) or np.ptp(np.log(np.abs(was))) < 0.5:
        return None
    factor = float(np.exp(middle))
    near = min(UNITS, key=lambda known: abs(abs(middle) - log(known)))
    guess = f": {UNITS[near]}, or the other way round?" if abs(abs(middle) - log(near)) < 0.25 else ""
    return {"says": f"is about {factor:.3g} times what it was in training, throughout{guess}", "factor": factor}


def spike(then: Shape, now: Shape, columns: int) -> dict[str, Any] | None:
    """A single value that many live rows hold and few training rows: a placeholder, often."""
    assert now.values is not None
    for value, count in Counter(now.values.tolist()).most_common(SPIKES):
        if then.values is not None:
            before = float((then.values == value).sum())
        elif value < then.low or value > then.high:
            before = 0.0
        else:
            continue  # how often training held it inside of its range is not known
        here, there = count / now.present, before / max(1.0, then.present)
        beyond = value < then.low or value > then.high
        sure = more(count, now.present, before, then.present, SPIKES * columns) > 0
        if sure and here - there >= (LEAST if beyond else 0.01) and there < here / 10:
            where = "beyond all of training" if beyond else f"in {there:.2%} of training"
            return {"says": f"is {value:g} in {count:,} live rows ({here:.2%}), {where}", "value": value, "rows": count}
    return None


def outside(pair: Pair, name: str) -> dict[str, Any] | None:
    """Values beyond training's range that no filter of training explains."""
    then, now = pair.reference[name], pair.live[name]
    assert now.values is not None
    values = now.values
    below, above = int((values < then.low).sum()), int((values > then.high).sum())
    # Two rows of as many as training are the new extremes by chance.
    sure = more(below + above, now.present, 2, then.present, len(pair.columns)) > 0
    share = (below + above) / now.present
    if not sure or share < LEAST or cut_of(then, now, len(pair.columns)) is not None:
        return None
    says = (
        f"lies beyond training ({then.low:g} to {then.high:g}) in {below + above:,} live rows ({share:.2%}), "
        f"as far as {values[-1] if above else values[0]:g}"
    )
    return {"says": says, "below": below, "above": above}


def _quantiles(shape: Shape, points: Floats) -> Floats:
    known = ~np.isnan(shape.below)
    found: Floats = np.interp(points, shape.below[known], shape.edges[known])
    return found


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

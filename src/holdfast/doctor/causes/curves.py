"""How live numbers can differ from training's as a whole: another unit, one value too often, a range that was cut."""

from __future__ import annotations

from collections import Counter
from math import log
from typing import Any

import numpy as np

from holdfast.doctor.figures import apart, surely_more
from holdfast.doctor.shapes import Floats, Shape, below

EFFECT = 0.05
"""Distance of shares, or of distributions, beyond which (with all its interval) a variable is called another."""
CUT = 0.02
"""Least share of rows that a filter takes away."""
LEAST = 0.002
"""Share of rows under which a handful is left alone, unless they got no score."""
SPIKES = 5
"""Most frequent values that are looked at."""
UNITS = {100.0: "cents for dollars", 1000.0: "thousandths for wholes", 60.0: "minutes for hours"}


def unit(then: Shape, now: Shape, tests: int) -> dict[str, Any] | None:
    """Whether the whole distribution is the one of training times a number: then somebody sends another unit."""
    if now.values is None or len(now.values) < 50 or (then.values is None and len(then.edges) < 10):
        return None
    points = np.array([0.1, 0.25, 0.5, 0.75, 0.9])
    values, live_values = then.values, now.values
    if values is not None and (values == 0).mean() > 0.05:  # nothing is nothing in any unit
        values, live_values = values[values != 0], live_values[live_values != 0]
        if len(values) < 50 or len(live_values) < 50:
            return None
    if values is not None and len(np.unique(values)) < 10:
        return None
    was = _quantiles(then, points) if values is None else np.quantile(values, points, method="inverted_cdf")
    live = np.quantile(live_values, points, method="inverted_cdf")
    if (was == 0).any() or (live == 0).any() or ((was > 0) != (live > 0)).any():
        return None
    ratios = np.log(live / was)
    middle = float(np.median(ratios))
    if abs(middle) < log(5) or np.ptp(ratios) > 0.35 * abs(middle) or np.ptp(np.log(np.abs(was))) < 0.05:
        return None
    factor = float(np.exp(middle))
    near = min(UNITS, key=lambda known: abs(abs(middle) - log(known)))
    guess = f": {UNITS[near]}, or the other way round?" if abs(abs(middle) - log(near)) < 0.25 else ""
    says = f"is about {factor:.3g} times what it was in training, throughout{guess}"
    return {"says": says, "factor": factor, "effect": abs(middle)}


def spike(then: Shape, now: Shape, columns: int) -> dict[str, Any] | None:
    """A single value that many live rows hold and few training rows: a placeholder, often."""
    if now.values is None or not len(then.edges):
        return None
    for value, count in Counter(now.values.tolist()).most_common(SPIKES):
        if then.values is not None:
            before = float((then.values == value).sum())
        elif value < then.low or value > then.high:
            before = 0.0
        else:
            continue  # how often training held it inside of its range is not known
        here, there = count / now.present, before / max(1.0, then.present)
        beyond = value < then.low or value > then.high
        sure = surely_more(count, now.present, before, then.present, SPIKES * columns)
        if beyond and sure and _is_cut(then, now, columns):
            return None  # many values lie there, and begin where training ends
        if sure and here - there >= (LEAST if beyond else 0.01) and there < here / 10:
            where = "beyond all of training" if beyond else f"in {there:.2%} of training"
            says = f"is {value:g} in {count:,} live rows ({here:.2%}), {where}"
            return {"says": says, "value": value, "rows": count, "effect": here}
    return None


def cut_of(then: Shape, now: Shape, tests: int) -> dict[str, Any] | None:
    """A bound that one place has and the other goes smoothly beyond; inside of it both are alike. Else None."""
    if now.values is None or not len(now.values) or not len(then.edges):
        return None
    low, high = float(now.values[0]), float(now.values[-1])
    for word, edge, beyond in (("above", high, _share(then, high, above=True)), ("below", low, _share(then, low))):
        if beyond >= CUT and surely_more(beyond * then.present, then.present, 0, now.present, tests):
            says = f"never lies {word} {edge:g} in live; {beyond:.1%} of the training rows do: a filter in live?"
            return {"says": says, "filter": True, "effect": beyond, "bound": edge, "where": "live"}
    values = now.values
    for word, edge, far in (
        ("above", then.high, values[values > then.high]),
        ("below", then.low, values[values < then.low]),
    ):
        share = len(far) / len(values)
        sure = surely_more(len(far), len(values), 1, then.present, tests)
        if share >= CUT and sure and _smooth(far, edge) and _alike_inside(then, values, tests):
            says = f"lies {word} {edge:g} in {share:.1%} of the live rows and never in training: a filter in training?"
            return {"says": says, "filter": True, "effect": share, "bound": float(edge), "where": "training"}
    return None


def outside(then: Shape, now: Shape, tests: int) -> dict[str, Any] | None:
    """Values beyond training's range that no filter of training explains."""
    values = now.values
    if values is None or not len(values) or not len(then.edges):
        return None
    under, over = int((values < then.low).sum()), int((values > then.high).sum())
    # Two rows of as many as training are the new extremes by chance.
    sure = surely_more(under + over, now.present, 2, then.present, tests)
    share = (under + over) / now.present
    if not sure or share < LEAST or cut_of(then, now, tests) is not None:
        return None
    says = (
        f"lies beyond training ({then.low:g} to {then.high:g}) in {under + over:,} live rows ({share:.2%}), "
        f"as far as {values[-1] if over else values[0]:g}"
    )
    return {"says": says, "below": under, "above": over, "effect": share}


def moved(then: Shape, now: Shape, tests: int) -> dict[str, Any] | None:
    """Another distribution, by Kolmogorov's distance with its interval; what lies beyond training is left out."""
    if now.values is None or not len(then.edges):
        return None
    largest, at = distance(then, now)
    if apart(largest, then.present, now.present, tests) <= EFFECT:
        return None
    there, here = then.below[at], below(now.values, then.edges)[at]
    says = f"is at most {then.edges[at]:.4g} in {here:.1%} of the live rows and in {there:.1%} of the training rows"
    return {"says": says, "filter": False, "effect": largest}


def distance(then: Shape, now: Shape) -> tuple[float, int]:
    """The largest difference of shares at training's edges, and at which; what lies beyond training is left out."""
    assert now.values is not None
    inside = now.values[(now.values >= then.low) & (now.values <= then.high)]
    if not len(inside):
        return 0.0, 0
    gaps = np.abs(below(inside, then.edges) - then.below)
    return float(np.nanmax(gaps)), int(np.nanargmax(gaps))


def _quantiles(shape: Shape, points: Floats) -> Floats:
    known = ~np.isnan(shape.below)
    found: Floats = np.interp(points, shape.below[known], shape.edges[known])
    return found


def _share(then: Shape, edge: float, *, above: bool = False) -> float:
    """Share of training's numbers beyond an edge, not counting what is equal to it."""
    if then.values is not None:
        side = "right" if above else "left"
        place = int(np.searchsorted(then.values, edge, side=side))  # type: ignore[call-overload]  # one of the two
        return (len(then.values) - place if above else place) / len(then.values)
    known = ~np.isnan(then.below)
    share = float(np.interp(edge, then.edges[known], then.below[known], left=0.0, right=1.0))
    return 1 - share if above else share


def _is_cut(then: Shape, now: Shape, tests: int) -> bool:
    cut = cut_of(then, now, tests)
    return cut is not None and cut["where"] == "training"


def _smooth(far: Floats, edge: float) -> bool:
    """Whether what lies beyond begins at the edge, with many values and none above all: a cut range, and no code."""
    away = np.abs(far - edge)
    values, counts = np.unique(away, return_counts=True)
    return len(values) >= 5 and counts.max() <= 0.6 * len(far) and values[0] <= 0.25 * float(np.quantile(away, 0.9))


def _alike_inside(then: Shape, values: Floats, tests: int) -> bool:
    inside = values[(values >= then.low) & (values <= then.high)]
    if len(inside) < 30:
        return False
    largest, _ = distance(then, Shape(len(inside), 0, None, values=inside))
    return apart(largest, then.present, len(inside), tests) <= EFFECT

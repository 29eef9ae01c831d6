"""DOC13: is it another population? Shares and distributions of the variables, and filters that one place has."""

from __future__ import annotations

from typing import Any

import numpy as np

from holdfast.doctor.cause import Cause, Finding
from holdfast.doctor.figures import apart, more
from holdfast.doctor.pair import Pair, columns_of
from holdfast.doctor.shapes import Floats, Shape, below, shape_of

EFFECT = 0.05
"""Distance of shares, or of distributions, beyond which (with all its interval) a variable is called another."""
CUT = 0.02
"""Least share of rows that a filter takes away."""


def look(pair: Pair) -> Finding | None:
    if len(pair.live) == 0:
        return None
    odd: dict[str, dict[str, Any]] = {}
    tests = sum(_tests(pair.reference[name]) for name in pair.columns)
    own = _own_drift(pair)
    for name in pair.columns:
        then, now = pair.reference[name], pair.live[name]
        if now.present < 30 or then.present < 30:
            continue
        found = _words(pair, name, tests) if then.words is not None else _numbers(then, now, tests, own.get(name, 0.0))
        if found is not None:
            odd[name] = found
    if not odd:
        return None
    ranked = sorted(odd.items(), key=lambda item: (-item[1]["filter"], -item[1]["distance"]))
    says = "; ".join(f"{name} {found['says']}" for name, found in ranked[:6])
    filtered = any(found["filter"] for found in odd.values())
    return POPULATION.found(
        0.66 if filtered else 0.60, says, explains=("DOC15",), columns=dict(ranked), rows=_rows(pair)
    )


def _tests(shape: Shape) -> int:
    return 1 if shape.words is None else max(1, len(shape.words))


def _words(pair: Pair, name: str, tests: int) -> dict[str, Any] | None:
    then, now = pair.reference[name], pair.live[name]
    assert then.words is not None
    assert now.words is not None
    declared = pair.vocabulary.get(name, ())
    worst: dict[str, Any] | None = None
    for word in sorted({*then.words, *now.words}):
        if word not in then.words and word not in declared:
            continue  # unseen, which is another cause
        before, live = then.words.get(word, 0.0), now.words.get(word, 0.0)
        there, here = before / then.present, live / now.present
        lost = live == 0 and there >= CUT and more(before, then.present, live, now.present, tests) > CUT / 4
        new = before == 0 and here >= CUT and more(live, now.present, before, then.present, tests) > CUT / 4
        moved = max(more(live, now.present, before, then.present, tests),
                    more(before, then.present, live, now.present, tests)) > EFFECT  # fmt: skip
        if not (lost or new or moved):
            continue
        says = f"is {word} in {here:.1%} of the live rows and in {there:.1%} of the training rows"
        if lost or new:
            says += f": a filter in {'live' if lost else 'training'}?"
        found = {"says": says, "filter": lost or new, "distance": abs(here - there), "word": word}
        if worst is None or (found["filter"], found["distance"]) > (worst["filter"], worst["distance"]):
            worst = found
    return worst


def _numbers(then: Shape, now: Shape, tests: int, own: float) -> dict[str, Any] | None:
    cut = cut_of(then, now, tests)
    if cut is not None:
        return cut
    largest, at = distance(then, now)
    if apart(largest, then.present, now.present, tests) <= max(EFFECT, own):
        return None
    there, here = then.below[at], below(now.values, then.edges)[at] if now.values is not None else float("nan")
    says = f"is at most {then.edges[at]:.4g} in {here:.1%} of the live rows and in {there:.1%} of the training rows"
    return {"says": says, "filter": False, "distance": largest, "own_drift": own}


def cut_of(then: Shape, now: Shape, tests: int) -> dict[str, Any] | None:
    """A bound that one place has and the other goes smoothly beyond; inside of it both are alike. Else None."""
    if now.values is None or not len(now.values) or not len(then.edges):
        return None
    low, high = float(now.values[0]), float(now.values[-1])
    for word, edge, beyond in (("above", high, _share(then, high, above=True)), ("below", low, _share(then, low))):
        if beyond >= CUT and more(beyond * then.present, then.present, 0, now.present, tests) > CUT / 4:
            says = f"never lies {word} {edge:g} in live; {beyond:.1%} of the training rows do: a filter in live?"
            return {"says": says, "filter": True, "distance": beyond, "bound": edge, "where": "live"}
    values = now.values
    for word, edge, far in (
        ("above", then.high, values[values > then.high]),
        ("below", then.low, values[values < then.low]),
    ):
        share = len(far) / len(values)
        sure = more(len(far), len(values), 1, then.present, tests) > CUT / 4
        if share >= CUT and sure and _smooth(far, edge, then) and _alike_inside(then, values, tests):
            says = f"lies {word} {edge:g} in {share:.1%} of the live rows and never in training: a filter in training?"
            return {"says": says, "filter": True, "distance": share, "bound": float(edge), "where": "training"}
    return None


def _share(then: Shape, edge: float, *, above: bool = False) -> float:
    """Share of training's numbers beyond an edge, not counting what is equal to it."""
    if then.values is not None:
        side = "right" if above else "left"
        place = int(np.searchsorted(then.values, edge, side=side))  # type: ignore[call-overload]  # one of the two
        return (len(then.values) - place if above else place) / len(then.values)
    known = ~np.isnan(then.below)
    share = float(np.interp(edge, then.edges[known], then.below[known], left=0.0, right=1.0))
    return 1 - share if above else share


def _smooth(far: Floats, edge: float, then: Shape) -> bool:
    """Whether what lies beyond begins at the edge, with many values: a range that was cut, not a code."""
    width = max(1e-12, then.high - then.low)
    return len(np.unique(far)) >= min(10, len(far)) > 2 and float(np.quantile(np.abs(far - edge), 0.1)) <= 0.2 * width


def _alike_inside(then: Shape, values: Floats, tests: int) -> bool:
    inside = values[(values >= then.low) & (values <= then.high)]
    if len(inside) < 30:
        return False
    largest, _ = distance(then, Shape(len(inside), 0, None, values=inside))
    return apart(largest, then.present, len(inside), tests) <= EFFECT


def distance(then: Shape, now: Shape) -> tuple[float, int]:
    """The largest difference of shares at training's edges, and at which; what lies beyond training is left out."""
    assert now.values is not None
    inside = now.values[(now.values >= then.low) & (now.values <= then.high)]
    if not len(inside):
        return 0.0, 0
    gaps = np.abs(below(inside, then.edges) - then.below)
    return float(np.nanmax(gaps)), int(np.nanargmax(gaps))


def _own_drift(pair: Pair) -> dict[str, float]:
    """How far research's later rows lie from its earlier ones: so far is no news."""
    rows = pair.research.rows
    if rows is None or rows.times is None or len(rows) < 200:
        return {}
    order = np.argsort(rows.times, kind="stable")
    half = len(order) // 2
    found = {}
    for name, values in columns_of(rows).items():
        early, late = shape_of(values[order[:half]]), shape_of(values[order[half:]])
        if early.words is None and len(early.edges) and late.values is not None:
            found[name] = distance(early, late)[0]
    return found


def _rows(pair: Pair) -> dict[str, int]:
    training = max((shape.rows for shape in pair.reference.values()), default=0)
    return {"training": training, "live": max((shape.rows for shape in pair.live.values()), default=0)}


POPULATION = Cause(
    "DOC13",
    "Another population",
    "Find the filter: which rows were left out when the training data was gathered, and which before scoring? "
    "Apply the same in both, or train on the population that will be scored.",
    look,
)

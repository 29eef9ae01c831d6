"""DOC13: is it another population? Shares and distributions of the variables, and filters that one place has."""

from __future__ import annotations

from typing import Any

import numpy as np

from holdfast.doctor.cause import Cause, Finding
from holdfast.doctor.causes.curves import CUT, EFFECT, cut_of, distance, spike, unit
from holdfast.doctor.figures import apart, more
from holdfast.doctor.pair import Pair, columns_of
from holdfast.doctor.shapes import Shape, below, shape_of


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
    if now.values is None or not len(then.edges) or unit(then, now) or spike(then, now, tests):
        return None  # unusual values, which are another cause
    cut = cut_of(then, now, tests)
    if cut is not None:
        return cut
    largest, at = distance(then, now)
    if apart(largest, then.present, now.present, tests) <= max(EFFECT, own):
        return None
    there, here = then.below[at], below(now.values, then.edges)[at]
    says = f"is at most {then.edges[at]:.4g} in {here:.1%} of the live rows and in {there:.1%} of the training rows"
    return {"says": says, "filter": False, "distance": largest, "own_drift": own}


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

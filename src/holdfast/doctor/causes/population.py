"""DOC13: is it another population? Shares and distributions of the variables, and filters that one place has."""

from __future__ import annotations

from functools import partial
from typing import Any

from holdfast.doctor.cause import Cause, Finding
from holdfast.doctor.causes.curves import CUT, EFFECT, cut_of, moved, spike, unit
from holdfast.doctor.figures import more, surely_more
from holdfast.doctor.pair import Pair
from holdfast.doctor.shapes import Shape


def look(pair: Pair) -> Finding | None:
    if not pair.live or pair.too_short:
        return None
    odd: dict[str, dict[str, Any]] = {}
    for name in pair.columns:
        then, now = pair.reference[name], pair.live[name]
        if now.present < 30 or then.present < 30:
            continue
        if then.words is not None:
            found = pair.unlike(name, partial(words, declared=pair.vocabulary.get(name, ())))
        else:
            found = _numbers(pair, name)
        if found is not None:
            odd[name] = found
    if not odd:
        return None
    ranked = sorted(odd.items(), key=lambda item: (-item[1]["filter"], -item[1]["effect"]))
    says = "; ".join(f"{name} {found['says']}" for name, found in ranked[:6])
    filters = {found.get("where", "live") for found in odd.values() if found["filter"]}
    # What a filter kept out of training is odd in live, in the columns beside it too.
    weight = 0.775 if "training" in filters else 0.66 if filters else 0.60
    return POPULATION.found(weight, says, explains=("DOC11", "DOC15"), columns=dict(ranked), rows=_rows(pair))


def words(then: Shape, now: Shape, tests: int, *, declared: tuple[str, ...] = ()) -> dict[str, Any] | None:
    """The word whose share is another most, or that one place has and the other not."""
    assert then.words is not None
    assert now.words is not None
    worst: dict[str, Any] | None = None
    tests *= max(1, len(then.words))
    for word in sorted({*then.words, *now.words}):
        if word not in then.words and word not in declared:
            continue  # unseen, which is another cause
        before, live = then.words.get(word, 0.0), now.words.get(word, 0.0)
        there, here = before / then.present, live / now.present
        fewer = more(before, then.present, live, now.present, tests)
        grown = more(live, now.present, before, then.present, tests)
        lost = live == 0 and there >= CUT and surely_more(before, then.present, live, now.present, tests)
        new = before == 0 and here >= CUT and surely_more(live, now.present, before, then.present, tests)
        if not (lost or new or max(fewer, grown) > EFFECT):
            continue
        says = f"is {word} in {here:.1%} of the live rows and in {there:.1%} of the training rows"
        if lost or new:
            says += f": a filter in {'live' if lost else 'training'}?"
        found = {"says": says, "filter": lost or new, "effect": abs(here - there), "word": word}
        if worst is None or (found["filter"], found["effect"]) > (worst["filter"], worst["effect"]):
            worst = found
    return worst


def _numbers(pair: Pair, name: str) -> dict[str, Any] | None:
    if pair.unlike(name, unit) is not None or pair.unlike(name, spike) is not None:
        return None  # unusual values, which are another cause
    return pair.unlike(name, cut_of) or pair.unlike(name, moved)


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

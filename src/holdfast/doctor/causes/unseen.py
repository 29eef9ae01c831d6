"""DOC10: are there categories that training never saw?"""

from __future__ import annotations

from functools import partial
from math import sqrt
from typing import Any

import numpy as np

from holdfast.doctor.cause import Cause, Finding
from holdfast.doctor.causes.curves import LEAST
from holdfast.doctor.causes.nulls import vars_of
from holdfast.doctor.figures import surely_more, z_of
from holdfast.doctor.pair import Pair, columns_of
from holdfast.doctor.shapes import Shape

UNKNOWN = "(unknown)"
"""How a category that the contract does not know is kept."""
REFUSED = frozenset({"unknown_value", "unknown", "vocabulary"})


def look(pair: Pair) -> Finding | None:
    odd: dict[str, dict[str, Any]] = {}
    for name in pair.columns:
        then, now = pair.reference[name], pair.live[name]
        if then.words is None or now.words is None:
            continue
        unscored = "unseen" in pair.unscored_for.get(name, ())
        declared = pair.vocabulary.get(name, ())
        found = pair.unlike(name, partial(new_words, declared=declared))
        if found is None and unscored:
            found = _new(then, now, declared)
        if found is not None:
            odd[name] = found | {"unscored": unscored}
    refused = [item for item in pair.production.refused if item.code in REFUSED]
    if not odd and not refused:
        return None
    told = [
        f"{name} holds {', '.join(found['words'])} in {found['rows']:,} live rows ({found['share']:.2%}), and never "
        "did in training" + (", and they get no score" if found["unscored"] else "")
        for name, found in odd.items()
    ]
    told += [f"{item.count:,} rows were refused: {item.field} {item.what}" for item in refused]
    stops = bool(refused) or any(found["unscored"] for found in odd.values())
    return UNSEEN.found(
        0.925 if stops else 0.79, "; ".join(told), explains=("DOC13", "DOC17"), columns=odd,
        refused=[vars_of(item) for item in refused], examples=_ids(pair, odd),
    )  # fmt: skip


def new_words(then: Shape, now: Shape, tests: int, *, declared: tuple[str, ...] = ()) -> dict[str, Any] | None:
    """Words that training never had, in more rows than chance brings a new word."""
    assert then.words is not None
    found = _new(then, now, declared)
    usual = min(then.present, then.words.get(UNKNOWN, 0.0) + _expected(then))
    sure = surely_more(found["rows"], now.present, usual, then.present, tests)
    large = found["share"] - usual / max(1.0, then.present) >= LEAST
    return found if sure and large else None


def _new(then: Shape, now: Shape, declared: tuple[str, ...]) -> dict[str, Any]:
    assert then.words is not None
    assert now.words is not None
    known = {*then.words, *declared} - {UNKNOWN}
    new = {word: count for word, count in now.words.items() if word not in known}
    rows = sum(new.values())
    top = dict(sorted(new.items(), key=lambda item: -item[1])[:10])
    part = rows / max(1.0, now.present)
    return {"rows": int(rows), "share": part, "words": top, "effect": part}


def _expected(shape: Shape) -> float:
    """How many of as many new rows hold a new word by chance alone: Good and Turing's, with room upwards."""
    assert shape.words is not None
    counts = np.asarray(list(shape.words.values()))
    once, twice = float((counts == 1).sum()), float((counts == 2).sum())
    return once + z_of(1) * sqrt(once + 2 * twice)


def _ids(pair: Pair, odd: dict[str, dict[str, Any]]) -> dict[str, list[str]]:
    rows = pair.production.rows
    if rows is None:
        return {}
    columns = columns_of(rows)
    return {
        name: [str(item) for item, word in zip(rows.ids, columns[name], strict=True) if word in found["words"]][:5]
        for name, found in odd.items()
    }


UNSEEN = Cause(
    "DOC10",
    "Categories that training did not have",
    "Add a step in training that takes unseen words (a code of their own), or declare the new words and train again; "
    "else refuse such rows and send an alert.",
    look,
)

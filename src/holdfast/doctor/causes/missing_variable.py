"""DOC08: does the model need a variable that live does not have? With its nearest substitute."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.doctor.cause import Cause, Finding
from holdfast.doctor.pair import Pair, columns_of
from holdfast.doctor.shapes import Values, is_words, null

LEAST_ROWS = 20
SAMPLE = 20_000
WORTH = 0.1
"""Least share of a variable's information that a substitute must carry."""


def look(pair: Pair) -> Finding | None:
    rows = pair.production.rows
    if rows is None or not rows.columns:
        return None
    known = {name for name in pair.reference if pair.research.rows is None or name not in pair.research.rows.inputs}
    needed = pair.research.model.features or tuple(name for name in pair.reference if name in known)
    if not pair.production.live:  # it was asked, and what looks into the past is not compared
        needed = tuple(name for name in needed if name not in pair.research.windowed)
    present = columns_of(rows)
    absent = [name for name in needed if name not in present]
    empty = [
        name
        for name in needed
        if name in present and len(rows) >= LEAST_ROWS and null(present[name]).all() and not _mostly_null(pair, name)
    ]
    if not absent and not empty:
        return None
    instead = {name: substitute(pair, name, {*absent, *empty}) for name in (*absent, *empty)}
    told = [f"{name} is not there" for name in absent] + [f"{name} is null in every row" for name in empty]
    near = [
        f"nearest to {name}: {found['feature']} (it carries {found['carries']:.0%} of it)"
        for name, found in instead.items()
        if found is not None
    ]
    left_out = " ".join(f"--without {name}" for name in (*absent, *empty))
    commands = [f"holdfast train {left_out}", "holdfast versions", "holdfast check VERSION"]
    return MISSING.found(
        0.98, "; ".join([*told, *near]), explains=("DOC07", "DOC09", "DOC13", "DOC16", "DOC17"),
        commands=tuple(commands), absent=absent, empty=empty, substitutes=instead, live=sorted(present),
    )  # fmt: skip


def _mostly_null(pair: Pair, name: str) -> bool:
    shape = pair.reference.get(name)
    return shape is not None and shape.nulls > 0.5 * shape.rows


def substitute(pair: Pair, name: str, gone: set[str]) -> dict[str, Any] | None:
    """The column that live has and that tells most about a missing one, by mutual information on research's rows."""
    rows, live = pair.research.rows, pair.production.rows
    if rows is None or live is None or name not in columns_of(rows):
        return None
    ours = columns_of(rows)
    keep = np.linspace(0, len(rows) - 1, min(len(rows), SAMPLE)).astype(np.intp)
    wanted = bins(ours[name][keep])
    itself = information(wanted, wanted)
    found = {}
    for other in columns_of(live):
        if other in ours and other not in gone and itself > 0:
            found[other] = information(wanted, bins(ours[other][keep])) / itself
    if not found:
        return None
    best = max(sorted(found), key=found.__getitem__)
    return {"feature": best, "carries": found[best]} if found[best] >= WORTH else None


def bins(values: Values) -> NDArray[np.intp]:
    """Ten bins of about equal count for numbers, one for each frequent word; null has its own."""
    gone = null(values)
    if is_words(values):
        _, place, counts = np.unique(
            np.where(gone, "", values).astype(np.str_), return_inverse=True, return_counts=True
        )
        frequent = np.argsort(np.argsort(-counts, kind="stable"), kind="stable")
        return np.asarray(np.minimum(frequent, 20)[place], np.intp)
    numbers = values.astype(np.float64)
    if gone.all():
        return np.zeros(len(values), np.intp)
    edges = np.unique(np.quantile(numbers[~gone], np.linspace(0, 1, 11)[1:-1]))
    return np.asarray(np.where(gone, len(edges) + 1, np.searchsorted(edges, numbers, side="right")), np.intp)


def information(a: NDArray[np.intp], b: NDArray[np.intp]) -> float:
    """Mutual information of two binned columns in nats, less what chance alone would show (Miller and Madow)."""
    table = np.zeros((int(a.max()) + 1, int(b.max()) + 1))
    np.add.at(table, (a, b), 1)
    share = table / table.sum()
    alone = share.sum(1, keepdims=True) * share.sum(0, keepdims=True)
    there = share > 0
    told = float((share[there] * np.log(share[there] / alone[there])).sum())
    if a is b:
        return told
    by_chance = ((table.sum(1) > 0).sum() - 1) * ((table.sum(0) > 0).sum() - 1) / (2 * table.sum())
    return max(0.0, told - float(by_chance))


MISSING = Cause(
    "DOC08",
    "A variable is missing in live",
    "Leave it out, or put the most similar one in its place (in the contract), train again and compare both versions "
    "on the same rows. Make sure that live will have a variable before modelling with it.",
    look,
)

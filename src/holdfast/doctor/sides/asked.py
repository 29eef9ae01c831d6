"""A server asked about research's own rows, each twice, by `/explain`: it decides on a body and records nothing.

Each row is asked under an id of its own, at its own time. What windows hold is known to the server as of now and to
training as of then, so features that look into the past are not compared; instead research's model scores the very
features that the server tells.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from holdfast.doctor.shapes import Floats, Values, is_words
from holdfast.doctor.side import Refused, Rows, Side
from holdfast.doctor.sides.server import ask
from holdfast.explain.words import MASK

ROWS = 60
UNKNOWN = "(unknown)"
Told = Mapping[str, Any]


def asked(research: Side, server: Side, key: str) -> tuple[Side, Side]:
    """Both sides with the rows that were asked. What the server does not permit, or research cannot ask, is told."""
    if research.bodies is None or research.rows is None:
        return research, _untold(server, f"rows: a {research.kind} has none that the server could be asked about")
    bodies = research.bodies(ROWS)
    at_id = research.id_field
    run = os.urandom(6).hex()
    first: dict[str, Told | None] = {}
    again: dict[str, float] = {}
    refused: Counter[tuple[str, str, str]] = Counter()
    for number, (row, body) in enumerate(bodies.items()):
        sent = {**body, at_id: f"doctor-{run}-{number}"} if at_id else dict(body)
        status, reply = ask(server.place, "/explain", key, sent)
        if status in (401, 403):
            return research, _untold(server, "rows: /explain needs a key with the role scorer, in HOLDFAST_DOCTOR_KEY")
        first[row] = reply if status == 200 else None
        if status != 200:
            problems = reply.get("detail", {}).get("problems", [])
            told_of = {(item["field"], item["code"], item["what"]) for item in problems}
            refused.update(item for item in told_of if item[1] != "conflict")  # it knows this row by another body
            continue
        status, reply = ask(server.place, "/explain", key, sent)
        again[row] = float(reply["probability"]) if status == 200 else float("nan")
    told = {row: reply for row, reply in first.items() if reply is not None}
    if not told and any(code in ("time_window", "unknown_field") for _, code, _ in refused):
        return research, _untold(server, f"rows: it takes none of them ({next(iter(refused))[2]})")
    return _together(research, server, first, told, again, refused)


def _together(
    research: Side,
    server: Side,
    first: Mapping[str, Told | None],
    told: Mapping[str, Told],
    again: Mapping[str, float],
    refused: Counter[tuple[str, str, str]],
) -> tuple[Side, Side]:
    ids = np.asarray(list(first), dtype=np.str_)
    values = {row: {item["feature"]: item["value"] for item in reply["contributions"]} for row, reply in told.items()}
    names = list(next(iter(values.values()), {}))
    columns = {name: _column(ids, values, name, name in research.vocabulary) for name in names}
    masked = {name for name in names if any(row.get(name) == MASK for row in values.values())}
    scores = np.asarray([told[row]["probability"] if row in told else np.nan for row in first], np.float64)
    rows = Rows(
        ids=ids,
        columns={name: column for name, column in columns.items() if name not in masked | set(research.windowed)},
        scores=scores,
        again=np.asarray([again.get(row, np.nan) for row in first], np.float64),
    )
    refusals = tuple(Refused(field, code, count, what) for (field, code, what), count in refused.items())
    untold = ["features that look into the past: the server knows as of now what training knew as of then"]
    ours = research.rows
    assert ours is not None
    if research.predict is not None and research.windowed:
        expected = None if masked or set(names) != set(research.model.features) else _expected(research, columns)
        ours = _rescored(ours, ids, expected, ~np.isnan(scores))
        untold += [] if expected is not None else ["scores: personal features are masked, so none can be computed"]
    else:
        untold = []
    production = replace(server, rows=rows, refused=refusals, live=False, untold=(*server.untold, *untold))
    return replace(research, rows=ours), production


def _rescored(ours: Rows, ids: Any, expected: Floats | None, scored: Any) -> Rows:
    """Research's rows with the scores its model gives to what the server saw."""
    scores = np.full(len(ours), np.nan)
    if expected is not None:
        where = {item: at for at, item in enumerate(ours.ids.tolist())}
        for at, item in enumerate(ids.tolist()):
            if item in where and scored[at]:
                scores[where[item]] = expected[at]
    return replace(ours, scores=scores)


def _expected(research: Side, columns: Mapping[str, Values]) -> Floats:
    assert research.predict is not None
    made = []
    for name in research.model.features:
        values = columns[name]
        if is_words(values):
            codes = {UNKNOWN: 1.0, **{word: 2.0 + at for at, word in enumerate(research.vocabulary[name])}}
            values = np.asarray([0.0 if item is None else codes.get(item, np.nan) for item in values], np.float64)
        made.append(values.astype(np.float64))
    return research.predict(np.column_stack(made))


def _column(ids: Any, values: Mapping[str, Told], name: str, words: bool) -> Values:
    cells = [values.get(row, {}).get(name) for row in ids.tolist()]
    if words or any(isinstance(item, str) for item in cells):
        found = np.empty(len(cells), dtype=object)
        found[:] = [None if item is None else str(item) for item in cells]
        return found
    return np.asarray([np.nan if item is None else float(item) for item in cells], np.float64)


def _untold(side: Side, what: str) -> Side:
    return replace(side, untold=(*side.untold, what))

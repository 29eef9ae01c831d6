"""GATE504: how small a change turns a refusal, within what an applicant could change?

Numbers of the request move by a hundredth of their usual span (from the tenth to the ninetieth percent of the history),
one at a time, within their bounds and as the contract lets them: the fields it marks `changeable`, or, where
it marks no number so, whatever the sender of a request could write. Another category is no small change.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.checks.check import SECURITY, Answer, Check, failed, not_applicable, passed
from holdfast.checks.limits import Limits
from holdfast.checks.moved import changed, decided, features, joined, numbers, span, within
from holdfast.checks.subject import Subject
from holdfast.contract.model import Field
from holdfast.features.history import Events
from holdfast.intervals import share

STEPS = (0.01, 0.05)
"""Shares of the usual span; the first is judged."""
MOST = 150
"""Refusals that are tried."""
FIELDS = 24
"""Fields that are tried: those that the model leans on most, by the importance measured at training."""


def ask(subject: Subject, limits: Limits) -> Answer:
    positive = limits.favourable != "positive"
    tried = decided(subject, positive, MOST)
    fields, why = _fields(subject)
    evidence: dict[str, Any] = {"decisions": len(tried), "of": tried.of, "fields": [item.name for item in fields]}
    evidence["fields_are"] = why
    if not len(tried) or not fields:
        lacks = "no number that anybody could change" if len(tried) else "no refusal on rows it has not seen"
        return not_applicable(f"there is {lacks}", **evidence)
    found = [_search(subject, tried.events, fields, step, positive) for step in STEPS]
    evidence["steps"] = [item | {"step": step} for step, item in zip(STEPS, found, strict=True)]
    alone = share(found[0]["alone"], len(tried))
    evidence["turned"] = alone.as_dict()
    said = (
        f"{alone.value:.1%} of {len(tried)} refusals turn when one number moves by a hundredth of its usual span "
        f"(by a twentieth: {found[1]['alone'] / len(tried):.1%}; all numbers together: "
        f"{found[0]['together'] / len(tried):.1%})"
    )
    if (alone.low or 0.0) > limits.most_evaded:
        most = max(found[0]["by_field"], key=found[0]["by_field"].__getitem__)
        mend = f"begin with {most}: monotone constraints, fewer leaves, or rounding what comes in"
        return failed(f"{said}; {limits.most_evaded:.0%} is borne", mend, **evidence)
    return passed(said, **evidence)


def _fields(subject: Subject) -> tuple[list[Field], str]:
    all_ = [item for item in numbers(subject) if not item.protected]
    marked = [item for item in all_ if item.changeable]
    if marked:
        return marked, "marked as changeable"
    weight: dict[str, float] = {}
    told = {item["feature"]: float(item["value"]) for item in subject.bundle.manifest.training.get("importance", ())}
    for feature in subject.contract.features:
        for node in feature.expr.walk():
            if node.op == "field":
                weight[node["name"]] = max(weight.get(node["name"], 0.0), told.get(feature.name, 0.0))
    ranked = sorted(all_, key=lambda item: -weight.get(item.name, 0.0))
    return ranked[:FIELDS], "all numbers of a request: the contract marks none as changeable"


def _search(subject: Subject, events: Events, fields: list[Field], step: float, positive: bool) -> dict[str, Any]:
    """How many decisions turn when one field moves, by field, and when each moves the way that helps most."""
    moves = [(item, cells) for item in fields for cells in _moves(item, events, step * span(subject, item.name))]
    if not moves:
        return {"alone": 0, "together": 0, "by_field": {}, "too_coarse": [item.name for item in fields]}
    rows = len(events)
    sign = 1.0 if positive else -1.0
    threshold = subject.bundle.threshold.value
    start = features(subject, events)
    parts = [start] + [
        features(subject, joined([changed(events, {item.name: cells}) for item, cells in moves[at : at + 8]]))
        for at in range(0, len(moves), 8)
    ]
    said = subject.bundle.predict_matrix(np.ascontiguousarray(np.concatenate(parts)))[1].reshape(-1, rows)
    turned = (said >= threshold) != positive
    # Who is not decided by these features as by the training table's has nothing to turn.
    sound = ~turned[0]
    by_field: dict[str, int] = {}
    best: dict[str, NDArray[Any]] = {}
    lowest: dict[str, NDArray[Any]] = {}
    for at, (item, cells) in enumerate(moves, 1):
        hit = turned[at] & sound
        by_field[item.name] = int(max(by_field.get(item.name, 0), hit.sum()))
        now = sign * said[at]
        before = lowest.get(item.name, sign * said[0])
        kept = best.get(item.name, events.cells[item.name].values)
        best[item.name] = np.where(now < before, cells, kept)
        lowest[item.name] = np.minimum(now, before)
    all_ = subject.bundle.predict_matrix(features(subject, changed(events, best)))[1]
    return {
        "alone": int((turned[1:].any(axis=0) & sound).sum()),
        "together": int((((all_ >= threshold) != positive) & sound).sum()),
        "by_field": dict(sorted(by_field.items(), key=lambda pair: -pair[1])),
        "too_coarse": [item.name for item in fields if item.name not in by_field],
    }


def _moves(field: Field, events: Events, far: float) -> Iterator[NDArray[Any]]:
    """The field's cells moved as far as allowed; none where its own unit is coarser than that."""
    size = far if field.type == "real" else np.floor(far)
    if size <= 0:
        return
    values = events.cells[field.name].values
    for way, allowed in ((1, ("up", "any", "")), (-1, ("down", "any", ""))):
        if field.changeable in allowed:
            yield within(field, values + way * (size if field.type == "real" else int(size)))


CHECK = Check("GATE504", SECURITY, "A small change does not turn a refusal", ask)

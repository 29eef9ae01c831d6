"""What the training data looked like, for everything that later asks whether live still looks the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from holdfast.bundle.bins import Layout, edges_of, layout_of, number
from holdfast.contract.model import Contract, Feature
from holdfast.training.natural import natural, volume
from holdfast.training.rows import Floats, Ints, Rows
from holdfast.training.split import Labels

QUANTILES = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0)
HELD_OUT = 500
"""Held-out rows from which on the probability is told of them, and not of rows that the model learned from."""
SCORE = "score"
"""What the probability is called beside the features."""
DECISION = "decision"
TARGET = "target"
"""What decision and outcome are called beside them, of which only the variation is kept."""


def profile(
    contract: Contract,
    rows: Rows,
    probability: Floats,
    y: Labels,
    threshold: float,
    *,
    held_out: tuple[Ints, Floats] | None = None,
    times: Ints | None = None,
) -> dict[str, Any]:
    """`reference/profile.json`: of training rows, with `probability` as the model gave it to them.

    Bin i counts values in ``[edges[i], edges[i + 1])``, the last one both ends included. Categories count codes.
    `held_out`: times and probabilities of rows that the model did not learn from, which live ones are like; `times` of
    all decisions there were (µs UTC), for the volume to expect. `natural` says what is kept by season and day.
    """
    by_name = {feature.name: feature for feature in contract.features}
    if held_out is None or len(held_out[0]) < HELD_OUT:
        held_out = (rows.times, probability)
    score = {"rows": len(held_out[0]), "held_out": held_out[0] is not rows.times, **_numbers(held_out[1])}
    shape = {
        "format": 2,
        "rows": len(rows),
        "from": int(rows.times.min()),
        "to": int(rows.times.max()),
        "positive_share": float(y.mean()),
        # Of rows that it learned from, a model decides more positively than of new ones.
        "decision_share": float((held_out[1] >= threshold).mean()),
        "features": {name: _column(by_name[name], rows.X[:, i]) for i, name in enumerate(rows.names)},
        "probability": _numbers(probability),
        SCORE: score,
        "groups": {
            name: _groups(rows.X[:, i], probability, y, threshold)
            for i, name in enumerate(rows.names)
            if _protected(contract, by_name[name])
        },
        "volume": volume(rows.times if times is None else times),
    }
    return shape | _by_itself(contract, shape, rows, y, *held_out, threshold)


def _by_itself(
    contract: Contract,
    shape: Mapping[str, Any],
    rows: Rows,
    y: Labels,
    times: Ints,
    probability: Floats,
    threshold: float,
) -> dict[str, Any]:
    """What `natural` tells of features and outcomes, and of probability and decision, which may be of other rows."""
    columns = layout_of(contract, shape).columns
    parts = []
    for begin, at in _filled(contract, rows).items():
        names, layout, then = [rows.names[i] for i in at], Layout(tuple(columns[i] for i in at)), rows.times >= begin
        parts.append(natural(names, layout, rows.X[then][:, at], rows.times[then]))
    parts.append(natural((SCORE,), Layout(columns[-1:]), probability[:, None], times))
    bins = {name: item for part in parts for name, item in part["seasons"]["bins"].items()}
    yes_or_no = number(np.array([0.0, 1.0, np.nextafter(1.0, 2.0)]), octaves=False)
    decided = (probability >= threshold).astype(float)
    parts.append(natural((DECISION,), Layout((yes_or_no,)), decided[:, None], times))
    parts.append(natural((TARGET,), Layout((yes_or_no,)), (y == 1).astype(float)[:, None], rows.times))
    kept = ("sizes", "daily", "weekly", "hourly")
    told = {kind: {name: item for part in parts for name, item in part[kind].items()} for kind in kept}
    return {"seasons": {"bins": bins}, **told}


def filled_from(contract: Contract, feature: Feature, times: Ints) -> int:
    """From when on, of rows at these times, a feature is as it will be in live (µs UTC): where history begins nobody
    has a past, and a window of 30 days tells of fewer. At least the later half of the time counts.
    """
    first, last = int(times.min()), int(times.max())
    return min(first + contract.filled_after(feature), first + (last - first) // 2)


def _filled(contract: Contract, rows: Rows) -> dict[int, list[int]]:
    """The columns that are filled from the same instant on, by it."""
    by_name = {feature.name: feature for feature in contract.features}
    found: dict[int, list[int]] = {}
    for at, name in enumerate(rows.names):
        found.setdefault(filled_from(contract, by_name[name], rows.times), []).append(at)
    return found


def _column(feature: Feature, values: Floats) -> dict[str, Any]:
    if feature.expr.kind == "category":
        codes, counts = np.unique(values, return_counts=True)
        return {
            "kind": "category",
            "null_share": float((values == 0).mean()),
            "unknown_share": float((values == 1).mean()),
            "codes": {str(int(code)): int(count) for code, count in zip(codes, counts, strict=True)},
        }
    return {"kind": feature.expr.kind, **_numbers(values)}


def _numbers(values: Floats) -> dict[str, Any]:
    present = values[~np.isnan(values)]
    shape: dict[str, Any] = {"null_share": float(1 - len(present) / max(1, len(values)))}
    if not len(present):
        return shape
    edges = edges_of(present)
    counts, _ = np.histogram(present, edges)
    points = np.quantile(present, QUANTILES, method="inverted_cdf")
    return shape | {
        "mean": float(present.mean()),
        "std": float(present.std()),
        "smallest": float(present.min()),
        "largest": float(present.max()),
        "quantiles": dict(zip(map(str, QUANTILES), map(float, points), strict=True)),
        "edges": [float(edge) for edge in edges],
        "counts": [int(count) for count in counts],
    }


def _protected(contract: Contract, feature: Feature) -> bool:
    fields = {field.name: field for field in contract.deciding.fields}
    expr = feature.expr
    return expr.op == "field" and expr.kind in ("category", "boolean") and fields[expr["name"]].protected


def _groups(codes: Floats, probability: Floats, y: Labels, threshold: float) -> dict[str, Any]:
    groups = {}
    for code in np.unique(codes[~np.isnan(codes)]):
        inside = codes == code
        said = probability[inside] >= threshold
        truth = y[inside] == 1
        groups[str(int(code))] = {
            "rows": int(inside.sum()),
            "positive_share": float(truth.mean()),
            "decision_share": float(said.mean()),
            "recall": float(said[truth].mean()) if truth.any() else None,
            "false_positive_share": float(said[~truth].mean()) if (~truth).any() else None,
        }
    return groups

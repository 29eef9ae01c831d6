"""What the training data looked like, for everything that later asks whether live still looks the same."""

from __future__ import annotations

from typing import Any

import numpy as np

from holdfast.contract.model import Contract, Feature
from holdfast.training.rows import Floats, Rows
from holdfast.training.split import Labels

QUANTILES = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0)
BINS = 20
"""Bins of equal count, fewer where values tie."""


def profile(contract: Contract, rows: Rows, probability: Floats, y: Labels, threshold: float) -> dict[str, Any]:
    """`reference/profile.json`: of training rows, with `probability` as the model gave it to them.

    Bin i counts values in ``[edges[i], edges[i + 1])``, the last one both ends included. Categories count codes.
    """
    by_name = {feature.name: feature for feature in contract.features}
    return {
        "format": 1,
        "rows": len(rows),
        "from": int(rows.times.min()),
        "to": int(rows.times.max()),
        "positive_share": float(y.mean()),
        "decision_share": float((probability >= threshold).mean()),
        "features": {name: _column(by_name[name], rows.X[:, i]) for i, name in enumerate(rows.names)},
        "probability": _numbers(probability),
        "groups": {
            name: _groups(rows.X[:, i], probability, y, threshold)
            for i, name in enumerate(rows.names)
            if _protected(contract, by_name[name])
        },
    }


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
    edges = np.unique(np.quantile(present, np.linspace(0, 1, BINS + 1), method="inverted_cdf"))
    if len(edges) == 1:
        edges = np.append(edges, np.nextafter(edges[0], np.inf))
    counts, _ = np.histogram(present, edges)
    points = np.quantile(present, QUANTILES, method="inverted_cdf")
    return shape | {
        "mean": float(present.mean()),
        "std": float(present.std()),
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

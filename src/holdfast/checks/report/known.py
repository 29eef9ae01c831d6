"""Pictures for checks we know by code, where the shape alone would not say what to compare with what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from holdfast.checks.report.evidence import PERCENTILES, calibration, is_number, pictures, rows_of
from holdfast.checks.report.plots import Bar, bars, intervals, square

Evidence = Mapping[str, Any]
SCORES = ("roc_auc", "average_precision", "precision", "recall", "f1", "balanced_accuracy", "precision_top_1pct")
"""Metrics between 0 and 1 of which more is better: they can share an axis."""


def pictures_of(item: Mapping[str, Any], verdict: Mapping[str, Any]) -> tuple[list[str], bool]:
    """The pictures of one check's evidence, and whether they are its own (else they are drawn by shape)."""
    own = _OWN.get(item["code"])
    if own is None or item["status"] == "crashed":
        return pictures(item["evidence"]), False
    try:
        return own(item["evidence"], verdict), True
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        # Kept by another version of the check, whose evidence had another shape.
        return pictures(item["evidence"]), False


def _scores(evidence: Evidence, verdict: Mapping[str, Any]) -> list[str]:
    baseline = verdict["trained"]["metrics"]["baseline"]
    label = verdict["trained"]["baseline"] or "baseline"
    rows = []
    for name in SCORES:
        metric = evidence["metrics"].get(name)
        if metric is not None:
            other = baseline.get(name, {}).get("value")
            beside = {str(label): float(other)} if is_number(other) else {}
            rows.append(Bar(name.replace("_", " "), metric["value"], metric["low"], metric["high"], beside))
    at = evidence["confusion"]
    table = [[at["true_positive"], at["false_negative"]], [at["false_positive"], at["true_negative"]]]
    return [
        intervals("On rows it has not seen, with 95 % intervals", rows, low=0.0, high=1.0),
        square("At the threshold", table, ("was positive", "was negative"), ("said yes", "said no")),
    ]


def _baseline(evidence: Evidence, verdict: Mapping[str, Any]) -> list[str]:
    rows = [
        Bar(name.replace("_", " "), item["it"]["value"], item["it"]["low"], item["it"]["high"],
            {str(evidence["baseline"]): float(item["baseline"]), "guessing": float(item["guessing"])})
        for name, item in evidence["measures"].items()
    ]  # fmt: skip
    return [intervals("Beside a simple model, and beside guessing", rows, low=0.0, high=1.0)]


def _champion(evidence: Evidence, verdict: Mapping[str, Any]) -> list[str]:
    rows = rows_of(evidence["difference"])
    return [intervals("This version's less the champion's, on the same rows", rows, limit=0.0)]


def _segments(evidence: Evidence, verdict: Mapping[str, Any]) -> list[str]:
    rows = rows_of({str(item["segment"]): item["roc_auc"] for item in evidence["segments"]})
    return [intervals("ROC-AUC by segment, the worst first", rows, limit=float(verdict["limits"]["least_segment_auc"]))]


def _calibration(evidence: Evidence, verdict: Mapping[str, Any]) -> list[str]:
    return [calibration("Said and seen; on the dashed line both are equal", evidence["curve"])]


def _overfit(evidence: Evidence, verdict: Mapping[str, Any]) -> list[str]:
    rows = [("learned from", evidence["auc"]["train"]), ("not seen", evidence["auc"]["test"])]
    return [bars("ROC-AUC", rows)]


def _folds(evidence: Evidence, verdict: Mapping[str, Any]) -> list[str]:
    rows = [Bar(f"fold {at}", float(value)) for at, value in enumerate(evidence["folds"], 1)]
    return [intervals("ROC-AUC by fold", rows)]


def _without(evidence: Evidence, verdict: Mapping[str, Any]) -> list[str]:
    whole = float(evidence["whole"])
    worst = sorted(evidence["without"].items(), key=lambda item: item[1])[:10]
    rows = [Bar(name, float(value), beside={"with all": whole}) for name, value in worst]
    return [intervals("ROC-AUC without one feature, the ten that cost most", rows, dot="without it")]


def _waits(evidence: Evidence, verdict: Mapping[str, Any]) -> list[str]:
    """The 95 % of each kind is what its limit is for."""
    limits = verdict["limits"]
    one, batch = evidence["single"], evidence["batch"]
    return [
        bars("One answer, in milliseconds", _percentiles(one), unit=" ms", limit=float(limits["most_milliseconds"])),
        bars(
            f"A batch of {evidence['batch_rows']:,} rows, in milliseconds",
            _percentiles(batch),
            unit=" ms",
            limit=1_000.0 * limits["most_batch_seconds"],
        ),
    ]


def _percentiles(found: Evidence) -> list[tuple[str, float]]:
    return [(name, float(found[name])) for name in PERCENTILES if is_number(found.get(name))]


RATES = (
    ("favourable", "Decided favourably", ""),
    ("impact_ratio", "Impact ratio: that share, of the share of the group that fares best", "least_impact_ratio"),
    ("true_positive_rate", "True positives found", ""),
    ("false_positive_rate", "False positives", ""),
)


def _groups(evidence: Evidence, verdict: Mapping[str, Any]) -> list[str]:
    drawn = []
    for grouping in evidence["groupings"]:
        for key, title, limit in RATES:
            rows = rows_of({str(item["group"]): item[key] for item in grouping["groups"] if item.get(key)})
            if rows:
                line = float(verdict["limits"][limit]) if limit in verdict["limits"] else None
                drawn.append(intervals(f"{title}, by {grouping['by']}", rows, limit=line))
    return drawn


_OWN: dict[str, Callable[[Evidence, Mapping[str, Any]], list[str]]] = {
    "GATE201": _scores,
    "GATE202": _baseline,
    "GATE203": _champion,
    "GATE204": _calibration,
    "GATE205": _segments,
    "GATE301": _overfit,
    "GATE302": _folds,
    "GATE304": _without,
    "GATE401": _waits,
    "GATE701": _groups,
}

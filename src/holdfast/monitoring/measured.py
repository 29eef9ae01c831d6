"""What settled decisions say of a model, each figure with how far it may lie from the truth."""

from __future__ import annotations

from holdfast.intervals import Interval, deviations, roc_auc, share
from holdfast.monitoring.judged import Judged


def performance(rows: Judged, level: float = 0.95) -> dict[str, Interval]:
    """ROC-AUC, precision, recall and the share of positives of settled decisions."""
    truth, said = rows.truth == 1, rows.decided
    hits, flagged, positives = float((truth & said).sum()), float(said.sum()), float(truth.sum())
    return {
        "roc_auc": roc_auc(truth, rows.probability, level),
        "precision": share(hits, flagged, level),
        "recall": share(hits, positives, level),
        "positive_share": share(positives, len(rows), level),
    }


def f1(rows: Judged) -> float:
    """Of settled decisions; 0 where nothing is positive."""
    truth, said = rows.truth == 1, rows.decided
    whole = float(truth.sum() + said.sum())
    return 2 * float((truth & said).sum()) / whole if whole else 0.0


def error_of(figure: Interval, level: float = 0.95) -> float:
    """The standard error behind an interval: half its width in deviations."""
    return (figure.high - figure.low) / (2 * deviations(level))

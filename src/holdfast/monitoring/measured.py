"""What settled decisions say of a model, each figure with how far it may lie from the truth."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

import numpy as np

from holdfast.monitoring.judged import Floats, Judged, Mask


@dataclass(frozen=True, slots=True)
class Figure:
    """A value, and the interval that the true one lies in at the level asked for."""

    value: float
    low: float
    high: float

    def as_dict(self) -> dict[str, float]:
        return {"value": self.value, "low": self.low, "high": self.high}

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


def share(count: float, rows: float, level: float = 0.95) -> Figure:
    """A share with Wilson's interval; of nothing it is 0, somewhere between 0 and 1."""
    if rows <= 0:
        return Figure(0.0, 0.0, 1.0)
    z, found = deviations(level), count / rows
    middle = (found + z * z / (2 * rows)) / (1 + z * z / rows)
    wide = z / (1 + z * z / rows) * sqrt(found * (1 - found) / rows + z * z / (4 * rows * rows))
    return Figure(found, max(0.0, middle - wide), min(1.0, middle + wide))


def roc_auc(truth: Mask, probability: Floats, level: float = 0.95) -> Figure:
    """ROC-AUC with DeLong's interval; 0.5, anywhere, where there is one class only."""
    positive, negative = probability[truth], probability[~truth]
    if not len(positive) or not len(negative):
        return Figure(0.5, 0.0, 1.0)
    of_positive, of_negative = _placed(positive, negative), 1 - _placed(negative, positive)
    value = float(of_positive.mean())
    wide = deviations(level) * sqrt(float(of_positive.var()) / len(positive) + float(of_negative.var()) / len(negative))
    return Figure(value, max(0.0, value - wide), min(1.0, value + wide))


def performance(rows: Judged, level: float = 0.95) -> dict[str, Figure]:
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


def error_of(figure: Figure, level: float = 0.95) -> float:
    """The standard error behind an interval: half its width in deviations."""
    return (figure.high - figure.low) / (2 * deviations(level))


def deviations(level: float) -> float:
    """How many standard deviations hold this share, both sides together."""
    return NormalDist().inv_cdf(0.5 + level / 2)


def _placed(ours: Floats, theirs: Floats) -> Floats:
    """For each of ours the share of theirs that lies below; a tie counts half."""
    ordered = np.sort(theirs)
    below, upto = np.searchsorted(ordered, ours, "left"), np.searchsorted(ordered, ours, "right")
    return (below + upto) / (2.0 * len(ordered))

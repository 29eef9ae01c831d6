"""Metrics fit for rare positives, with seeded bootstrap intervals.

Every rank metric is a function of rows in order of score with a weight each, so one sort serves all resamplings.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from holdfast.training.rows import Floats
from holdfast.training.split import Labels

TOP_SHARE = 0.01
"""Share of rows in `precision_top_1pct`: what a team that looks at one case in a hundred would find."""

CALIBRATION_BINS = 10


@dataclass(frozen=True)
class Metric:
    """A value and, where it was resampled, its 95 % interval."""

    value: float
    low: float | None = None
    high: float | None = None

    def as_dict(self) -> dict[str, float | None]:
        return {"value": self.value, "low": self.low, "high": self.high}


@dataclass(frozen=True)
class Confusion:
    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int

    def as_dict(self) -> dict[str, int]:
        return {
            "true_positive": self.true_positive,
            "false_positive": self.false_positive,
            "false_negative": self.false_negative,
            "true_negative": self.true_negative,
        }


def confusion(y: Labels, probability: Floats, threshold: float) -> Confusion:
    said, true = probability >= threshold, y == 1
    return Confusion(
        int((said & true).sum()), int((said & ~true).sum()), int((~said & true).sum()), int((~said & ~true).sum())
    )


class Ranked:
    """Rows by falling probability; `ends` closes each group of equal probability."""

    def __init__(self, y: Labels, probability: Floats, threshold: float) -> None:
        order = np.argsort(-probability, kind="stable")
        self.order = order
        self.p = probability[order]
        self.y = y[order].astype(np.float64)
        self.ends = np.flatnonzero(np.append(self.p[1:] != self.p[:-1], True))
        self.said = int(np.searchsorted(-self.p, -threshold, side="right"))
        clipped = np.clip(self.p, 1e-15, 1 - 1e-15)
        self.loss = -np.where(self.y == 1, np.log(clipped), np.log1p(-clipped))
        self.square = (self.p - self.y) ** 2

    def metrics(self, weight: Floats | None = None) -> dict[str, float]:
        w = np.ones(len(self.y)) if weight is None else weight
        hits, all_ = np.cumsum(w * self.y), np.cumsum(w)
        total, positives = float(all_[-1]), float(hits[-1])
        negatives = total - positives
        tp_at, n_at = hits[self.ends], all_[self.ends]
        fp_at = n_at - tp_at
        tp_step, fp_step = np.diff(tp_at, prepend=0.0), np.diff(fp_at, prepend=0.0)
        tp = float(hits[self.said - 1]) if self.said else 0.0
        said = float(all_[self.said - 1]) if self.said else 0.0
        fp, fn = said - tp, positives - tp
        tn = negatives - fp
        precision, recall = _ratio(tp, said), _ratio(tp, positives)
        cut = min(int(np.searchsorted(all_, TOP_SHARE * total)), len(all_) - 1)
        precision_at = np.divide(tp_at, n_at, out=np.zeros_like(tp_at), where=n_at > 0)
        return {
            "roc_auc": _ratio(float(np.sum(fp_step * (tp_at - tp_step / 2))), positives * negatives, 0.5),
            "average_precision": _ratio(float(np.sum(tp_step * precision_at)), positives),
            "precision": precision,
            "recall": recall,
            "f1": _ratio(2 * tp, 2 * tp + fp + fn),
            "accuracy": _ratio(tp + tn, total),
            "balanced_accuracy": (recall + _ratio(tn, negatives)) / 2,
            "log_loss": _ratio(float(np.sum(w * self.loss)), total),
            "brier": _ratio(float(np.sum(w * self.square)), total),
            "precision_top_1pct": _ratio(float(hits[cut]), float(all_[cut])),
            "calibration_error": self._calibration_error(w, total),
        }

    def _calibration_error(self, w: Floats, total: float) -> float:
        bins = np.minimum((self.p * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)
        said = np.bincount(bins, w * self.p, CALIBRATION_BINS)
        seen = np.bincount(bins, w * self.y, CALIBRATION_BINS)
        return _ratio(float(np.abs(said - seen).sum()), total)


def evaluate(y: Labels, probability: Floats, threshold: float, *, resamplings: int, seed: int) -> dict[str, Metric]:
    """Metrics of `probability` against labels 0 and 1; decisions are ``probability >= threshold``.

    Intervals are the 2.5 and 97.5 percentiles over `resamplings` bootstrap draws of the rows. A ratio of nothing
    (precision where nothing was flagged) is 0.
    """
    ranked = Ranked(y, probability, threshold)
    point = ranked.metrics()
    if resamplings == 0:
        return {name: Metric(value) for name, value in point.items()}
    generator, n = np.random.default_rng(seed), len(y)
    draws: dict[str, list[float]] = {name: [] for name in point}
    for _ in range(resamplings):
        counts: NDArray[np.int64] = np.bincount(generator.integers(0, n, n), minlength=n)
        for name, value in ranked.metrics(counts.astype(np.float64)).items():
            draws[name].append(value)
    bounds = {name: np.quantile(values, [0.025, 0.975]) for name, values in draws.items()}
    return {name: Metric(value, float(bounds[name][0]), float(bounds[name][1])) for name, value in point.items()}


def _ratio(part: float, whole: float, otherwise: float = 0.0) -> float:
    return part / whole if whole else otherwise

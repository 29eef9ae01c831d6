"""GATE105: does a feature know what it could not have known? Looked for in three ways.

A feature that ranks the rows almost perfectly alone is the target, or made from it. A feature without which a model
loses much is suspect where it also ranks well alone, or where some of its values all but settle the answer: it is often
because it was written down after the fact. A poor model may well hang on one honest feature that does neither. And some
rows are computed again with every record taken away that was not known at their time: nothing may change.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from holdfast.checks.check import DATA, Answer, Check, failed, passed
from holdfast.checks.future import without_future
from holdfast.checks.limits import Limits
from holdfast.checks.paired import apart
from holdfast.checks.quick import MOST, Sample, boosted, sample
from holdfast.checks.subject import Subject
from holdfast.contract.model import NULL_CODE
from holdfast.intervals import Interval, roc_auc
from holdfast.training.rows import Floats, Index

BINS = 50
STRONGEST = 3
RANKS = 0.7
"""ROC-AUC alone, from which on a feature that carries a model is suspect."""
SETTLED, SEEN = 0.95, 30
"""Share of positives in a group of a feature's values that all but settles the answer, and rows of it, at least."""
MANY = 10
"""Where a model has fewer features, one may well carry it."""
RESAMPLINGS = 100
CELLS, LEAST = 1_000_000, 4_000
"""Values to learn from, at most, and rows, at least."""


def ask(subject: Subject, limits: Limits) -> Answer:
    seed = subject.settings.seed
    most = min(MOST, max(LEAST, CELLS // len(subject.rows.names)))
    learned, judged = sample(subject.split.train, seed, most), sample(subject.split.test, seed, most)
    single = {name: _alone(subject, at, learned, judged) for at, name in enumerate(subject.rows.names)}
    carried = _carried(subject, learned, judged)
    settled = {name: _settled(subject, subject.rows.names.index(name)) for name in carried}
    future = without_future(subject)

    told = [
        f"{name} ranks the rows alone, with a ROC-AUC of {found.value:.3f}: it is the target, or made from it"
        for name, found in single.items()
        if found.low > limits.most_alone
    ]
    told += [
        f"without {name} a model loses {lost.value:.0%} of what it has over chance: was it known at the decision?"
        for name, lost in carried.items()
        if len(subject.rows.names) >= MANY
        and lost.low > limits.most_leaked
        and (single[name].low > RANKS or settled[name] > SETTLED)
    ]
    told += [f"{name} changes when what came after the decision is taken away" for name in future.features]
    first = max(single, key=lambda name: single[name].value)
    evidence: dict[str, Any] = {
        "alone": {name: item.as_dict() for name, item in single.items()},
        "lost_without": {name: item.as_dict() for name, item in carried.items()},
        "purest_group": settled,
        "future": future.as_dict(),
        "rows": {"learned": len(learned), "judged": len(judged)},
    }
    if told:
        mend = "leave it out (train --without it), or waive this for who knows that it is known before the decision"
        return failed("; ".join(told), mend, **evidence)
    worst = max(carried, key=lambda name: carried[name].value)
    return passed(
        f"{first} reaches {single[first].value:.3f} alone; without {worst} a model loses {carried[worst].value:.0%}; "
        + future.told(),
        **evidence,
    )


def _alone(subject: Subject, at: int, learned: Sample, judged: Sample) -> Interval:
    """ROC-AUC of a feature's own groups: words, or fifty equal bins, null apart, by the share seen there."""
    group, wanted = _groups(subject, at, learned.index, judged.index)
    size = int(max(group.max(), wanted.max())) + 1
    rows, hits = np.bincount(group, minlength=size), np.bincount(group, weights=learned.y, minlength=size)
    usual = float(learned.y.mean())
    score = (hits + usual) / (rows + 1.0)
    return roc_auc(judged.y == 1, score[wanted])


def _settled(subject: Subject, at: int) -> float:
    """Share of positives in the group of its values that has most of them, of groups with rows enough.

    Of all training rows: a sample prefers positives.
    """
    train = subject.split.train
    group, _ = _groups(subject, at, train.index, train.index)
    rows, hits = np.bincount(group), np.bincount(group, weights=train.y)
    return float(max((hits / np.maximum(rows, 1))[rows >= SEEN], default=0.0))


def _groups(subject: Subject, at: int, learned: Index, judged: Index) -> tuple[Any, Any]:
    """Groups of a feature's values: words, few numbers each by itself, else fifty equal bins; null apart."""
    values, asked = subject.rows.X[learned, at], subject.rows.X[judged, at]
    if subject.contract.features[at].expr.kind == "category":
        group, wanted = values.astype(np.int64), asked.astype(np.int64)
        return np.maximum(group, NULL_CODE), np.maximum(wanted, NULL_CODE)
    there = values[~np.isnan(values)]
    distinct = np.unique(there)
    # Few values are groups of their own: a rare flag would share its quantile with what it is not.
    edges = distinct[1:]
    if len(distinct) > BINS:
        edges = np.unique(np.quantile(there, np.linspace(0, 1, BINS + 1)[1:-1]))
    return _binned(values, edges), _binned(asked, edges)


def _binned(values: Floats, edges: Floats) -> Any:
    return np.where(np.isnan(values), 0, np.searchsorted(edges, values, "right") + 1)


def _carried(subject: Subject, learned: Sample, judged: Sample) -> dict[str, Interval]:
    """Share of ROC-AUC over chance that is lost without each of the strongest features, with its interval."""
    X, names = subject.rows.X, subject.rows.names
    every = np.arange(len(names))
    whole = boosted(subject, X[learned.index], learned.y, every)
    asked = X[judged.index]
    base = whole.predictor.scores(asked)
    found = {}
    for at in np.argsort(-np.asarray(whole.gain))[:STRONGEST].tolist():
        others = np.delete(every, at)
        if not len(others):
            continue
        less = boosted(subject, X[learned.index], learned.y, others)
        score = less.predictor.scores(np.ascontiguousarray(asked[:, others]))
        found[names[at]] = apart(
            judged.y, _ranks(base), _ranks(score), _lost, resamplings=RESAMPLINGS, seed=subject.settings.seed
        )
    return found or {names[0]: Interval(0.0, 0.0, 0.0)}


def _ranks(score: Floats) -> Floats:
    """Scores as shares, for metrics that expect them; order and ties are kept."""
    return np.searchsorted(np.sort(score), score) / len(score)


def _lost(whole: dict[str, float], less: dict[str, float]) -> float:
    return (whole["roc_auc"] - less["roc_auc"]) / max(whole["roc_auc"] - 0.5, 1e-9)


CHECK = Check("GATE105", DATA, "No feature knows the future", ask)

"""GATE203: is it no worse than what answers now? Both judge the same rows, and the difference has an interval.

The champion may have learned from some of these rows, which speaks for it: the comparison is hard on the newcomer.
Without a champion there is nothing to be worse than.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from holdfast.bundle.bundle import Bundle
from holdfast.checks.check import PERFORMANCE, Answer, Check, failed, passed
from holdfast.checks.limits import Limits
from holdfast.checks.paired import apart
from holdfast.checks.subject import Subject
from holdfast.intervals import Interval
from holdfast.training.rows import Floats
from holdfast.training.train import trained_from

RESAMPLINGS = 200
MEASURES = ("roc_auc", "average_precision", "f1", "brier")


def ask(subject: Subject, limits: Limits) -> Answer:
    champion = subject.champion
    if champion is None:
        return passed("nothing answers now, so there is nothing to be worse than")
    test, ours = subject.split.test, subject.test_probability
    theirs, there = _asked(subject, champion)
    if not there.any():
        raise ValueError("the champion's features hold none of the test rows")
    y, ours = test.y[there], ours[there]
    thresholds = (subject.bundle.threshold.value, champion.threshold.value)

    def difference(name: str) -> Interval:
        return apart(
            y, ours, theirs, lambda mine, other: mine[name] - other[name],
            thresholds=thresholds, resamplings=RESAMPLINGS, seed=subject.settings.seed,
        )  # fmt: skip

    found = {name: difference(name) for name in MEASURES}
    decided = float(((ours >= thresholds[0]) != (theirs >= thresholds[1])).mean())
    evidence: dict[str, Any] = {
        "champion": champion.hash,
        "rows": len(y),
        "difference": {name: item.as_dict() for name, item in found.items()},
        "decided_otherwise": decided,
    }
    told = [
        f"{word} is {-found[name].value:.3f} ({-found[name].high:.3f} to {-found[name].low:.3f}) lower"
        for name, word in (("roc_auc", "ROC-AUC"), ("average_precision", "average precision"))
        if found[name].high < 0
    ]
    if told:
        mend = "keep the champion; or, where it learned from these rows, compare on rows that neither has seen"
        return failed(f"than the champion's, {'; '.join(told)} on the same {len(y):,} rows", mend, **evidence)
    auc = found["roc_auc"]
    why = f"ROC-AUC differs from the champion's by {auc.value:+.3f} ({auc.low:+.3f} to {auc.high:+.3f})"
    return passed(f"{why} on the same {len(y):,} rows; {decided:.1%} of the decisions differ", **evidence)


def _asked(subject: Subject, champion: Bundle) -> tuple[Floats, Any]:
    """The champion's probabilities on the test rows, by its own features of them, and which rows it has."""
    index = subject.split.test.index
    if champion.contract.hash == subject.bundle.contract.hash:
        return champion.predict_matrix(subject.rows.X[index])[1], np.ones(len(index), dtype=np.bool_)
    from holdfast.features.history import positions
    from holdfast.project.build import features

    trained = trained_from(champion.manifest, champion.contract)
    table = features(subject.place, contract=trained)
    at = positions(subject.rows.ids[index].tolist(), np.asarray(table.ids, dtype=object))
    names = [item.name for item in champion.contract.features]
    columns = [table.names.index(name) for name in names]
    rows = np.ascontiguousarray(table.matrix[at[at >= 0]][:, columns])
    return champion.predict_matrix(rows)[1], at >= 0


CHECK = Check("GATE203", PERFORMANCE, "No worse than what answers now", ask)

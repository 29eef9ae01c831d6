"""GATE304: what if a feature stops coming? Told for each, so that it is known before it happens which to watch."""

from __future__ import annotations

import numpy as np

from holdfast.checks.check import ROBUSTNESS, Answer, Check, failed, passed
from holdfast.checks.limits import Limits
from holdfast.checks.subject import Subject
from holdfast.contract.model import NULL_CODE
from holdfast.training.evaluate import evaluate


def ask(subject: Subject, limits: Limits) -> Answer:
    test, threshold = subject.split.test, subject.bundle.threshold.value

    def auc(rows: np.ndarray) -> float:
        said = subject.bundle.predict_matrix(rows)[1]
        return evaluate(test.y, said, threshold, resamplings=0, seed=0)["roc_auc"].value

    rows = subject.rows.X[test.index]
    whole, without = auc(rows), {}
    for at, feature in enumerate(subject.contract.features):
        lacking = rows.copy()
        lacking[:, at] = NULL_CODE if feature.expr.kind == "category" else np.nan
        without[feature.name] = auc(lacking)
    worst = min(without, key=without.__getitem__)
    lost = (whole - without[worst]) / max(whole - 0.5, 1e-9)
    why = f"without {worst} ROC-AUC falls from {whole:.3f} to {without[worst]:.3f}, without any other by less"
    evidence = {"whole": whole, "without": without, "lost": lost}
    if lost > limits.most_lost:
        return failed(why, f"watch {worst}, or train a version --without {worst} to fall back on", **evidence)
    return passed(why, **evidence)


CHECK = Check("GATE304", ROBUSTNESS, "No feature carries it alone", ask, "advised")

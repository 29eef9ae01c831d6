"""GATE302: is it as good in one stretch of the data as in another? Where it is not, a single test says little."""

from __future__ import annotations

from statistics import mean, stdev

from holdfast.checks.check import ROBUSTNESS, Answer, Check, failed, not_applicable, passed
from holdfast.checks.limits import Limits
from holdfast.checks.subject import Subject


def ask(subject: Subject, limits: Limits) -> Answer:
    folds = [float(fold["roc_auc"]) for fold in subject.bundle.manifest.training["validation"]["folds"]]
    if len(folds) < 2:
        return not_applicable("it was validated on one fold, which has no spread", "train with folds = 4")
    spread = stdev(folds)
    why = f"ROC-AUC {mean(folds):.3f} ± {spread:.3f} over {len(folds)} folds"
    if spread > limits.most_fold_spread:
        return failed(
            why, "find what differs between the folds: a season, a change of policy, too few rows", folds=folds
        )
    return passed(why, folds=folds)


CHECK = Check("GATE302", ROBUSTNESS, "As good in one fold as in another", ask)

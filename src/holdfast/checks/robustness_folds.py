"""GATE302: is it as good in one stretch of the data as in another? Where it is not, a single test says little.

A few folds tell a spread badly, so the limit is missed when the lower end of the spread's interval (95 %, by the
chi-square distribution) is beyond it.
"""

from __future__ import annotations

from statistics import mean, stdev

import numpy as np
from scipy.stats import chi2

from holdfast.checks.check import ROBUSTNESS, Answer, Check, failed, not_applicable, passed
from holdfast.checks.limits import Limits
from holdfast.checks.subject import Subject


def ask(subject: Subject, limits: Limits) -> Answer:
    folds = [float(fold["roc_auc"]) for fold in subject.bundle.manifest.training["validation"]["folds"]]
    if len(folds) < 2:
        return not_applicable("it was validated on one fold, which has no spread", "train with folds = 4")
    spread = stdev(folds)
    why = f"ROC-AUC {mean(folds):.3f} ± {spread:.3f} over {len(folds)} folds"
    least = spread * float(np.sqrt((len(folds) - 1) / chi2.ppf(0.975, len(folds) - 1)))
    evidence = {"folds": folds, "spread": spread, "spread_at_least": least}
    if least > limits.most_fold_spread:
        mend = "find what differs between the folds: a season, a change of policy, too few rows"
        return failed(f"{why}, a spread of {least:.3f} at least", mend, **evidence)
    return passed(why, **evidence)


CHECK = Check("GATE302", ROBUSTNESS, "As good in one fold as in another", ask)

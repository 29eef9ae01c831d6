"""GATE201: does it find what it is for, on rows it has not seen?

Accuracy is not asked: with one positive in a hundred a constant reaches .99. A limit is missed when the whole interval
lies below it, so that a small test part does not fail a good model by chance.
"""

from __future__ import annotations

from holdfast.checks.check import PERFORMANCE, Answer, Check, failed, passed
from holdfast.checks.limits import Limits
from holdfast.checks.subject import Subject
from holdfast.training.evaluate import confusion


def ask(subject: Subject, limits: Limits) -> Answer:
    test, said = subject.split.test, subject.test_probability
    threshold = subject.bundle.threshold.value
    found = subject.test_metrics
    evidence = {
        "rows": len(test),
        "metrics": {name: metric.as_dict() for name, metric in found.items()},
        "confusion": confusion(test.y, said, threshold).as_dict(),
        "threshold": threshold,
    }
    wanted = (("F1", found["f1"], limits.least_f1), ("ROC-AUC", found["roc_auc"], limits.least_auc))
    missed = [
        f"{name} is {metric.value:.3f} ({metric.low:.3f} to {metric.high:.3f}), {least:g} is wanted"
        for name, metric, least in wanted
        if (metric.high or 0.0) < least
    ]
    if missed:
        return failed("; ".join(missed), "better features, more history, or another threshold", **evidence)
    told = ", ".join(f"{name} {metric.value:.3f}" for name, metric, _ in wanted)
    return passed(f"{told} on {len(test):,} rows it has not seen", **evidence)


CHECK = Check("GATE201", PERFORMANCE, "Good enough on rows it has not seen", ask)

"""GATE301: has it learned the rule, or the rows? What it knows by heart does not help with the next one."""

from __future__ import annotations

from holdfast.checks.check import ROBUSTNESS, Answer, Check, failed, passed
from holdfast.checks.limits import Limits
from holdfast.checks.subject import Subject
from holdfast.training.evaluate import evaluate


def ask(subject: Subject, limits: Limits) -> Answer:
    threshold = subject.bundle.threshold.value
    auc = {
        name: evaluate(part.y, said, threshold, resamplings=0, seed=0)["roc_auc"].value
        for name, part, said in (
            ("train", subject.split.train, subject.train_probability),
            ("test", subject.split.test, subject.test_probability),
        )
    }
    gap = auc["train"] - auc["test"]
    why = f"ROC-AUC {auc['train']:.3f} on what it learned from, {auc['test']:.3f} on what it has not seen"
    if gap > limits.most_overfit:
        return failed(why, "fewer leaves, more rows for each, more regularisation, fewer features", gap=gap, auc=auc)
    return passed(why, gap=gap, auc=auc)


CHECK = Check("GATE301", ROBUSTNESS, "Has not learned its rows by heart", ask)

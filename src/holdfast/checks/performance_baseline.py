"""GATE202: is it better than the simple model it was trained beside, and than guessing?

Guessing must be beaten beyond doubt. Against the simple model it is enough not to be worse beyond doubt, and by more
than a hair: where the rule is simple the simple model is a little better, and the finding shows both.
"""

from __future__ import annotations

from holdfast.checks.check import PERFORMANCE, Answer, Check, failed, passed
from holdfast.checks.limits import Limits
from holdfast.checks.subject import Subject

MEASURES = ("roc_auc", "average_precision")
WORDS = {"roc_auc": "ROC-AUC", "average_precision": "average precision"}


def ask(subject: Subject, limits: Limits) -> Answer:
    record = subject.bundle.manifest.training
    simple, name = record["metrics"]["baseline"], record["baseline"]
    found = subject.test_metrics
    guessing = {"roc_auc": 0.5, "average_precision": float(subject.split.test.y.mean())}
    beside = {
        item: {"it": found[item].as_dict(), "baseline": simple[item]["value"], "guessing": guessing[item]}
        for item in MEASURES
    }
    evidence = {"baseline": name, "measures": beside, "rows": len(subject.split.test)}
    told = [
        f"{WORDS[item]} {found[item].value:.3f} ({found[item].low:.3f} to {found[item].high:.3f}) may be guessing, "
        f"which has {guessing[item]:.3f}"
        for item in MEASURES
        if (found[item].low or 0.0) <= guessing[item]
    ]
    auc, least = found["roc_auc"], simple["roc_auc"]["value"] - limits.most_below_baseline
    if (auc.high or 1.0) < least:
        told.append(
            f"ROC-AUC {auc.value:.3f} ({auc.low:.3f} to {auc.high:.3f}) is worse than {name}, "
            f"which has {simple['roc_auc']['value']:.3f}"
        )
    if told:
        return failed("; ".join(told), f"take {name}, or find out what the larger model learns by heart", **evidence)
    why = ", ".join(f"{WORDS[item]} {found[item].value:.3f} beside {simple[item]['value']:.3f}" for item in MEASURES)
    return passed(f"{why} of {name}", **evidence)


CHECK = Check("GATE202", PERFORMANCE, "Better than a simple model", ask)

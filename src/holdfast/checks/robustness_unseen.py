"""GATE306: what if a word comes that training never saw? Told for each category; where one turns many, it is good to
know before it comes."""

from __future__ import annotations

from holdfast.checks.check import ROBUSTNESS, Answer, Check, failed, passed
from holdfast.checks.limits import Limits
from holdfast.checks.quick import plain_sample
from holdfast.checks.subject import Subject
from holdfast.contract.model import UNKNOWN_CODE


def ask(subject: Subject, limits: Limits) -> Answer:
    places = [(at, item.name) for at, item in enumerate(subject.contract.features) if item.expr.kind == "category"]
    if not places:
        return passed("no feature is a category, so no word can be unseen", flipped={})
    threshold = subject.bundle.threshold.value
    rows = subject.rows.X[plain_sample(subject.split.test, subject.settings.seed).index]
    before = subject.bundle.predict_matrix(rows)[1] >= threshold
    flipped = {}
    for at, name in places:
        moved = rows.copy()
        moved[:, at] = UNKNOWN_CODE
        flipped[name] = float(((subject.bundle.predict_matrix(moved)[1] >= threshold) != before).mean())
    worst = max(flipped, key=flipped.__getitem__)
    why = f"an unseen {worst} changes {flipped[worst]:.1%} of the decisions, an unseen word elsewhere fewer"
    evidence = {"flipped": flipped, "rows": len(rows)}
    if flipped[worst] > limits.most_unseen_flipped:
        mend = f"on_unknown='refuse' for {worst}, or declare its new words and train with rows that have them"
        return failed(why, mend, **evidence)
    return passed(why, **evidence)


CHECK = Check("GATE306", ROBUSTNESS, "An unseen word turns few decisions", ask, "advised")

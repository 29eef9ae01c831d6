"""GATE601: does the explanation account for the whole score, and does every refusal have a reason?

Contributions and what they start from are added up and held against the score, within what the method promises.
"""

from __future__ import annotations

import math

import numpy as np

from holdfast.checks.check import EXPLAINABILITY, Answer, Check, failed, passed
from holdfast.checks.limits import Limits
from holdfast.checks.subject import Subject
from holdfast.explain.reasons import MOST, reasoner

ROWS = 300
SHOWN = 5


def ask(subject: Subject, limits: Limits) -> Answer:
    bundle = subject.bundle
    index = subject.split.test.index
    index = index[np.unique(np.linspace(0, len(index) - 1, ROWS).astype(np.int64))]
    rows = subject.rows.X[index].tolist()
    probability = bundle.predict_matrix(subject.rows.X[index])[1]
    off, short, without, many = 0.0, [], [], 0
    refused = 0
    for row, said, name in zip(rows, probability, subject.rows.ids[index], strict=True):
        parts, score = bundle.predictor.contributions(row), bundle.predict(row)[0]
        apart = abs(bundle.base_value + math.fsum(parts) - score) / (1.0 + math.fsum(map(abs, parts)))
        off = max(off, apart)
        if len(parts) != len(bundle.features) or not apart <= bundle.predictor.tolerance:
            short.append(str(name))
        if said >= bundle.threshold.value:
            refused += 1
            reasons = reasoner(bundle).because(row, positive=True).reasons
            many = max(many, len(reasons))
            if not reasons:
                without.append(str(name))
    evidence = {
        "rows": len(rows),
        "method": bundle.explained_by,
        "farthest": off,
        "promised": bundle.predictor.tolerance,
        "refusals": refused,
        "reasons_at_most": many,
        "not_adding_up": short[:SHOWN],
        "without_reason": without[:SHOWN],
        "reference": None if bundle.reference is None else bundle.reference.population,
    }
    wrong = []
    if short:
        wrong.append(f"{len(short)} of {len(rows)} explanations do not add up to the score (farthest {off:.2g})")
    if without:
        wrong.append(f"{len(without)} of {refused} refusals have no reason")
    if many > MOST:
        wrong.append(f"a refusal has {many} reasons")
    if wrong:
        return failed("; ".join(wrong), "pack the model again; if that does not help, tell us", **evidence)
    return passed(
        f"{len(rows)} explanations by {bundle.explained_by} add up to the score (farthest {off:.1g}), "
        f"and {refused} refusals have their reasons",
        **evidence,
    )


CHECK = Check("GATE601", EXPLAINABILITY, "Explanations account for the score", ask)

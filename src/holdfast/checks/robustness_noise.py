"""GATE303: does a tiny change of what came in change the decision? A sensor's last digit must not decide.

Every number moves by up to a hundredth of the span between its quartiles, at random, up or down.
"""

from __future__ import annotations

import numpy as np

from holdfast.checks.check import ROBUSTNESS, Answer, Check, failed, passed
from holdfast.checks.limits import Limits
from holdfast.checks.subject import Subject

STEP = 0.01
"""Of the span between a feature's quartiles."""


def ask(subject: Subject, limits: Limits) -> Answer:
    rows, threshold = subject.rows.X[subject.split.test.index], subject.bundle.threshold.value
    chance = np.random.default_rng(subject.settings.seed)
    moved = rows.copy()
    for at, feature in enumerate(subject.contract.features):
        if feature.expr.kind == "number":
            low, high = np.nanquantile(rows[:, at], (0.25, 0.75)) if np.isfinite(rows[:, at]).any() else (0.0, 0.0)
            moved[:, at] += chance.uniform(-STEP, STEP, len(rows)) * (high - low)
    before, after = subject.test_probability, subject.bundle.predict_matrix(moved)[1]
    flipped = float(((before >= threshold) != (after >= threshold)).mean())
    evidence = {"flipped": flipped, "moved": float(np.abs(after - before).mean()), "step": STEP, "rows": len(rows)}
    why = f"{flipped:.2%} of the decisions change when each number moves by a hundredth of its usual span"
    if flipped > limits.most_flipped:
        return failed(why, "fewer leaves, monotone constraints, or round what comes in", **evidence)
    return passed(why, **evidence)


CHECK = Check("GATE303", ROBUSTNESS, "A last digit does not decide", ask)

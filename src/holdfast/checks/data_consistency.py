"""GATE108: do training rows, test rows and the contract speak of the same world?

A test on rows of another world says nothing of the model, and a model of another world nothing of the test. What chance
may do is taken off first; a season or a trend is no chance, and is told. Rows from before a window was full are left
out: history has a beginning, and live has none.
"""

from __future__ import annotations

import numpy as np

from holdfast.checks.check import DATA, Answer, Check, failed, passed
from holdfast.checks.limits import Limits
from holdfast.checks.shift import shift
from holdfast.checks.subject import Subject
from holdfast.contract.model import FIRST_CODE, Feature
from holdfast.intervals import share
from holdfast.training.rows import Floats

LEAST = 100
"""Training rows with a full window, for a feature to be judged."""
JUMP = 0.1
"""Difference in the share that is missing, beyond which something broke."""


def ask(subject: Subject, limits: Limits) -> Answer:
    X, made, times = subject.rows.X, subject.split, subject.rows.times
    learned, judged = X[made.train.index], X[made.test.index]
    age, later = times[made.train.index] - times[0], times[made.test.index] - times[0]
    told, shifts, unseen, unjudged = [], {}, {}, []
    for at, feature in enumerate(subject.contract.features):
        name, category = feature.name, feature.expr.kind == "category"
        then, now = learned[:, at], judged[:, at]
        filled = subject.contract.filled_after(feature)
        full, now = age >= filled, now[later >= filled]
        if full.sum() < LEAST or not len(now):
            unjudged.append(name)
            continue
        found = shifts[name] = shift(then[full], now, category=category)
        if found.beyond > limits.most_shift:
            told.append(f"{name} is distributed otherwise in the test rows (index {found.value:.2f})")
        old, new = found.missing
        if abs(new - old) > JUMP and found.beyond > 0:
            told.append(f"{name} is missing in {old:.1%} of the training rows and {new:.1%} of the test rows")
        if category:
            strange = ~np.isin(now, np.unique(then)) & (now >= FIRST_CODE)
            part = unseen[name] = share(int(strange.sum()), len(now))
            if part.low > limits.most_unseen:
                words = ", ".join(_words(subject, feature, now[strange])[:3])
                told.append(f"{part.value:.1%} of the test rows have a {name} no training row has: {words}")
        outside = _outside(feature, X[:, at])
        if outside:
            told.append(f"{outside:,} rows have a {name} outside of what the contract promises")
    evidence = {
        "shift": {name: item.as_dict() for name, item in shifts.items()},
        "unseen": {name: item.as_dict() for name, item in unseen.items()},
        "never_full": unjudged,
        "rows": {"train": len(learned), "test": len(judged)},
    }
    if told:
        mend = "find what changed between them: a source, a code, a policy; or train on the time after it (train_days)"
        return failed("; ".join(told), mend, **evidence)
    worst = max(shifts, key=lambda name: shifts[name].value, default="")
    if not worst:
        return passed("no window was ever full in training: there is nothing to compare yet", **evidence)
    return passed(
        f"nothing differs by more than chance allows, {worst} most (index {shifts[worst].value:.3f})", **evidence
    )


def _words(subject: Subject, feature: Feature, codes: Floats) -> list[str]:
    names: dict[str, tuple[str, ...]] = {item.name: item.values for item in subject.contract.deciding.fields}
    words = names.get(feature.expr["name"], ()) if feature.expr.op == "field" else ()
    found = np.unique(codes.astype(np.int64) - FIRST_CODE).tolist()
    return [words[code] if code < len(words) else f"code {code + FIRST_CODE}" for code in found]


def _outside(feature: Feature, values: Floats) -> int:
    with np.errstate(invalid="ignore"):
        low = 0 if feature.at_least is None else int((values < feature.at_least).sum())
        high = 0 if feature.at_most is None else int((values > feature.at_most).sum())
    return low + high


CHECK = Check("GATE108", DATA, "Training, test and contract speak of the same", ask)

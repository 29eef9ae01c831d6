"""GATE305: does it answer with a probability whatever may come: nothing at all, numbers far off, unseen categories?"""

from __future__ import annotations

import numpy as np

from holdfast.checks.check import ROBUSTNESS, Answer, Check, failed, passed
from holdfast.checks.limits import Limits
from holdfast.checks.subject import Subject
from holdfast.contract.model import NULL_CODE, UNKNOWN_CODE
from holdfast.training.rows import Floats

FAR = 1e12
"""Farther than any declared range, and than any window's sum is likely to come."""


def ask(subject: Subject, limits: Limits) -> Answer:
    rows = _extremes(subject)
    said = {name: float(subject.bundle.predict_matrix(row[np.newaxis])[1][0]) for name, row in rows.items()}
    wrong = [name for name, value in said.items() if not 0.0 <= value <= 1.0]  # NaN is neither
    alone = {name: subject.bundle.predict(row.tolist())[1] for name, row in rows.items()}
    differ = [name for name in rows if alone[name] != said[name] and name not in wrong]
    evidence = {"probability": {name: value if value == value else None for name, value in said.items()}}
    if wrong or differ:
        told = [f"{name} is answered with {said[name]}" for name in wrong]
        told += [f"{name} is answered with {alone[name]} alone and {said[name]} among others" for name in differ]
        return failed("; ".join(told), "train with another family, or narrow the contract's ranges", **evidence)
    return passed(f"{len(rows)} rows at the ends of what may come are answered with a probability", **evidence)


def _extremes(subject: Subject) -> dict[str, Floats]:
    """Rows by what is extreme about them."""
    usual = subject.rows.X[subject.split.train.index[0]]
    kinds = [feature.expr.kind for feature in subject.contract.features]
    category = np.array([kind == "category" for kind in kinds])
    found = {
        "nothing at all": np.where(category, float(NULL_CODE), np.nan),
        "only unseen categories": np.where(category, float(UNKNOWN_CODE), usual),
        "zero everywhere": np.where(category, usual, 0.0),
    }
    for sign, word in ((1.0, "largest"), (-1.0, "smallest")):
        found[f"the {word} of all numbers"] = np.where(category, usual, sign * FAR)
    for at, name in enumerate(subject.rows.names):
        for value in (float(NULL_CODE), float(UNKNOWN_CODE)) if category[at] else (FAR, -FAR, np.nan):
            row = usual.copy()
            row[at] = value
            found[f"{name} = {value:g}"] = row
    return found


CHECK = Check("GATE305", ROBUSTNESS, "Whatever may come is answered", ask)

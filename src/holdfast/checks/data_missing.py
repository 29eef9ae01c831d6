"""GATE102: does every feature say something? One that is mostly missing, or always the same, says nothing."""

from __future__ import annotations

import numpy as np

from holdfast.checks.check import DATA, Answer, Check, failed, passed
from holdfast.checks.limits import Limits
from holdfast.checks.subject import Subject
from holdfast.contract.model import NULL_CODE

SHOWN = 5
"""Features named, the worst first; the rest are counted, and all are in the evidence."""


def ask(subject: Subject, limits: Limits) -> Answer:
    learned = subject.rows.X[subject.split.train.index]
    kinds = {feature.name: feature.expr.kind for feature in subject.contract.features}
    missing, constant = {}, []
    for at, name in enumerate(subject.rows.names):
        values = learned[:, at]
        gone = values == NULL_CODE if kinds[name] == "category" else np.isnan(values)
        missing[name] = float(gone.mean())
        there = values[~gone]
        if len(there) and (there == there[0]).all() and not gone.any():
            constant.append(name)
    lacking = sorted((n for n, share in missing.items() if share > limits.most_missing), key=lambda n: -missing[n])
    evidence = {"missing_share": missing, "constant": constant}
    if lacking or constant:
        told = [f"{name} is missing in {missing[name]:.1%}" for name in lacking]
        told += [f"{name} is always the same" for name in constant]
        more = f"; and {len(told) - SHOWN} more" if len(told) > SHOWN else ""
        return failed("; ".join(told[:SHOWN]) + more, "mend its source, or train --without it", **evidence)
    most = max(missing, key=missing.__getitem__)
    return passed(f"missing most often: {most}, in {missing[most]:.1%}; none is constant", **evidence)


CHECK = Check("GATE102", DATA, "Features are there, and vary", ask)

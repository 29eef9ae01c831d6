"""GATE104: do equal rows have equal labels? Where they do not, one of the labels is wrong or a feature is lacking."""

from __future__ import annotations

import numpy as np

from holdfast.checks.check import DATA, Answer, Check, failed, passed
from holdfast.checks.limits import Limits
from holdfast.checks.subject import Subject

SHOWN = 10


def ask(subject: Subject, limits: Limits) -> Answer:
    known = np.flatnonzero(subject.rows.y >= 0)
    rows, y = subject.rows.X[known], subject.rows.y[known]
    # Bytes, so that null is equal to null.
    keys = np.ascontiguousarray(rows + 0.0).view(np.dtype((np.void, rows.shape[1] * 8))).ravel()
    _, group = np.unique(keys, return_inverse=True)
    size, positive = np.bincount(group), np.bincount(group, weights=y)
    mixed = (positive > 0) & (positive < size)
    conflicting, repeated = int(size[mixed].sum()), int(size[size > 1].sum())
    share = conflicting / max(1, len(y))
    examples = [str(item) for item in subject.rows.ids[known][mixed[group]][:SHOWN]]
    evidence = {"conflicting": conflicting, "share": share, "in_equal_rows": repeated, "examples": examples}
    if share > limits.most_conflicting:
        why = f"{conflicting:,} rows ({share:.2%}) have another row's features and not its label"
        return failed(why, "look at the examples: a wrong label, or a feature that would tell them apart", **evidence)
    return passed(f"{conflicting:,} rows ({share:.2%}) have another row's features and not its label", **evidence)


CHECK = Check("GATE104", DATA, "Equal rows have equal labels", ask)

"""GATE104: do equal records have equal labels? Where they do not, one of the labels is wrong, or a field is lacking.

Equal are records that tell nothing apart but their id, their time and their label. Rows that only share their features
are another matter: a model with few of them cannot know better, and its metrics say so.
"""

from __future__ import annotations

import numpy as np

from holdfast.checks.check import DATA, Answer, Check, failed, passed
from holdfast.checks.equal_rows import records, shares
from holdfast.checks.limits import Limits
from holdfast.checks.subject import Subject
from holdfast.intervals import share

SHOWN = 10


def ask(subject: Subject, limits: Limits) -> Answer:
    keys, of_what = records(subject)
    known = np.flatnonzero(subject.rows.y >= 0)
    y = subject.rows.y[known]
    group, size = shares(keys[known])
    positive = np.bincount(group, weights=y)
    mixed = (positive > 0) & (positive < size)
    conflicting, repeated = int(size[mixed].sum()), int(size[size > 1].sum())
    found = share(conflicting, len(y))
    examples = [str(item) for item in subject.rows.ids[known][mixed[group]][:SHOWN]]
    evidence = {
        "compared": of_what,
        "conflicting": conflicting,
        "share": found.as_dict(),
        "in_equal_rows": repeated,
        "examples": examples,
    }
    why = f"{conflicting:,} {of_what} ({found.value:.2%}) are another's equals, and have not its label"
    if found.low > limits.most_conflicting:
        return failed(why, "look at the examples: a wrong label, or a field that would tell them apart", **evidence)
    return passed(why, **evidence)


CHECK = Check("GATE104", DATA, "Equal records have equal labels", ask)

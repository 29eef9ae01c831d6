"""GATE111: is anybody under-represented, or described otherwise, in the data itself?

What the history says of protected groups is not the model's doing, and the model learns it. A group of few rows is
judged by others' rows; a label that is far rarer in one group may be the world, or how it was recorded. Both are told
and stop nobody; GATE701 asks how the decisions fare.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from holdfast.checks.check import DATA, Answer, Check, failed, passed
from holdfast.checks.groups import groupings
from holdfast.checks.limits import Limits
from holdfast.checks.subject import Subject
from holdfast.intervals import Interval, share

SHOWN = 3
"""Groups of too few rows named of each field, the fewest first; the rest are counted, and all are in the evidence."""


def ask(subject: Subject, limits: Limits) -> Answer:
    found = groupings(subject, limits)
    if not found:
        return passed("no field is named as protected, so the data has no groups to look at: GATE701 asks for them")
    train = subject.split.train
    told, lacking, groups = list[str](), list[str](), {}
    for grouping in (item for item in found if len(item.fields) == 1):
        code = grouping.code[train.index]
        there = {
            word: (int((code == at).sum()), int(train.y[code == at].sum())) for at, word in enumerate(grouping.words)
        }
        seen = {word: share(positives, rows) for word, (rows, positives) in there.items() if rows}
        groups[grouping.name] = [
            {"group": word, "rows": there[word][0], "share": there[word][0] / len(train), "positive": item.as_dict()}
            for word, item in seen.items()
        ]
        few = sorted((there[word][0], word) for word in seen if there[word][0] < limits.least_group_rows)
        lacking += [
            f"{grouping.name} {word} has {rows} training rows, and {limits.least_group_rows} are wanted"
            for rows, word in few[:SHOWN]
        ]
        if len(few) > SHOWN:
            lacking.append(f"{len(few) - SHOWN} more groups of {grouping.name} have too few")
        told += _apart(grouping.name, {word: item for word, item in seen.items()
                                       if there[word][0] >= limits.least_group_rows}, limits)  # fmt: skip
    evidence: dict[str, Any] = {"groups": groups, "rows": len(train), "positive": float(np.mean(train.y))}
    if told + lacking:
        mend = "ask whoever records it why; collect more of the few; see in GATE701 how the decisions fare"
        return failed("; ".join(told + lacking), mend, **evidence)
    return passed(f"{', '.join(groups)}: every group is there, and its labels are about as often positive", **evidence)


def _apart(name: str, seen: dict[str, Interval], limits: Limits) -> list[str]:
    """The rarest against the most frequent, where their whole intervals are further apart than the limit."""
    if len(seen) < 2:
        return []
    low = min(seen, key=lambda word: seen[word].value)
    high = max(seen, key=lambda word: seen[word].value)
    if seen[low].high >= limits.least_impact_ratio * seen[high].low:
        return []
    return [f"{name}: {seen[low].value:.1%} of {low} are positive, and {seen[high].value:.1%} of {high}"]


CHECK = Check("GATE111", DATA, "Who is in the data, and how they are described", ask, "advised")

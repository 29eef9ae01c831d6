"""GATE103: does a row count twice? Copies among the test rows are known by heart, copies anywhere weigh too much.

A copy is a record that equals another in all but its id: in every declared field, its time, and its label. A few are
told and stop nobody, for two people may well be alike. Where every record has a time of its own nothing is alike by
chance, and few copies are enough.
"""

from __future__ import annotations

import numpy as np

from holdfast.checks.check import DATA, Answer, Check, failed, passed
from holdfast.checks.equal_rows import records, shares
from holdfast.checks.limits import Limits
from holdfast.checks.subject import Subject
from holdfast.intervals import share

SHOWN = 100
TOLD = 0.5
"""Times tell records apart when at least so many rows in one have a time of their own."""


def ask(subject: Subject, limits: Limits) -> Answer:
    rows = subject.rows
    found, of_what = records(subject, rows.times, rows.y)
    group, size = shares(found)
    again = int((size - 1).sum())
    repeated = share(again, len(rows))
    _, first = np.unique(group, return_index=True)
    copies = np.flatnonzero(size[group] > 1)
    apart = len(np.unique(rows.times)) >= TOLD * len(rows)

    test, learned = subject.split.test, found[subject.split.train.index]
    known = np.isin(found[test.index], learned)
    seen = {name: share(int(known[test.y == y].sum()), int((test.y == y).sum())) for y, name in enumerate(CLASSES)}
    examples = [
        {"id": str(rows.ids[at]), "repeats": str(rows.ids[first[group[at]]])}
        for at in copies[copies != first[group[copies]]][:SHOWN]
    ]
    evidence = {
        "compared": of_what,
        "repeats": again,
        "share": repeated.as_dict(),
        "test_rows_learned_from": {name: item.as_dict() for name, item in seen.items()},
        "times_tell_apart": apart,
        "examples": examples,
    }
    told = [
        f"{item.value:.1%} of the {name} test rows are copies of rows it learned from"
        for name, item in seen.items()
        if item.low > limits.most_shared
    ]
    if apart and repeated.low > limits.most_repeated:
        told.append(f"{again:,} records ({repeated.value:.2%}) repeat another at the very same time")
    which = ", ".join(f"{item['id']} repeats {item['repeats']}" for item in examples[:3])
    if told:
        mend = "keep one of each before anything is split or weighed; a class is made heavier by imbalance = weights"
        return failed(f"{'; '.join(told)}: {which}", mend, **evidence)
    return passed(f"{again:,} {of_what} repeat another" + (f": {which}" if which else ""), **evidence)


CLASSES = ("negative", "positive")
CHECK = Check("GATE103", DATA, "No row counts twice", ask)

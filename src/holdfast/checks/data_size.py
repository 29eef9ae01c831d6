"""GATE101: are there enough rows, and enough of both classes, for anything measured on them to mean something?"""

from __future__ import annotations

from holdfast.checks.check import DATA, Answer, Check, failed, passed
from holdfast.checks.limits import Limits
from holdfast.checks.subject import Subject


def ask(subject: Subject, limits: Limits) -> Answer:
    known = subject.rows.y >= 0
    rows, positives = int(known.sum()), int((subject.rows.y == 1).sum())
    share = positives / rows if rows else 0.0
    evidence = {"rows": rows, "positives": positives, "positive_share": share, "without_label": int((~known).sum())}
    if rows < limits.least_rows:
        why = f"{rows:,} rows have a label, {limits.least_rows:,} are wanted"
        return failed(why, "collect more history, or wait until more labels are known", **evidence)
    if not limits.least_positive_share <= share <= limits.most_positive_share:
        why = (
            f"{share:.3%} of the rows are positive, between {limits.least_positive_share:.3%} and "
            f"{limits.most_positive_share:.3%} is wanted"
        )
        return failed(why, "look at how the label is made, and at which rows are in the history", **evidence)
    return passed(f"{rows:,} rows with a label, {share:.3%} of them positive", **evidence)


CHECK = Check("GATE101", DATA, "Enough rows of both classes", ask)

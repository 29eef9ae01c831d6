"""GATE205: is it good for everybody, and all the time? The worst segment and the worst slice of time, with intervals.

Segments are the words of each category among the features, and true and false of each boolean; slices are up to six
stretches of the test time with as many rows each. Intervals are wider the more there are to find a bad one among.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.checks.check import PERFORMANCE, Answer, Check, failed, passed
from holdfast.checks.limits import Limits
from holdfast.checks.subject import Subject
from holdfast.contract.model import FIRST_CODE, NULL_CODE, UNKNOWN_CODE
from holdfast.intervals import roc_auc

SLICES = 6
LEAST = 15
"""Positives, and negatives, for a segment to be judged."""
MOST_WORDS = 50


def ask(subject: Subject, limits: Limits) -> Answer:
    test, said = subject.split.test, subject.test_probability
    parts = [
        (what, inside)
        for what, inside in (*_segments(subject), *_slices(subject))
        if min(int((test.y[inside] == 1).sum()), int((test.y[inside] == 0).sum())) >= LEAST
    ]
    if not parts:
        return passed("no segment has enough rows of both classes to be judged apart", segments=[])
    level = 1 - 0.05 / len(parts)
    found: list[dict[str, Any]] = [
        {
            "segment": what,
            "rows": int(inside.sum()),
            "positives": int(test.y[inside].sum()),
            "decided_positive": float((said[inside] >= subject.bundle.threshold.value).mean()),
            "roc_auc": roc_auc(test.y[inside] == 1, said[inside], level).as_dict(),
        }
        for what, inside in parts
    ]
    found.sort(key=lambda item: item["roc_auc"]["value"])
    evidence: dict[str, Any] = {"segments": found, "level": level}
    told = [_told(item) for item in found if item["roc_auc"]["high"] < limits.least_segment_auc]
    if told:
        mend = "train a model of its own for them, find the feature that tells them apart, or leave them to people"
        return failed(f"no better than guessing for {'; '.join(told)}", mend, **evidence)
    return passed(f"worst of {len(found)} segments and slices of time: {_told(found[0])}", **evidence)


def _told(item: dict[str, Any]) -> str:
    auc = item["roc_auc"]
    return f"{item['segment']}, ROC-AUC {auc['value']:.3f} ({auc['low']:.3f} to {auc['high']:.3f})"


def _segments(subject: Subject) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    rows = subject.rows.X[subject.split.test.index]
    fields = {item.name: item.values for item in subject.bundle.contract.deciding.fields}
    for at, feature in enumerate(subject.contract.features):
        kind = feature.expr.kind
        if kind not in ("category", "boolean"):
            continue
        words = fields.get(str(feature.expr["name"]), ()) if feature.expr.op == "field" else ()
        values = rows[:, at]
        codes = np.unique(values[~np.isnan(values)]).astype(int).tolist()
        for code in codes if len(codes) <= MOST_WORDS else ():
            yield f"{feature.name} = {_word(kind, code, words)}", values == code


def _word(kind: str, code: int, words: tuple[str, ...]) -> str:
    if kind == "boolean":
        return "true" if code else "false"
    special = {NULL_CODE: "(null)", UNKNOWN_CODE: "(unknown)"}
    return special.get(code) or (words[code - FIRST_CODE] if code - FIRST_CODE < len(words) else f"code {code}")


def _slices(subject: Subject) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    from holdfast.contract.values import timestamp_text

    times = subject.rows.times[subject.split.test.index]
    edges = np.unique(np.quantile(times, np.linspace(0, 1, SLICES + 1), method="inverted_cdf"))
    for begin, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        inside = (times >= begin) & ((times < end) | (end == edges[-1]))
        yield f"from {timestamp_text(int(begin))[:10]} to {timestamp_text(int(end))[:10]}", inside


CHECK = Check("GATE205", PERFORMANCE, "Good for everybody, and all the time", ask)

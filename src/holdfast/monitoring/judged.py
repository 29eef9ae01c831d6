"""Decisions and what became of them, as columns: what every watch of outcomes looks at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from holdfast.contract.model import FIRST_CODE, NULL_CODE, UNKNOWN_CODE, Contract, Label

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]

UNSETTLED = -1
MOST_WORDS = 50
"""Different words of a feature, at most, for it to make segments."""


@dataclass(frozen=True)
class Groups:
    """Who is in which group of a field: `code` gives each row its place in `words`, or −1 where it is not known."""

    words: tuple[str, ...]
    code: Integers


@dataclass(frozen=True)
class Judged:
    """Decisions in order of event time, each with its truth as far as it is settled at the instant of the look.

    `truth` is 1, 0 or −1 (not settled yet). `arrived` is when its outcome came, in event time (µs UTC); 0 where none
    came: a truth that is settled all the same became so at the label's deadline. `X` is (rows, features), null is NaN.
    """

    times: Integers
    probability: Floats
    decided: Mask
    truth: NDArray[np.int8]
    arrived: Integers
    X: Floats
    names: tuple[str, ...] = ()
    groups: Mapping[str, Groups] = field(default_factory=dict)
    """By protected field."""
    segments: Mapping[str, Groups] = field(default_factory=dict)
    """By feature that is a category or yes and no."""

    def __len__(self) -> int:
        return len(self.times)

    def take(self, inside: Mask | Integers) -> Judged:
        def some(given: Mapping[str, Groups]) -> dict[str, Groups]:
            return {name: Groups(item.words, item.code[inside]) for name, item in given.items()}

        return replace(
            self, times=self.times[inside], probability=self.probability[inside], decided=self.decided[inside],
            truth=self.truth[inside], arrived=self.arrived[inside], X=self.X[inside],
            groups=some(self.groups), segments=some(self.segments),
        )  # fmt: skip

    def between(self, start: int, end: int) -> Judged:
        """Those of [start, end) in event time."""
        low, high = np.searchsorted(self.times, [start, end], side="left").tolist()
        return self.take(np.arange(low, high, dtype=np.int64))

    @property
    def settled(self) -> Judged:
        """Those whose truth is known."""
        return self.take(self.truth != UNSETTLED)


def truth_at(now: int, label: Label, times: Integers, value: NDArray[np.int8], arrived: Integers) -> NDArray[np.int8]:
    """1, 0 or −1 (not settled) of each decision at `now`, by the outcome that arrived (`value` −1: none did)."""
    visible = (value >= 0) & (np.maximum(arrived, times + label.known_after) <= now)
    truth = np.where(visible, value, UNSETTLED).astype(np.int8)
    if label.absent is not None and label.final_after is not None:
        truth[~visible & (times + label.final_after <= now)] = int(label.absent)
    return truth


def segments_of(contract: Contract, X: Floats) -> dict[str, Groups]:
    """The words of each category among the features, and true and false of each yes and no."""
    fields = {item.name: item.values for item in contract.deciding.fields}
    found: dict[str, Groups] = {}
    for at, feature in enumerate(contract.features):
        kind = feature.expr.kind
        if kind not in ("category", "boolean") or not len(X):
            continue
        words = fields.get(str(feature.expr["name"]), ()) if feature.expr.op == "field" else ()
        values = X[:, at]
        codes = np.unique(values[~np.isnan(values)]).astype(np.int64)
        if len(codes) > MOST_WORDS:
            continue
        place = np.searchsorted(codes, np.nan_to_num(values, nan=-1.0)).clip(0, max(0, len(codes) - 1))
        code = np.where(np.isnan(values), -1, place).astype(np.int64)
        found[feature.name] = Groups(tuple(word_of(kind, item, words) for item in codes.tolist()), code)
    return found


def word_of(kind: str, code: int, words: tuple[str, ...]) -> str:
    """How a code of a feature is told to people."""
    if kind == "boolean":
        return "true" if code else "false"
    special = {NULL_CODE: "(null)", UNKNOWN_CODE: "(unknown)"}
    return special.get(code) or (words[code - FIRST_CODE] if code - FIRST_CODE < len(words) else f"code {code}")

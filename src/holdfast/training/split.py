"""Who learns and who judges: by time with the label's delay between, or by a keyed hash of the id.

Nothing here draws random numbers and nothing depends on the order of rows: the same ids and times give the same split.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.contract.model import DAY, Label
from holdfast.errors import HoldfastError
from holdfast.training.rows import Floats, Index, Rows
from holdfast.training.settings import TrainingSettings

Labels = NDArray[np.int8]


@dataclass(frozen=True)
class Part:
    """Rows (by position) and their labels as they were known when the part would have been used."""

    index: Index
    y: Labels

    def __len__(self) -> int:
        return len(self.index)

    @property
    def positives(self) -> int:
        return int(self.y.sum())

    @property
    def both_classes(self) -> bool:
        return 0 < self.positives < len(self)


@dataclass(frozen=True)
class Fold:
    train: Part
    validation: Part


@dataclass(frozen=True)
class Split:
    train: Part
    test: Part
    folds: tuple[Fold, ...]
    record: dict[str, Any] = field(default_factory=dict)
    """How the split was made, as JSON: bounds in µs UTC, counts, what was left out and why."""


def labels_at(rows: Rows, label: Label, instant: int) -> Labels:
    """Labels as a trainer at `instant` saw them; −1 where there was none yet.

    An outcome that arrived after the deadline for absence was a negative until then, and is one here.
    """
    y = rows.y.copy()
    late = rows.known > instant
    y[late] = -1
    if label.absent is not None and label.final_after is not None:
        final = late & (rows.times + label.final_after <= instant)
        y[final] = int(label.absent)
    return y


def split(rows: Rows, label: Label, settings: TrainingSettings) -> Split:
    """Raise HoldfastError when a part is empty or knows only one class."""
    made = _by_time(rows, label, settings) if settings.split == "time" else _by_hash(rows, settings)
    for name, part in (("training", made.train), ("test", made.test)):
        if not part.both_classes:
            raise HoldfastError(
                f"the {name} part holds {len(part)} rows, {part.positives} of them positive: one class only",
                where="training split",
                mend=_mend(rows, made.record),
            )
    if not made.folds:
        raise HoldfastError(
            "no fold has both classes in its training and its validation part",
            where="training split",
            mend="fewer folds, shorter validation_days, or more history. " + _mend(rows, made.record),
        )
    return made


def _mend(rows: Rows, record: dict[str, Any]) -> str:
    if len(rows) == 0:
        return "give rows with labels"
    days = (int(rows.times[-1]) - int(rows.times[0])) / DAY
    delay = f", the label's delay is {record['delay'] / DAY:g} days" if "delay" in record else ""
    return f"the rows span {days:.1f} days{delay}: shorten test_days or train_days, or give more history"


def _by_time(rows: Rows, label: Label, settings: TrainingSettings) -> Split:
    settled = label.settled_after
    delay = settled if settings.delay_days is None else _microseconds(settings.delay_days)
    if delay < settled:
        raise HoldfastError(
            f"a delay of {delay / DAY:g} days is shorter than the {settled / DAY:g} days a label needs to settle",
            where="training split",
            mend="leave delay_days out, or change known_after and final_after in the contract",
        )
    if len(rows) == 0:
        raise HoldfastError("there are no rows", where="training split", mend="give rows with labels")
    first = int(rows.times[0])
    end = settings.test_end if settings.test_end is not None else _settled_end(rows, delay)
    length = _microseconds(settings.test_days) if settings.test_days else int((end - first) * settings.test_share)
    start = end - length
    span = _microseconds(settings.train_days) if settings.train_days else None
    record: dict[str, Any] = {"rule": "time", "delay": delay, "test": [start, end]}

    train, bounds = _window(rows, label, start - delay, span, known=start)
    record["train"] = bounds
    test = _part(rows, rows.y, start, end)
    if settings.validation == "stratified":
        folds = _stratified(rows, train, settings)
    else:
        folds, record["folds"] = _prequential(rows, label, settings, start, delay, length, span)
    unlabelled = int((rows.y[_between(rows, start, end)] < 0).sum())
    record |= _counts(train, test) | {"test_rows_without_label": unlabelled}
    return Split(train, test, folds, record)


def _settled_end(rows: Rows, delay: int) -> int:
    """The last instant before which every label had time to settle, by what the rows themselves show."""
    last = int(rows.times[-1]) + 1
    known = rows.known[rows.y >= 0]
    seen = max(last, int(known.max()) + 1) if len(known) else last
    settled = min(last, seen - delay)
    tail = rows.y[_between(rows, settled, last)]
    # A file in which every recent row has its label has nothing left to wait for.
    return last if bool((tail >= 0).all()) else settled


def _prequential(
    rows: Rows, label: Label, settings: TrainingSettings, start: int, delay: int, length: int, span: int | None
) -> tuple[tuple[Fold, ...], list[dict[str, Any]]]:
    """Folds that step back in time from the test window, each with the same delay; the latest first."""
    end = start - delay
    if settings.validation_days:
        width = _microseconds(settings.validation_days)
    else:
        room = (end - int(rows.times[0]) - delay) // (settings.folds + 1)
        width = length if span is not None else max(min(length, room), 1)
    final = labels_at(rows, label, start)
    folds, record = [], []
    for k in range(settings.folds):
        begin = end - (k + 1) * width
        train, bounds = _window(rows, label, begin - delay, span, known=begin)
        validation = _part(rows, final, begin, begin + width)
        if train.both_classes and validation.both_classes:
            folds.append(Fold(train, validation))
            record.append({"train": bounds, "validation": [begin, begin + width], **_counts(train, validation)})
    return tuple(folds), record


def _window(rows: Rows, label: Label, end: int, span: int | None, *, known: int) -> tuple[Part, list[int]]:
    begin = end - span if span is not None else int(rows.times[0])
    return _part(rows, labels_at(rows, label, known), begin, end), [begin, end]


def _part(rows: Rows, y: Labels, begin: int, end: int) -> Part:
    index = _between(rows, begin, end)
    index = index[y[index] >= 0]
    return Part(index, y[index])


def _between(rows: Rows, begin: int, end: int) -> Index:
    low, high = np.searchsorted(rows.times, [begin, end], side="left")
    return np.arange(low, max(low, high), dtype=np.intp)


def _by_hash(rows: Rows, settings: TrainingSettings) -> Split:
    known = np.flatnonzero(rows.y >= 0)
    dealt = hashed(rows.ids[known], settings.split_key)
    chosen = dealt < settings.test_share
    test = Part(known[chosen], rows.y[known[chosen]])
    train = Part(known[~chosen], rows.y[known[~chosen]])
    record = {"rule": "hash", "key": settings.split_key, "test_share": settings.test_share, **_counts(train, test)}
    return Split(train, test, _stratified(rows, train, settings), record)


def hashed(ids: NDArray[np.str_], key: str) -> Floats:
    """A number in [0, 1) for each id: the same on every machine, whatever stands beside it."""
    secret = key.encode()[:64]
    raw = b"".join(blake2b(str(item).encode(), digest_size=8, key=secret).digest() for item in ids)
    return (np.frombuffer(raw, dtype=">u8") >> np.uint64(11)).astype(np.float64) / 2.0**53


def _stratified(rows: Rows, train: Part, settings: TrainingSettings) -> tuple[Fold, ...]:
    """Each class dealt out in turn, in the order of the hashes of its ids."""
    dealt = np.empty(len(train), dtype=np.int64)
    order = np.argsort(hashed(rows.ids[train.index], settings.split_key + "/fold"), kind="stable")
    for value in (0, 1):
        members = order[train.y[order] == value]
        dealt[members] = np.arange(len(members)) % settings.folds
    folds = []
    for k in range(settings.folds):
        inside = dealt == k
        fold = Fold(Part(train.index[~inside], train.y[~inside]), Part(train.index[inside], train.y[inside]))
        if fold.train.both_classes and fold.validation.both_classes:
            folds.append(fold)
    return tuple(folds)


def _counts(train: Part, other: Part) -> dict[str, list[int]]:
    return {"rows": [len(train), len(other)], "positives": [train.positives, other.positives]}


def _microseconds(days: float) -> int:
    return round(days * DAY)

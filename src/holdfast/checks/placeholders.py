"""Values that look like a code for something else: undeclared words, and numbers that stand apart from the others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.bundle.bins import SUSPECTS
from holdfast.contract.model import UNKNOWN_CODE, Field

CHUNK = 131_072
WORDS = ("?", "-", "--", "n/a", "na", "#n/a", "none", "null", "nil", "nan", "unknown", "unk", "missing", "undefined",
         "not available", "not applicable", "tbd", "xx", "xxx", "xna")  # fmt: skip
"""Declared words that say that nothing is known: a null with another name."""
LONGER = (9_999_999, 99_999_999, 999_999_999, 365_243, 1_234_567_890)
KNOWN = frozenset((*(value for value in SUSPECTS if value > 0), *LONGER))
"""Codes at the end of a range: those that are counted in live values too, and longer ones."""
FEW = 3
"""Negative values, at most, in a field that is otherwise never negative."""
SCALE = 10
"""Fewer different values are steps of a scale, which has an end."""
FEW_CODES = 20
"""Different whole numbers of a field, at most, for its description to list what they mean."""
LISTED = re.compile(r"(?<![\w.])([-−]?\d+)(?:\s*(?:to|through|\.\.|–|—)\s*([-−]?\d+))?(?![\w.]*\d)")
"""A number, or two with all between them, as descriptions list codes."""
FAR = 0.5
"""How far a code stands from its neighbour, as a share of what lies between the 1 % and 99 % points of the others."""


@dataclass(frozen=True)
class Code:
    """A value of a field, how often it stands there, and where first (rows of the file count from 0)."""

    field: str
    value: str
    rows: int
    share: float
    first_row: int
    why: str
    documented: bool
    """The field's description speaks of it."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.field} = {self.value} in {self.rows:,} rows, first in row {self.first_row:,} ({self.why})"


def found(fields: tuple[Field, ...], path: Any, least: float) -> tuple[list[Code], int]:
    """Codes in at least this share of the rows (an undeclared word in any), the most frequent of each field first."""
    from holdfast.features import sources

    names = sources.names_of(path, str(path))
    columns = {item.name: name for item in fields for name in (item.name, *item.former)[::-1] if name in names}
    kept = [item for item in fields if item.name in columns and item.type in ("category", "integer", "decimal", "real")]
    seen: dict[str, _Seen] = {item.name: _Seen(item) for item in kept}
    rows = 0
    for table in sources.stream(path, list(dict.fromkeys(columns[item.name] for item in kept)), str(path), CHUNK):
        for name, one in seen.items():
            one.add(table.column(columns[name]), rows)
        rows += table.num_rows
    return [code for one in seen.values() for code in one.codes(rows, least)], rows


class _Seen:
    def __init__(self, field: Field) -> None:
        self.field = field
        self.counts: dict[Any, list[int]] = {}
        """Word → (rows, first row)."""
        self.numbers: list[NDArray[np.float64]] = []

    def add(self, column: Any, first_row: int) -> None:
        from holdfast.features.parse import as_text, one_array, parse

        read = parse(self.field, column, first_row).column
        if self.field.type != "category":
            scale = 10.0**self.field.scale if self.field.type == "decimal" else 1.0
            values = read.values / scale
            self.numbers.append(values if read.valid is None else np.where(read.valid, values, np.nan))
            return
        raw = as_text(one_array(column)).dictionary_encode()
        words = raw.dictionary.to_pylist()
        codes = raw.indices.fill_null(len(words)).to_numpy(zero_copy_only=False)
        for code, (at, many) in _firsts(codes).items():
            if code == len(words):
                continue
            word = str(words[code])
            if read.values[at] == UNKNOWN_CODE or (read.values[at] != 0 and word.strip().lower() in WORDS):
                told = self.counts.setdefault(word, [0, at + first_row])
                told[0] += many

    def codes(self, rows: int, least: float) -> Iterator[Code]:
        for word, (many, first) in sorted(self.counts.items(), key=lambda item: -item[1][0]):
            declared = word in self.field.values
            why = "a word for not knowing" if declared else "not declared, and read as unknown"
            yield self._code(word, many, rows, first, why)
        if self.numbers:
            values = np.concatenate(self.numbers)
            listed = dict(self._unlisted(values))
            for code in self._numbers(values, rows, least):
                listed.pop(float(code.value), None)
                yield code
            for value, why in listed.items():
                many = int((values == value).sum())
                yield self._code(f"{value:g}", many, rows, int(np.flatnonzero(values == value)[0]), why)

    def _unlisted(self, values: NDArray[np.float64]) -> Iterator[tuple[float, str]]:
        """Values that stand there and not in a description that lists what others mean."""
        spoken = [
            (int(low.replace("−", "-")), int((high or low).replace("−", "-")))
            for low, high in LISTED.findall(self.field.description)
        ]
        if self.field.type != "integer" or len(spoken) + sum(high > low for low, high in spoken) < 2:
            return
        found = np.unique(values[~np.isnan(values)])
        if not len(found) or len(found) > FEW_CODES:
            return
        there = [any(low <= value <= high for low, high in spoken) for value in found.tolist()]
        if sum(there) < 2:  # numbers in a sentence that lists nothing
            return
        for value, known in zip(found.tolist(), there, strict=True):
            if not known:
                yield value, "the description lists what others mean, and not this"

    def _numbers(self, values: NDArray[np.float64], rows: int, least: float) -> Iterator[Code]:
        there = values[~np.isnan(values)]
        distinct, counts = np.unique(there, return_counts=True)
        for value, why in _odd(distinct, counts):
            many = int(counts[np.searchsorted(distinct, value)])
            if many >= max(2, least * rows):
                yield self._code(f"{value:g}" if abs(value) < 1e6 else f"{value:.0f}", many, rows,
                                 int(np.flatnonzero(values == value)[0]), why)  # fmt: skip

    def _code(self, value: str, many: int, rows: int, first: int, why: str) -> Code:
        told = self.field.description.replace("−", "-")
        spoken = re.search(rf"(?<![\w.-]){re.escape(value)}(?![\w.])", told) is not None
        return Code(self.field.name, value, many, many / max(1, rows), first, why, spoken)


def _odd(distinct: NDArray[np.float64], counts: NDArray[np.int64]) -> Iterator[tuple[float, str]]:
    """Values that stand apart, with why."""
    if len(distinct) < 4:
        return
    negative = distinct[distinct < 0]
    if 0 < len(negative) <= FEW and (negative == np.rint(negative)).all() and (negative >= -9_999).all():
        for value in negative.tolist():
            yield value, "the field is never negative otherwise"
    rest = distinct[distinct >= 0]
    weight = counts[distinct >= 0]
    if len(rest) < SCALE:
        return
    low, high = np.quantile(rest[1:-1], (0.01, 0.99))
    span = max(float(high - low), 1e-12)
    top, zero = float(rest[-1]), rest[0] == 0
    if top == np.rint(top) and weight[-1] > 1:
        away = (top - float(rest[-2])) / span
        if top in KNOWN and (away > 0.1 or weight[-1] > 3 * max(1, int(weight[-2]))):
            yield top, "a usual code at the very end of the range"
        elif away > FAR and weight[-1] > 2 * max(1, int(weight[-2])):
            yield top, "far from every other value, and frequent"
    if zero and weight[0] > 1 and float(rest[1]) / span > 0.05 and float(rest[1]) > 3 * float(rest[2] - rest[1]):
        yield 0.0, "far from the smallest other value"


def _firsts(codes: NDArray[Any]) -> dict[int, tuple[int, int]]:
    values, first, many = np.unique(codes, return_index=True, return_counts=True)
    return {int(code): (int(at), int(count)) for code, at, count in zip(values, first, many, strict=True)}

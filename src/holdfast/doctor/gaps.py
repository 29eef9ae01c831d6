"""Where one column, or the score, is not the same for the same rows; and when two values are one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.doctor.shapes import Values, is_words

SAME = 1e-9
"""Numbers closer than this, relative to the larger, are one number written twice."""
SHOWN = 5


@dataclass(frozen=True)
class Gap:
    """Where one column, or the score, is not the same for the same rows. `mask` is over the rows in common."""

    name: str
    mask: NDArray[np.bool_]
    research: Values
    production: Values
    ids: NDArray[np.str_]

    @property
    def count(self) -> int:
        return int(self.mask.sum())

    @property
    def share(self) -> float:
        return self.count / max(1, len(self.mask))

    def examples(self) -> list[dict[str, Any]]:
        """The first few rows, with both values."""
        at = np.flatnonzero(self.mask)[:SHOWN]
        return [
            {"id": str(self.ids[i]), "research": cell(self.research[i]), "production": cell(self.production[i])}
            for i in at
        ]

    def only(self, keep: NDArray[np.bool_]) -> Gap:
        """The same gap, of those rows of it that are also in `keep`."""
        return Gap(self.name, self.mask & keep, self.research, self.production, self.ids)


def gap(name: str, research: Values, production: Values, ids: NDArray[np.str_]) -> Gap:
    """Two columns over the same rows. Null equals null; numbers are compared to `SAME`, words as they are."""
    if is_words(research) != is_words(production):
        research, production = as_words(research), as_words(production)
    if is_words(research):
        return Gap(name, np.asarray(research != production, np.bool_), research, production, ids)
    a, b = research.astype(np.float64), production.astype(np.float64)
    with np.errstate(invalid="ignore"):
        close = np.abs(a - b) <= SAME * np.maximum(1e-6, np.maximum(np.abs(a), np.abs(b)))
    same = close | (a == b) | (np.isnan(a) & np.isnan(b))
    return Gap(name, ~same, a, b, ids)


def as_words(values: Values) -> NDArray[np.object_]:
    if is_words(values):
        return values.astype(object)
    found = np.empty(len(values), dtype=object)
    found[:] = [None if value != value else f"{value:g}" for value in values.tolist()]
    return found


def cell(value: Any) -> Any:
    """A value as JSON."""
    if value is None or (isinstance(value, float) and value != value):
        return None
    return value.item() if isinstance(value, np.generic) else value

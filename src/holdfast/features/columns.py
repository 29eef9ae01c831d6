"""A parsed column: the values of one field over many rows, with its nulls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Column:
    """Values of one field, one per row.

    integer, decimal (at the field's scale), timestamp (µs UTC) and boolean: int64, 0 where null and `valid` False;
    `valid` None: no nulls. real: float64, null is NaN, `valid` None. category: int32 codes, 0 null. text: object array
    of str or None.
    """

    values: NDArray[Any]
    valid: NDArray[np.bool_] | None = None

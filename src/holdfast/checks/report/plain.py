"""Evidence as plain JSON values: what a check hands over may come from numpy and from anybody's data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any

DEEPEST = 12


def plain(value: Any, depth: int = 0) -> Any:
    """The same in dict, list, str, int, float, bool and None. A number that is none (NaN, infinity) is None.

    Text keeps its characters; a lone surrogate, which no file can hold, becomes its escape. Raises TypeError for what
    has no JSON form, ValueError for what is nested too deep (or in itself).
    """
    if depth > DEEPEST:
        raise ValueError(f"evidence is nested deeper than {DEEPEST}")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return plain(value.value, depth)
    if isinstance(value, str):
        return text(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, (Decimal, datetime, date, PurePath)):
        return text(str(value))
    if isinstance(value, Mapping):
        return {text(str(name)): plain(item, depth + 1) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, depth + 1) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((plain(item, depth + 1) for item in value), key=str)
    if hasattr(value, "tolist"):  # numpy: a scalar or an array
        return plain(value.tolist(), depth + 1)
    raise TypeError(f"evidence holds a {type(value).__name__}, which has no JSON form")


def text(value: str) -> str:
    return value.encode("utf-8", "backslashreplace").decode("utf-8")

"""Where one changeable field may go from where it is: the values a search tries, and how far away they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from holdfast.contract.model import FIRST_CODE, Cell, Contract, Field
from holdfast.contract.scalars import integer_bounds, real_bounds
from holdfast.contract.values import is_placeholder

SHARES = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.75, 0.9, 1.0, 1.5, 2.0, 3.0, 5.0, 9.0)
"""Parts of the present value that a number is moved by, beside the usual values."""

FARTHEST = 9.0
"""Without a bound, and without a usual range, a number is moved by at most this many times itself."""


@dataclass(frozen=True, slots=True)
class Move:
    """How a number usually lies: values in order (as cells), and the width from the tenth to the ninetieth percent."""

    values: tuple[float, ...]
    spread: float


def moves_of(contract: Contract, profile: Mapping[str, Any]) -> dict[str, Move]:
    """For fields that are features as they are, how they lay in training. `profile` is the bundle's, by feature."""
    found: dict[str, Move] = {}
    for feature in contract.features:
        if feature.expr.op != "field" or feature.expr.kind != "number" or feature.name not in profile:
            continue
        field = contract.deciding.field(feature.expr["name"])
        points = profile[feature.name].get("quantiles")
        if points:
            scale = 10.0**field.scale
            values = tuple(value * scale for value in sorted(set(points.values())))
            found[field.name] = Move(values, (points["0.9"] - points["0.1"]) * scale)
    return found


class Steps:
    """The cells one field may take. `paths` lead away from the present value, one for each direction.

    `whole`: `cells` are all there are, so that trying them proves something.
    """

    def __init__(self, field: Field, start: Cell, usual: Move | None) -> None:
        self.start = start
        self._real = field.type == "real"
        self.whole = field.type in ("category", "boolean")
        if self.whole:
            codes = range(FIRST_CODE, FIRST_CODE + len(field.values)) if field.type == "category" else range(2)
            barred = _null_codes(field)
            self.cells: tuple[Cell, ...] = tuple(code for code in codes if code != start and code not in barred)
            self.paths: tuple[tuple[Cell, ...], ...] = tuple((cell,) for cell in self.cells)
            self._spread = 1.0
            return
        low, high = real_bounds(field) if self._real else integer_bounds(field)
        now = float(start) if isinstance(start, int | float) else None
        values = () if usual is None else usual.values
        self._spread = _spread(now, usual)
        low, high = _range(now, values, low, high)
        tries = {*values, low, high}
        if now is not None:
            tries |= {now + sign * share * abs(now) for share in SHARES for sign in (-1, 1)}
        cells = sorted({self._cell(value) for value in tries if low <= value <= high} - {start}, key=float)
        # Rounding to a whole cell may step over a bound.
        cells = [cell for cell in cells if low <= cell <= high]
        up = tuple(cell for cell in cells if now is None or cell > now)
        down = tuple(cell for cell in reversed(cells) if now is not None and cell < now)
        wanted = {"up": (up,), "down": (down,)}.get(field.changeable, (up, down))
        self.paths = tuple(path for path in wanted if path)
        self.cells = tuple(cell for path in self.paths for cell in path)

    def _cell(self, value: float) -> float:
        return value + 0.0 if self._real else round(value)

    def distance(self, cell: Cell) -> float:
        """How far from the present value, in usual spreads; 1 for another category, or for a value where none was."""
        if self.whole or not isinstance(self.start, int | float) or not isinstance(cell, int | float):
            return 0.0 if cell == self.start else 1.0
        return abs(cell - self.start) / self._spread

    def between(self, near: Cell, far: Cell) -> Cell:
        """The middle of two values of a number, or None when nothing worth trying lies between."""
        if self.whole or not isinstance(near, int | float) or not isinstance(far, int | float):
            return None
        if self._real:
            middle = (near + far) / 2
            return middle if abs(far - near) > 1e-6 * self._spread and middle not in (near, far) else None
        whole = (int(near) + int(far)) // 2 if near < far else -((-int(near) - int(far)) // 2)
        return whole if whole not in (near, far) else None


def _null_codes(field: Field) -> set[int]:
    """Codes of values that stand for null when they are sent."""
    stands = is_placeholder(field)
    return {FIRST_CODE + at for at, value in enumerate(field.values) if stands(value)}


def _spread(now: float | None, usual: Move | None) -> float:
    if usual is not None and usual.spread > 0:
        return usual.spread
    return abs(now) if now else 1.0


def _range(now: float | None, values: Sequence[float], low: float, high: float) -> tuple[float, float]:
    """What the field's bounds leave, narrowed to where values were ever seen: nobody is told to earn a billion."""
    reach = FARTHEST * abs(now or 1.0)
    least = values[0] if values else (now or 0.0) - reach
    most = values[-1] if values else (now or 0.0) + reach
    if now is not None:
        least, most = min(least, now), max(most, now)
    return max(low, least), min(high, most)

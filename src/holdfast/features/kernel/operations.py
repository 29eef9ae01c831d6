"""Which nodes the kernel knows: arguments, kinds and parameters of each, checked before anything is compiled.

Frozen JSON comes from disk, so its shape is verified here and not trusted; a fault raises ValueError, since the
language cannot have written it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from typing import Any

from holdfast.contract.model import Kind, Node
from holdfast.features.kernel.rounding import MOST_DIGITS

KINDS: tuple[Kind, ...] = ("number", "boolean", "category", "text", "timestamp")
MANY = 1_000


@dataclass(frozen=True, slots=True)
class Operation:
    """Arguments a node takes: their number, their kinds (empty: all of one kind, any) and the kind it gives."""

    least: int
    most: int
    takes: tuple[Kind, ...] = ("number",)
    gives: tuple[Kind, ...] = ("number",)
    params: tuple[tuple[str, Callable[[Any], bool]], ...] = ()


def _texts(value: Any) -> bool:
    return isinstance(value, tuple) and all(isinstance(item, str) for item in value)


def _scalars(value: Any) -> bool:
    return isinstance(value, tuple) and all(isinstance(item, int | float | str) for item in value)


def _edges(value: Any) -> bool:
    numbers = isinstance(value, tuple) and all(isinstance(item, int | float) and isfinite(item) for item in value)
    return numbers and list(value) == sorted(set(value))


def _name(value: Any) -> bool:
    return isinstance(value, str)


def _zone(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _digits(value: Any) -> bool:
    return isinstance(value, int) and 0 <= value <= MOST_DIGITS


def _index(value: Any) -> bool:
    return isinstance(value, int) and value >= 0


def _constant(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float | str)


_BOOLEAN: tuple[Kind, ...] = ("boolean",)
_TEXT: tuple[Kind, ...] = ("text",)
_TIME: tuple[Kind, ...] = ("timestamp",)
_PATTERN = Operation(1, 1, _TEXT, _BOOLEAN, (("text", _name),))
_PART = Operation(1, 1, _TIME, params=(("zone", _zone),))
_ORDERED = Operation(2, 2, ("number", "text", "timestamp"), _BOOLEAN)
_EQUAL = Operation(2, 2, KINDS, _BOOLEAN)

OPERATIONS: dict[str, Operation] = {
    "field": Operation(0, 0, gives=KINDS, params=(("source", _name), ("name", _name))),
    "literal": Operation(0, 0, gives=KINDS, params=(("value", _constant),)),
    "aggregate": Operation(0, 0, gives=("number", "boolean", "category", "timestamp"), params=(("index", _index),)),
    **{name: Operation(2, MANY) for name in ("add", "mul", "least", "greatest")},
    **{name: Operation(2, 2) for name in ("sub", "div", "pow")},
    **{name: Operation(1, 1) for name in ("neg", "abs", "floor", "ceil", "log", "exp", "sqrt")},
    "round": Operation(1, 1, params=(("digits", _digits),)),
    **dict.fromkeys(("eq", "ne"), _EQUAL),
    **dict.fromkeys(("lt", "le", "gt", "ge"), _ORDERED),
    "is_in": Operation(1, 1, KINDS, _BOOLEAN, (("values", _scalars),)),
    "is_null": Operation(1, 1, KINDS, _BOOLEAN),
    "and": Operation(2, MANY, _BOOLEAN, _BOOLEAN),
    "or": Operation(2, MANY, _BOOLEAN, _BOOLEAN),
    "not": Operation(1, 1, _BOOLEAN, _BOOLEAN),
    "if": Operation(3, 3, KINDS, KINDS),
    "coalesce": Operation(2, MANY, KINDS, KINDS),
    "bin": Operation(1, 1, params=(("edges", _edges),)),
    "length": Operation(1, 1, _TEXT),
    "lower": Operation(1, 1, _TEXT, _TEXT),
    **dict.fromkeys(("starts_with", "ends_with", "contains"), _PATTERN),
    "to_category": Operation(1, 1, _TEXT, ("category",), (("values", _texts),)),
    **dict.fromkeys(("hour", "minute", "weekday", "day", "month", "year", "day_of_year"), _PART),
    "seconds_between": Operation(2, 2, _TIME),
}


def verify(node: Node) -> None:
    """Refuse a tree with an unknown operation, a wrong number or kind of arguments, or a wrong parameter."""
    operation = OPERATIONS.get(node.op)
    if operation is None:
        raise ValueError(f"the kernel knows no operation {node.op!r}")
    if not operation.least <= len(node.args) <= operation.most:
        raise ValueError(f"{node.op} does not take {len(node.args)} arguments")
    if node.kind not in operation.gives:
        raise ValueError(f"{node.op} does not give a {node.kind}")
    present = dict(node.params)
    for name, accepts in operation.params:
        if not accepts(present.get(name)):
            raise ValueError(f"{node.op} has no proper {name}: {present.get(name)!r}")
    inputs = node.args[1:] if node.op == "if" else node.args
    if node.op == "if" and node.args[0].kind != "boolean":
        raise ValueError("the condition of an if is a boolean")
    if node.op in ("if", "coalesce") and any(item.kind != node.kind for item in inputs):
        raise ValueError(f"{node.op} gives a {node.kind} and so must each of its choices")
    if any(item.kind not in operation.takes or item.kind != inputs[0].kind for item in inputs):
        raise ValueError(f"{node.op} does not take {', '.join(item.kind for item in inputs)}")
    for item in node.args:
        verify(item)


def power_of_ten(scale: int) -> float:
    """10**scale as the exact double a decimal's integer is divided by."""
    if not 0 <= scale <= MOST_DIGITS:
        raise ValueError(f"a decimal has 0 to {MOST_DIGITS} digits after the point, not {scale}")
    return float(10**scale)

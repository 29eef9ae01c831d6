"""Where a probability becomes a decision, and why there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from holdfast.errors import HoldfastError


@dataclass(frozen=True)
class Threshold:
    """The decision is positive iff ``probability >= value``.

    `basis` names how it was chosen (``cost``, ``f1``, ``precision``, ``recall``, ``fixed``); `details` holds the
    stated costs or the target and what was reached, as JSON.
    """

    value: float
    basis: str = "fixed"
    details: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raises HoldfastError for a value that is no probability. A value just above 1 means: never."""
        if not 0.0 <= self.value <= 1.0 + 1e-9:
            raise HoldfastError(f"a threshold of {self.value} is no probability", mend="choose one between 0 and 1")

    def decide(self, probability: float) -> bool:
        return probability >= self.value

    def as_json(self) -> dict[str, Any]:
        return {"value": self.value, "basis": self.basis, "details": dict(self.details)}


def threshold_from(shape: Mapping[str, Any]) -> Threshold:
    return Threshold(shape["value"], shape["basis"], shape["details"])

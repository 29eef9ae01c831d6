"""The population that a model's reasons are told against: what each feature adds to the score there, and is there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from holdfast.errors import HoldfastError

REFERENCE_FILE = "reference/contributions.json"
FORMAT = 1


@dataclass(frozen=True)
class Reference:
    """Means over training rows. `contributions` and `usual` follow the contract's features."""

    population: str
    """``approved``: rows the model decided negatively. ``just_approved``: those nearest the threshold. ``all``."""
    rows: int
    """Rows the means were taken of."""
    of: int
    """Rows of the population; the measured ones are spread over them."""
    score: float
    """Mean raw score of the measured rows."""
    contributions: tuple[float, ...]
    """Mean contribution of each feature to the raw score."""
    usual: tuple[float | None, ...]
    """The middle value of each feature, a category's most frequent code; None where most have none."""

    def as_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "population": self.population,
            "rows": self.rows,
            "of": self.of,
            "score": self.score,
            "contributions": list(self.contributions),
            "usual": list(self.usual),
        }


def reference_from(shape: Mapping[str, Any], features: int) -> Reference:
    """Raises HoldfastError for one of another model, or with a number that is none."""
    if shape["format"] > FORMAT:
        raise HoldfastError(
            f"format {shape['format']} is newer than this Holdfast reads", where=REFERENCE_FILE, mend="upgrade Holdfast"
        )
    parts = {name: value for name, value in shape.items() if name != "format"}
    found = Reference(**{**parts, "contributions": tuple(parts["contributions"]), "usual": tuple(parts["usual"])})
    numbers = (found.score, *found.contributions, *(item for item in found.usual if item is not None))
    sound = all(type(item) in (int, float) and math.isfinite(item) for item in numbers)
    if not sound or len(found.contributions) != features or len(found.usual) != features:
        raise HoldfastError(
            f"not the reference of a model with {features} features", where=REFERENCE_FILE, mend="pack the model again"
        )
    return found

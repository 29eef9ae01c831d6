"""One of the two places, as far as it can be told: environment, seeds, sources, model, rows and their scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from holdfast.doctor.shapes import Shape, Values

Floats = NDArray[np.float64]
Role = Literal["research", "production"]
UNTOLD: Literal["untold"] = "untold"
"""A seed nobody spoke of; None is a seed that was said not to be set."""


@dataclass(frozen=True)
class Environment:
    """What computes there. Empty: not told."""

    python: str = ""
    platform: str = ""
    libraries: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Source:
    """A source of data: where it was read from, and what names its content (a digest, in whatever form)."""

    path: str = ""
    fingerprint: str = ""
    rows: int | None = None


@dataclass(frozen=True)
class Model:
    """Which model it is. `features` are the columns it needs; `hash` is equal for equal models."""

    name: str = ""
    version: str = ""
    hash: str = ""
    bundle: str = ""
    """Names one training; another training may have given an equal model."""
    contract: str = ""
    threshold: float | None = None
    features: tuple[str, ...] = ()


@dataclass(frozen=True)
class Refused:
    """Rows that got no score, and what was said of one field of them."""

    field: str
    code: str
    count: int
    what: str = ""


@dataclass(frozen=True)
class Rows:
    """n rows, in the order in which they stood there. Numbers have NaN for null, words None.

    `inputs` are what came in, `columns` the features made of it. `scores` and `labels` are NaN where a row has none;
    `again` is a second scoring of the same rows. `split` says which part a row was in; `times` are µs UTC.
    """

    ids: NDArray[np.str_]
    columns: Mapping[str, Values] = field(default_factory=dict)
    inputs: Mapping[str, Values] = field(default_factory=dict)
    scores: Floats | None = None
    again: Floats | None = None
    labels: Floats | None = None
    split: NDArray[np.str_] | None = None
    times: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Side:
    """Everything one place can tell. What it cannot is absent, and `untold` says so in words."""

    role: Role
    place: str
    kind: str
    environment: Environment = Environment()
    seed: int | Literal["untold"] | None = UNTOLD
    sources: Mapping[str, Source] = field(default_factory=dict)
    model: Model = Model()
    rows: Rows | None = None
    learned: Mapping[str, Shape] = field(default_factory=dict)
    """How columns looked in training, where the rows themselves are not at hand."""
    vocabulary: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Words that a column may hold by declaration, whether or not they occurred."""
    refused: tuple[Refused, ...] = ()
    corrected: tuple[int, int] | None = None
    """Labels that were changed after they were given, of how many."""
    proved: bool = False
    """The model was seen, on this machine, to give the very bits it gave where it was packed."""
    differences: tuple[str, ...] = ()
    """What did not come out again when its recorded answers were computed again from its own records."""
    replayed: int = 0
    live: bool = True
    """Whether its rows are what came in there, and not rows it was only asked about."""
    untold: tuple[str, ...] = ()
    bodies: Callable[[int], Mapping[str, Mapping[str, Any]]] | None = None
    """So many of its rows as requests, by id: what a server can be asked with."""
    id_field: str = ""
    """Which field of a request names the event."""
    windowed: tuple[str, ...] = ()
    """Features that look into the past: what they are depends on when they are asked for."""
    predict: Callable[[Floats], Floats] | None = None
    """Probabilities of feature rows, in the order of `model.features`, by its own model."""

"""A fault: what is put into what, and what has to name it; and what was seen when it was asked about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd


@dataclass(frozen=True)
class Named:
    """One thing that did not pass: a check, a cause or an objection of the door. `why` is the first line of it."""

    code: str
    why: str
    stops: bool = True


@dataclass(frozen=True)
class Frames:
    """The same as tables: what one trains on or researches with, and the batch that comes then."""

    reference: pd.DataFrame
    current: pd.DataFrame


@dataclass(frozen=True)
class Outcome:
    """What was named, the heaviest first where there is an order; `asked` are the codes that were asked at all."""

    named: tuple[Named, ...]
    asked: frozenset[str]
    frames: Frames | None = None
    seconds: float = 0.0

    @property
    def codes(self) -> tuple[str, ...]:
        return tuple(item.code for item in self.named)


@dataclass(frozen=True)
class Room:
    """Where a fault may write, with which seed, and the clean project of its base (made before, only to be copied)."""

    folder: Path
    seed: int
    clean: Path
    registry: Path | None = None
    """An empty registry to begin with: to make one takes longer than to train."""


Ask = Callable[[Room], Outcome]
"""Puts the fault and asks."""


@dataclass(frozen=True)
class Fault:
    """One fault. `expected`: any of these names it rightly; `beside`: what may follow from it."""

    id: str
    bullet: str
    what: str
    """What was put in."""
    expected: tuple[str, ...]
    base: str
    ask: Ask
    beside: frozenset[str] = frozenset()
    columns: tuple[str, ...] = ()
    """Those that were hit, as the tables name them."""
    in_the_data: bool = True
    """Whether a table can show it at all."""
    first: bool = False
    """It has to be named before everything else: the doctor names the likeliest first."""


@dataclass(frozen=True)
class Judged:
    """Whether a fault was named, and by what; `strange` are codes that it does not explain."""

    fault: Fault
    named: tuple[Named, ...] = ()
    strange: tuple[str, ...] = ()
    right: bool = False
    seconds: float = 0.0
    error: str = ""

    @property
    def by(self) -> tuple[str, ...]:
        """The expected codes that named it."""
        return tuple(item.code for item in self.named if item.code in self.fault.expected)


@dataclass(frozen=True)
class Clean:
    """A clean run: what was said of it all the same."""

    base: str
    seed: int
    stopping: tuple[Named, ...] = ()
    advice: tuple[Named, ...] = ()
    seconds: float = 0.0
    error: str = ""

    @property
    def ok(self) -> bool:
        return not self.stopping and not self.error


@dataclass(frozen=True)
class Card:
    """Everything that was judged in one run."""

    faults: tuple[Judged, ...]
    clean: tuple[Clean, ...]
    parts: dict[str, float] = field(default_factory=dict)
    """Seconds of each part, on the clock."""

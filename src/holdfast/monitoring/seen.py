"""What a watch may look at: one version's traffic up to one instant, in stretches of any length."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from holdfast.bundle.bundle import Bundle
from holdfast.monitoring.counts import Counts
from holdfast.monitoring.expected import Expected

BOUNDS = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0, 5_000.0)
"""Upper bounds, in milliseconds, by which replies are counted; the last count is of those beyond all."""


@dataclass
class Service:
    """How requests were answered, by the minute they were received; no event time in it."""

    requests: int = 0
    errors: int = 0
    """Our own faults, and requests turned away because too many came."""
    refused: Counter[str] = field(default_factory=Counter)
    """Requests that were not as the contract wants them, by the code of their first problem."""
    milliseconds: tuple[int, ...] = ()
    """Replies up to each of `BOUNDS` and beyond the one before; empty where nobody measured."""


@dataclass(frozen=True)
class Skew:
    """Live answers computed again by the batch path."""

    rows: int
    differing: int
    """Rows with a feature that the batch path computes otherwise from what was known: a fault."""
    by_feature: dict[str, int]
    skewed: int = 0
    """Rows that training will see otherwise, because a record came late: a finding about the traffic."""
    skew_by_feature: dict[str, int] = field(default_factory=dict)


class Seen(Protocol):
    """One look. `now` (µs UTC, event time) is where it ends; nothing after it is visible.

    A live project and a simulation both are one: `project.monitor` reads the stored counts, a benchmark makes them.
    """

    now: int
    version: str
    bundle: Bundle
    expected: Expected
    memo: dict[str, Any]
    """What one watch has computed and another may use in the same look."""

    def counts(self, start: int, end: int) -> Counts:
        """Everything in [start, end), by whole minutes; empty where nothing was asked."""
        ...

    def hours(self, start: int, end: int) -> Sequence[Counts]:
        """The same, one for each hour."""
        ...

    def volumes(self, start: int, end: int) -> Sequence[tuple[int, int]]:
        """(start, decisions) of each hour of the clock that lies in [start, end) in part or as a whole; with zeros."""
        ...

    def first(self) -> int:
        """Event time of the first decision ever counted; `now` where there is none."""
        ...

    def service(self, start: int, end: int) -> Service | None:
        """How requests were answered; None where nobody counted it."""
        ...

    def skew(self) -> Skew | None:
        """The last comparison with the batch path; None where none was made."""
        ...

    def outcomes(self, start: int, end: int) -> Any:
        """Decisions of that stretch with a matured outcome: columns of time, probability, decision, truth, segments."""
        ...

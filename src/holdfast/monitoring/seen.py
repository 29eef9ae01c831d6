"""What a watch may look at: one version's traffic up to one instant, in stretches of any length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from holdfast.bundle.bundle import Bundle
from holdfast.monitoring.counts import Counts
from holdfast.monitoring.expected import Expected


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

    def service(self, start: int, end: int) -> Counts | None:
        """How requests were answered (`latency`, `replies`, `away`, `refusals`), by the minute they were received.

        None where nobody counted it: counts made from the ledger alone know refusals, and nothing of the rest.
        """
        ...

    def others(self, start: int, end: int) -> tuple[int, int]:
        """(decisions, positive ones) of all other versions of this project in [start, end)."""
        ...

    def skew(self) -> Skew | None:
        """The last comparison with the batch path; None where none was made."""
        ...

    def outcomes(self, start: int, end: int) -> Any:
        """Decisions of that stretch with a matured outcome: columns of time, probability, decision, truth, segments."""
        ...

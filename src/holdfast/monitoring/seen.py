"""What a watch may look at: one version's traffic up to one instant, in stretches of any length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from holdfast.bundle.bundle import Bundle
from holdfast.monitoring.counts import Counts


class Seen(Protocol):
    """One look. `now` (µs UTC, event time) is where it ends; nothing after it is visible.

    A live project and a simulation both are one: `project.monitor` reads the stored counts, a benchmark makes them.
    """

    now: int
    bundle: Bundle

    def counts(self, start: int, end: int) -> Counts:
        """Everything in [start, end), by whole minutes; empty where nothing was asked."""
        ...

    def hours(self, start: int, end: int) -> Sequence[Counts]:
        """The same, one for each hour."""
        ...

    def outcomes(self, start: int, end: int) -> Any:
        """Decisions of that stretch with a matured outcome: columns of time, probability, decision, truth, segments."""
        ...

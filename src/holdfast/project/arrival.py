"""When a record became known, in event time.

By the wall clock where decisions come as they happen; where recorded traffic runs through a server faster than it
happened, by the latest event time decided on before it.
"""

from __future__ import annotations

from holdfast.contract.model import SECOND
from holdfast.ledger.records import Decision, Event, Outcome

LIVE = 3_600 * SECOND
"""A stream of decisions that runs further behind the clock than this is no live one."""


class EventClock:
    """Follows the ledger in order of seq. `deciding` names the source whose decisions tell the time."""

    def __init__(self, deciding: str) -> None:
        self._deciding = deciding
        self._front = 0
        self._behind = 0

    def known(self, record: Event | Decision | Outcome) -> int:
        """µs UTC at which this record was known; a decision moves the clock on."""
        if isinstance(record, Decision) and record.source == self._deciding and record.time >= self._front:
            self._front, self._behind = record.time, record.received_at - record.time
        return self._front if self._front and self._behind > LIVE else record.received_at

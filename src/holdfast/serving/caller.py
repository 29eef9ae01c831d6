"""Who asks, for what runs below the guard: set once a request, read where a decision is made or looked up.

A context variable, so that no signature between the guard and the ledger has to carry it; each request is a task with a
context of its own, and `asyncio.to_thread` copies it.
"""

from __future__ import annotations

from contextvars import ContextVar

from holdfast.access.roles import refusal
from holdfast.features.state.snapshot import Snapshot
from holdfast.ledger.read import LedgerReader
from holdfast.ledger.records import Decision

_EXPLAINS = frozenset({"explain"})

CALLER: ContextVar[str] = ContextVar("caller", default="")
"""The name of the caller; empty on an open server, where nobody is known."""

REQUEST: ContextVar[str] = ContextVar("request", default="")
"""The id of the request, which its reply carries too; for logs."""


def own(decision: Decision) -> bool:
    """Whether the caller may look at this decision and say what came of it.

    What nobody is recorded for, because it was decided before the server was locked, is open to everyone who may
    explain at all; and where nobody is known there is nothing to tell apart.
    """
    name = CALLER.get()
    return not name or refusal(name, _EXPLAINS, "explain", decision.caller) == ""


class OwnDecisions:
    """The ledger's decisions as the caller may see them: another caller's are not there."""

    def __init__(self, reader: LedgerReader) -> None:
        self._reader = reader

    def at(self, seq: int) -> Decision | None:
        record = self._reader.record(seq)
        return record if isinstance(record, Decision) and own(record) else None

    def prediction(self, name: str) -> Decision | None:
        """By prediction id. Those can be guessed, so another caller's must look like none."""
        found = self._reader.prediction(name)
        return found if found is not None and own(found) else None

    def of_event(self, snapshot: Snapshot, source: str, event_id: str) -> Decision | None:
        found = self._reader.decision_of(snapshot, source, event_id)
        return found if found is not None and own(found) else None

    def foreign(self, snapshot: Snapshot, source: str, event_id: str) -> bool:
        """Whether another caller asked for the decision about this event."""
        if not CALLER.get():
            return False
        found = self._reader.decision_of(snapshot, source, event_id)
        return found is not None and not own(found)

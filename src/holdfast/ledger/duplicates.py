"""What was recorded before: the event id is the idempotency key, across restarts, processes and versions."""

from __future__ import annotations

from datetime import UTC, datetime

from holdfast.contract.values import Number, canonical_body, read_strict
from holdfast.errors import HoldfastError
from holdfast.features.state.events import StoredEvent
from holdfast.features.state.snapshot import Snapshot
from holdfast.ledger.read import LedgerReader
from holdfast.ledger.records import Decision, Event, Outcome, Record


class Conflict(HoldfastError):  # noqa: N818 - a verdict on a record, not a failure of the program
    """An id that is recorded with another content: nothing was written for it (HTTP 409)."""


class Seen:
    """Looks each record of a batch up in state and among those before it in the batch."""

    def __init__(self, snapshot: Snapshot, reader: LedgerReader) -> None:
        self._snapshot = snapshot
        self._reader = reader
        self._events: dict[tuple[str, str], Event | Decision] = {}
        self._decisions: dict[tuple[str, str], Decision] = {}
        self._outcomes: dict[tuple[str, str, str, int], Outcome] = {}

    def earlier(self, record: Record) -> Record | Conflict | None:
        """The record that stands for this one, a Conflict, or None when it is new.

        An event known only as such may still get its decision.
        """
        if isinstance(record, Event | Decision):
            return self._event(record)
        return self._outcome(record) if isinstance(record, Outcome) else None

    def _event(self, record: Event | Decision) -> Record | Conflict | None:
        name = (record.source, record.event_id)
        before: Record | None = self._decisions.get(name) or self._events.get(name)
        if isinstance(before, Event | Decision):
            same = before.digest == record.digest
        else:
            stored = self._snapshot.event(*name)
            same = stored is None or same_event(stored, record.digest, read_strict(record.body))
            if stored is not None and same:
                before = self._stored(stored, record)
                if isinstance(before, Decision) and isinstance(record, Decision):
                    same = before.digest == record.digest  # an event of history has none to compare with
        if not same:
            return Conflict(
                f"{record.event_id!r} of {record.source} is recorded with another content",
                where=record.event_id,
                mend="send the same body to get the stored answer, or another id for another event",
            )
        if before is not None and (isinstance(before, Decision) or isinstance(record, Event)):
            return before
        self._events.setdefault(name, record)
        if isinstance(record, Decision):
            self._decisions[name] = record
        return None

    def _stored(self, stored: StoredEvent, record: Event | Decision) -> Record | None:
        seq = stored.decision or stored.seq
        if not seq:
            # From pinned history, which has no record: stand in for it.
            if isinstance(record, Decision):
                return None
            return Event(
                source=record.source,
                event_id=record.event_id,
                time=stored.time,
                body=stored.body,
                digest=record.digest,
            )
        return self._reader.record(seq)

    def _outcome(self, record: Outcome) -> Record | Conflict | None:
        name = (record.source, record.event_id, record.label, record.version)
        before = self._outcomes.get(name)
        known = before.value if before is not None else None
        if before is None:
            stored = self._snapshot.label(record.source, record.event_id, record.label)
            if stored is not None and stored.version == record.version:
                known = stored.value
                found = self._reader.record(stored.seq)
                before = found if isinstance(found, Outcome) else record
        if before is None:
            self._outcomes[name] = record
            return None
        if known == record.value:
            return before
        return Conflict(
            f"version {record.version} of {record.label} of {record.event_id!r} is recorded as {known}",
            where=record.event_id,
            mend=f"send the correction as version {record.version + 1}",
        )


def same_event(stored: StoredEvent, digest: bytes, sent: dict[str, object]) -> bool:
    """Whether a body (with its digest) is that of a recorded event."""
    if stored.digest:
        return stored.digest == digest
    return _same_content(read_strict(stored.body), sent)


def _same_content(imported: dict[str, object], sent: dict[str, object]) -> bool:
    """Whether a request says what history says of the event. History has its own spelling, and its own columns."""
    return all(_canonical(imported[name]) == _canonical(sent[name]) for name in imported.keys() & sent.keys())


def _canonical(value: object) -> object:
    if isinstance(value, str) and not isinstance(value, Number):
        try:
            instant = datetime.fromisoformat(value)
        except ValueError:
            return value
        return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    return canonical_body({"": value})

"""State as it was at one moment: one short read transaction, or the inside of an open write transaction."""

from __future__ import annotations

import lmdb

from holdfast.features.state import events
from holdfast.features.state.events import StoredEvent, Version
from holdfast.features.state.keys import event_key
from holdfast.features.state.tables import Applied, Tables, applied


class Snapshot:
    """Reads of one request; keep it for no longer. `get` finds a node of the trees by its key."""

    __slots__ = ("_applied", "_tables", "get", "transaction")

    def __init__(self, tables: Tables, transaction: lmdb.Transaction[bytes]) -> None:
        self._tables = tables
        self.transaction = transaction
        self.get = transaction.get
        self._applied: Applied | None = None

    @property
    def applied(self) -> Applied:
        """How far the ledger is applied here."""
        if self._applied is None:
            self._applied = applied(self.transaction, self._tables)
        return self._applied

    @property
    def applied_seq(self) -> int:
        """Seq of the last record this snapshot holds; a decision made from it records it as its `read_seq`."""
        return self.applied.seq

    def event(self, source: str, event_id: str) -> StoredEvent | None:
        found = self.transaction.get(event_key(source, event_id), db=self._tables.events)
        return None if found is None else events.decode(found)

    def label(self, source: str, event_id: str, label: str) -> Version | None:
        """A label as it stands, also of an event that has not come yet."""
        stored = self.event(source, event_id)
        if stored is not None:
            return stored.labels.get(label)
        early = self.transaction.get(event_key(source, event_id), db=self._tables.pending)
        return None if early is None else events.decode_pending(early).get(label)

    def ordered(self) -> lmdb.Cursor[bytes]:
        """A cursor over the points kept one by one."""
        return self.transaction.cursor(self._tables.ordered)

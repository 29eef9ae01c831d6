"""Which experiments are under way: the ledger's records folded in order, the same in every process.

Of two that ask for the answers at once the first counts, and of two steps from the same record the first one too: a
record that lost such a race is passed over by everyone alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from holdfast.ledger.records import Arm, Experiment, Record

LIVE = ("start", "step", "weights")
"""Actions after which an experiment goes on."""


class Experiments:
    """The experiments so far. `take` records in order of seq."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self._latest: dict[int, Experiment] = {}
        """By the seq of the start."""
        self.records: dict[int, Experiment] = {}
        """Every record that counts, by seq."""
        for record in records:
            self.take(record)

    def take(self, record: Record) -> bool:
        """Fold one record in; whether it changed anything."""
        if not isinstance(record, Experiment):
            return False
        if record.action == "start":
            if self._in_the_way(record):
                return False
            self._latest[record.seq] = record
        else:
            before = self._latest.get(record.started)
            if before is None or before.seq != record.after or before.action not in LIVE:
                return False
            self._latest[record.started] = record
        self.records[record.seq] = record
        return True

    def _in_the_way(self, wanted: Experiment) -> Experiment | None:
        shadow = wanted.kind == "shadow"
        return next((item for item in self.running() if (item.kind == "shadow") == shadow), None)

    def running(self) -> list[Experiment]:
        """The last record of each experiment that goes on: at most one that answers, at most one of shadows."""
        return [item for item in self.latest() if item.action in LIVE]

    def answering(self) -> Experiment | None:
        return next((item for item in self.running() if item.kind != "shadow"), None)

    def shadowing(self) -> Experiment | None:
        return next((item for item in self.running() if item.kind == "shadow"), None)

    def latest(self) -> list[Experiment]:
        """The last record of every experiment, oldest first."""
        return list(self._latest.values())

    def course_of(self, started: int) -> list[Experiment]:
        """Every record of the experiment that began at this seq."""
        return [item for item in self.records.values() if origin(item) == started]

    def arms(self) -> Iterator[Arm]:
        """Every variant there ever was, the newest first."""
        for record in reversed(list(self.records.values())):
            yield from record.arms


def origin(record: Experiment) -> int:
    """Seq of the record that started this experiment; its name for good."""
    return record.started or record.seq


def holds_for(record: Experiment, champion: str) -> bool:
    """Whether it was begun against the bundle that is champion now; after a promotion it no longer answers."""
    return record.arms[0].bundle == champion

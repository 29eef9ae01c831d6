"""Reads the ledger on from where it stood, and says what follows for each experiment under way.

Nothing is remembered but what the ledger says, so another process that begins later comes to the same.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from holdfast.contract.model import Contract
from holdfast.errors import HoldfastError
from holdfast.ledger.read import LedgerReader
from holdfast.ledger.records import Experiment, Promotion, Record
from holdfast.traffic.conduct import NOTHING, Next, conduct
from holdfast.traffic.count import Counts
from holdfast.traffic.course import Experiments, origin

log = logging.getLogger("holdfast.traffic")

CHAMPION = "champion"


class Conductor:
    """`contract_of` answers the contract of a bundle, or raises HoldfastError.

    `only` are the experiments to count, by the seq of their start (None: those under way that something follows from).
    """

    def __init__(
        self, reader: LedgerReader, contract_of: Callable[[str], Contract], *, only: frozenset[int] | None = None
    ) -> None:
        self.course = Experiments()
        self.counts: dict[int, Counts] = {}
        """By the seq of the start."""
        self.champion = ""
        """The champion's bundle, by the promotions so far."""
        self._reader = reader
        self._contract_of = contract_of
        self._only = only
        self._seq = -1
        self._asked: set[int] = set()
        """Records that something was already made to follow from."""

    def read(self, until: int) -> None:
        """Take the records up to `until`."""
        if self._seq < 0:
            self._seq = self._begin(until)
        if not self.counts and self._seq < until:
            self._seq = self._skip(until)
        for record in self._reader.records(self._seq, until):
            self._take(record)
        self._seq = max(self._seq, until)

    def _skip(self, until: int) -> int:
        """While nothing is counted only the experiments' own course is read: where it says that something is to be."""
        for record in self._reader.course(self._seq, until):
            self._take(record)
            if self.counts:
                return record.seq
        return until

    def _begin(self, until: int) -> int:
        """What comes before the first experiment to be counted need not be read whole."""
        past = list(self._reader.course(0, until))
        known = Experiments(past)
        wanted = {origin(item) for item in known.running()} if self._only is None else self._only
        first = min(wanted, default=until + 1)
        for record in past:
            if record.seq < first:
                self._take(record)
        return first - 1

    def _take(self, record: Record) -> None:
        if isinstance(record, Promotion):
            if record.alias == CHAMPION and record.action != "archive":
                self.champion = record.bundle
            return
        if not isinstance(record, Experiment):
            for counts in self.counts.values():
                counts.take(record)
            return
        if not self.course.take(record):
            return
        if record.action == "start" and (record.kind != "shadow" if self._only is None else record.seq in self._only):
            try:
                self.counts[record.seq] = Counts(record, self._contract_of(record.arms[0].bundle))
            except HoldfastError as error:
                log.error("the experiment %s cannot be counted: %s", record.name, error)
                return
        if origin(record) in self.counts:
            self.counts[origin(record)].step(record)
            if self._only is None:
                running = {origin(item) for item in self.course.running()}
                self.counts = {start: item for start, item in self.counts.items() if start in running}

    def next(self, now: int) -> list[tuple[Experiment, Next]]:
        """What follows at `now` (µs UTC), once for each record it follows from."""
        found = []
        for latest in self.course.running():
            counts = self.counts.get(origin(latest))
            if latest.seq in self._asked or (counts is None and latest.kind != "shadow"):
                continue
            following = conduct(latest, counts, self.champion, now)
            if following != NOTHING:
                self._asked.add(latest.seq)
                found.append((latest, following))
        return found

    def again(self, latest: Experiment) -> None:
        """What was asked for could not be done: say it again next time."""
        self._asked.discard(latest.seq)

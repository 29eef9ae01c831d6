"""Shadows lie beside the ledger, in a log of their own: who answers has nothing to do for them.

It is read as the ledger is (`LedgerReader`), and numbered by itself. It is not synced: nobody was promised a shadow.
What a failing machine takes with it, the last half minute as a rule, is scored again from the decisions.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from holdfast.errors import HoldfastError
from holdfast.ledger import frames
from holdfast.ledger.files import Files
from holdfast.ledger.log import START, Log, Position
from holdfast.ledger.read import LedgerReader
from holdfast.ledger.records import Shadow, encode
from holdfast.ledger.writer import now_micros, utc_day

log = logging.getLogger("holdfast.shadows")


class ShadowLog:
    """Appends to the shadows in `directory`. One process at a time may have it open: who has its role's lock.

    One that cannot be read on is put aside under another name, and a new one begun.
    """

    def __init__(self, directory: Path, *, clock: Callable[[], int] = now_micros) -> None:
        self._clock = clock
        try:
            self._begin(directory)
        except HoldfastError as error:
            aside = directory.with_name(f"{directory.name}.damaged-{time.time_ns()}")
            directory.rename(aside)
            log.error("the shadows cannot be read on, and were moved to %s: %s", aside, error)
            self._begin(directory)

    def _begin(self, directory: Path) -> None:
        self._log = Log(directory, files=Files(sync=False))
        found = frames.segments(directory)
        start = Position(found[-1].first_seq, 0, found[-1].first_seq - 1) if found else START
        for _ in self._log.follow(start):
            pass
        last = LedgerReader(directory).record(self._log.position.seq)
        self.done = last.decision_seq if isinstance(last, Shadow) else 0
        """The last decision that has its shadows."""

    def append(self, shadows: Sequence[Shadow]) -> None:
        """All shadows of one decision or more, in the decisions' order. Raises LedgerUnavailable."""
        seq, now = self._log.position.seq, self._clock()
        for at, shadow in enumerate(shadows, start=1):
            shadow.seq, shadow.received_at = seq + at, now
        self._log.append(encode(list(shadows)), len(shadows), utc_day(now))
        self.done = shadows[-1].decision_seq

    def close(self) -> None:
        self._log.close()

"""Counting what a worker answers: the process beside it that does, and what the worker knows alone.

How long replies took is in no ledger. Each worker writes it down every two seconds, beside the counts.
"""

from __future__ import annotations

import json
import logging
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import lmdb
import numpy as np

from holdfast.bundle.bins import Integers
from holdfast.errors import HoldfastError
from holdfast.ledger.group import GroupCommitter
from holdfast.monitoring.counts import Counts as Counted
from holdfast.monitoring.reference import MINUTE
from holdfast.monitoring.store import SERVICE, Keep, Store, folder
from holdfast.serving.aside import Aside
from holdfast.serving.chores import Chore
from holdfast.serving.metrics import Counts

log = logging.getLogger("holdfast.serving")

TOLD = 2.0
"""Seconds between two times that a worker writes down how it answered; a kill loses that much of it."""
ROUTE = "/predict"


@contextmanager
def profiled(home: Path, committer: GroupCommitter, counts: Counts, keep: Keep) -> Iterator[Chore]:
    """Let what is answered be counted while the block lasts; the chore is to be done by the worker."""
    told = json.dumps([keep.minutes, keep.hours, keep.days])
    beside = Aside(home, "profiling", lambda: True, committer, counts, [told])
    beside.start()
    chore = tell(home, counts)
    try:
        yield chore
    finally:
        beside.stop()
        chore.run()


class Told:
    """How one worker answered since it was asked last."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._before = self._now()

    def _now(self) -> tuple[Integers, Counter[str], Counter[str]]:
        counts = self._counts
        replies = {str(status): n for (route, status), n in list(counts.replies.items()) if route == ROUTE}
        latency = np.array(counts.requests[ROUTE].buckets, np.int64)
        return latency, Counter(replies), Counter(dict(counts.turned_away))

    def since(self, start: int) -> Counted | None:
        """As counts of the minute that begins at `start`; None where nothing was asked."""
        latency, replies, away = now = self._now()
        before, self._before = self._before, now
        if (latency == before[0]).all() and away == before[2]:
            return None
        return Counted(
            SERVICE, "", start, start + MINUTE,
            latency=latency - before[0], replies=replies - before[1], away=away - before[2],
        )  # fmt: skip


def tell(home: Path, counts: Counts, *, every: float = TOLD) -> Chore:
    """Write down how this worker answers, by the minute in which it did; beside recorded traffic by that's minutes."""
    told = Told(counts)

    def write() -> None:
        try:
            store = Store(folder(home))
            try:
                now = time.time_ns() // 1_000 - store.cursor().lag
                found = told.since(now // MINUTE * MINUTE)
                if found is not None:
                    with store.writing() as view:
                        view.add([found], view.cursor())
            finally:
                store.close()
        except (HoldfastError, lmdb.Error) as error:
            log.warning("how this worker answered was not written down: %s", error)

    return Chore(every, write, at_once=False)

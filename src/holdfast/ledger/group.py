"""Group commit: one thread writes whatever waits as one batch, so that many clients share one sync."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from holdfast.ledger.duplicates import Conflict
from holdfast.ledger.records import Record
from holdfast.ledger.writer import LedgerWriter, Settled

MOST = 1_024
"""Records in one batch."""

T = TypeVar("T")

_Job = tuple[Sequence[Record], "Future[Record] | Future[list[Settled]]", bool]
_Work = tuple[Callable[[LedgerWriter], Any], "Future[Any]"]


class GroupCommitter:
    """Futures for records: each is resolved when its record is on the disk and in state, and not before."""

    def __init__(self, writer: LedgerWriter) -> None:
        self._writer = writer
        self._waiting: SimpleQueue[_Job | _Work | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="holdfast-ledger", daemon=True)
        self._closed = False
        self._thread.start()

    def submit(self, intent: Record) -> Future[Record]:
        """The record as stored (an earlier one with the same id and body); raises Conflict or LedgerUnavailable."""
        future: Future[Record] = Future()
        self._put(([intent], future, True))
        return future

    def submit_all(self, intents: Sequence[Record]) -> Future[list[Settled]]:
        """Several records in one batch; each is answered as stored or with its Conflict."""
        future: Future[list[Settled]] = Future()
        self._put((intents, future, False))
        return future

    def ride(self, records: Sequence[Record]) -> Future[None]:
        """Records that are in no hurry and new for sure: resolved when written behind the next batch."""
        written: Future[None] = Future()
        self._writer.rides.append((records, written))
        return written

    def run(self, work: Callable[[LedgerWriter], T]) -> Future[T]:
        """What `work` answers in the ledger's thread, alone with the writer: to decide, and write what was decided."""
        future: Future[T] = Future()
        self._put((work, future))
        return future

    def _put(self, job: _Job | _Work) -> None:
        if self._closed:
            raise RuntimeError("this committer is closed")
        self._waiting.put(job)

    def _run(self) -> None:
        following: _Job | _Work | None = self._waiting.get()
        while following is not None:
            if len(following) == 2:
                self._work(*following)
                following = self._waiting.get()
            else:
                following = self._together(following)

    def _work(self, work: Callable[[LedgerWriter], T], future: Future[T]) -> None:
        try:
            answer = work(self._writer)
        except Exception as error:  # noqa: BLE001 - whatever it is, who waits must hear it
            future.set_exception(error)
        else:
            future.set_result(answer)

    def _together(self, job: _Job) -> _Job | _Work | None:
        """Settle a job with those that wait behind it; returns what is not one of them."""
        jobs, records = [job], list(job[0])
        while len(records) < MOST:
            try:
                following = self._waiting.get_nowait()
            except Empty:
                break
            if following is None or len(following) == 2:
                self._settle(jobs, records)
                return following
            jobs.append(following)
            records += following[0]
        self._settle(jobs, records)
        return self._waiting.get()

    def _settle(self, jobs: list[_Job], records: list[Record]) -> None:
        try:
            settled = self._writer.settle(records)
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear it
            for _, future, _ in jobs:
                future.set_exception(error)
            return
        at = 0
        for wanted, future, alone in jobs:
            answers = settled[at : at + len(wanted)]
            at += len(wanted)
            if not alone:
                future.set_result(answers)  # type: ignore[arg-type]  # the job says which future it holds
            elif isinstance(answers[0], Conflict):
                future.set_exception(answers[0])
            else:
                future.set_result(answers[0])  # type: ignore[arg-type]

    def close(self) -> None:
        """Write what waits, then stop."""
        self._closed = True
        self._waiting.put(None)
        self._thread.join()

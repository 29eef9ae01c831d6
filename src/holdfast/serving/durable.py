"""The event loop's side of the ledger: what is to be decided and kept goes in, and its answer comes back from disk.

One batch is under way at a time; what arrives meanwhile is the next one. So the disk's own pace sets the size of a
batch, and the loop is woken once for each batch. A batch is decided, written and answered in the ledger's thread: two
threads that read and write state by turns would spend more time waiting for each other than working. Used on the event
loop only.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from contextvars import Context, copy_context
from time import perf_counter
from typing import Any, NamedTuple, Protocol, TypeVar, cast

from holdfast.features.state.snapshot import Snapshot
from holdfast.ledger.duplicates import Conflict
from holdfast.ledger.group import GroupCommitter
from holdfast.ledger.records import Record
from holdfast.ledger.writer import Bodies, LedgerWriter, Settled
from holdfast.serving.metrics import Counts
from holdfast.serving.stages import Times, measure, trace
from holdfast.serving.words import words

log = logging.getLogger("holdfast.serving")

R = TypeVar("R", bound=Record)
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Job(Protocol[T_co]):
    """What one request wants of the ledger. Both methods run in the ledger's thread, in the request's context."""

    def records(self, snapshot: Snapshot, read: Bodies) -> Sequence[Record]:
        """What is to be written; bodies that were read for it go into `read`. What it raises is the request's alone."""
        ...

    def result(self, settled: Sequence[Settled]) -> T_co:
        """The answer, when the records are on disk: each as it was settled."""
        ...


LONGEST_DECIDING = 0.05
"""Seconds that deciding a batch may take, as far as the one before it tells."""
FEWEST = 16
"""Requests in a batch, if so many wait, however slow the model is: they share one sync."""


class Awaiting(Protocol):
    """Whoever waits for a job's answer: a future, or what is as simple as one."""

    def done(self) -> bool:
        """Whether it wants no answer any more."""
        ...

    def set_result(self, answer: Any, /) -> None: ...

    def set_exception(self, error: BaseException, /) -> None: ...


class _Waiting(NamedTuple):
    job: Job[Any]
    context: Context
    answer: Awaiting | None
    """Nobody waits for a refusal."""
    came: float
    """When, by `perf_counter`."""


class _Failed(NamedTuple):
    error: BaseException


class _Done(NamedTuple):
    """A batch: an answer or a fault for each job, the last record on disk, why nothing was written, and its times."""

    answers: list[Any]
    seq: int
    trouble: str
    times: Times | None


class Unavailable(Exception):  # noqa: N818 — an answer, not a fault
    """The ledger cannot take the record now; the client may come again."""


class Durable:
    """Takes jobs and answers them. At most `most` may wait at once; further ones are turned away."""

    def __init__(
        self, committer: GroupCommitter, *, most: int = 16_384, batch: int = 256, counts: Counts | None = None
    ) -> None:
        self._committer = committer
        self._counts = counts or Counts()
        self.traced = False
        """Whether somebody wants to know when the stages of each request ended."""
        self._most = most
        self._batch = self._turn = batch
        self._next: list[_Waiting] = []
        self._under_way: list[_Waiting] = []
        self._busy = False
        self.patience = float("inf")
        """Seconds a request may wait for its turn; one that waited longer is turned away before anything is done."""
        self.seq = 0
        """The last record known to be on disk."""
        self.trouble = ""
        """Why the last batch failed; empty while the ledger takes records."""

    @property
    def waiting(self) -> int:
        return len(self._next) + len(self._under_way)

    @property
    def oldest(self) -> float:
        """Seconds since the oldest of those who wait came."""
        first = self._under_way or self._next
        return perf_counter() - first[0].came if first else 0.0

    async def do(self, job: Job[T]) -> T:
        """The job's answer, when what it keeps is on disk. Raises what the job raises, or Unavailable."""
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.put(job, answer, copy_context())
        return await answer

    def put(self, job: Job[Any], answer: Awaiting, context: Context) -> None:
        """`do` for who is no coroutine: the job runs in `context`, its answer or fault is set on the event loop.

        Raises Unavailable.
        """
        if len(self._next) >= self._most:
            raise Unavailable("too many requests wait for the disk")
        self._put(job, answer, context)

    async def commit(self, record: R) -> R:
        """The record as the ledger keeps it (an earlier one, when the same was recorded meanwhile).

        Raises Conflict, or Unavailable.
        """
        (settled,) = await self.do(_Keep((record,), {}))
        if isinstance(settled, Conflict):
            raise settled
        return cast(R, settled)

    async def commit_all(self, records: Sequence[Record], read: Bodies | None = None) -> Sequence[Settled]:
        """Many records in one piece, each as the ledger keeps it or with its Conflict. Raises Unavailable.

        `read`: bodies of theirs that were read already.
        """
        return await self.do(_Keep(records, read or {}))

    def note(self, record: Record) -> None:
        """Submits a record nobody waits for (a refusal). Dropped, and said so, when the ledger is far behind."""
        if len(self._next) >= self._most:
            log.warning("a refusal was not recorded: too many records wait for the disk")
            self._counts.fallbacks["refusal_not_recorded"] += 1
            return
        self._put(_Keep((record,), {}), None, copy_context())

    async def drained(self, patience: float = 5.0) -> None:
        """Returns when nothing waits any more, or patience is over."""
        for _ in range(int(patience / 0.01)):
            if not self.waiting:
                return
            await asyncio.sleep(0.01)

    def _put(self, job: Job[Any], answer: Awaiting | None, context: Context) -> None:
        self._next.append(_Waiting(job, context, answer, perf_counter()))
        if not self._busy:
            self._busy = True
            # After this turn of the loop: requests that came together go together.
            asyncio.get_running_loop().call_soon(self._submit)

    def _submit(self) -> None:
        loop = asyncio.get_running_loop()
        if self._next[0].came < perf_counter() - self.patience:
            self._turn_away(perf_counter() - self.patience)
        batch, self._next = self._next[: self._turn], self._next[self._turn :]
        if not batch:
            self._busy = False
            return
        self._under_way = batch

        def landed(done: Future[_Done]) -> None:
            with suppress(RuntimeError):  # the loop has ended, and with it whoever waited
                loop.call_soon_threadsafe(self._landed, done)

        try:
            self._committer.run(lambda writer: _settle(batch, writer)).add_done_callback(landed)
        except RuntimeError as error:  # the committer is closed
            failed: Future[_Done] = Future()
            failed.set_exception(error)
            self._landed(failed)

    def _turn_away(self, before: float) -> None:
        """Those who came before this moment, and wait for an answer."""
        for waiting in self._next:
            if waiting.came < before and waiting.answer is not None and not waiting.answer.done():
                waiting.answer.set_exception(Unavailable("the request waited too long to be begun"))
        self._next = [item for item in self._next if item.came >= before or item.answer is None]

    def _landed(self, done: Future[_Done]) -> None:
        batch, self._under_way = self._under_way, []
        error = done.exception()
        if error is not None:
            none = _Failed(Unavailable("the ledger cannot be written"))
            found = _Done([none] * len(batch), 0, words(error), None)
        else:
            found = done.result()
        if found.times is not None:
            landed = perf_counter()
            # Where a model is slow, all of a large batch would wait for the last of it.
            deciding = max((found.times.decided - found.times.began) / len(batch), 1e-9)
            self._turn = max(FEWEST, min(self._batch, int(LONGEST_DECIDING / deciding)))
            measure(self._counts, [waiting.came for waiting in batch], found.times, landed)
            if self.traced:
                trace(
                    [(waiting.context, waiting.came) for waiting in batch if waiting.answer is not None],
                    found.times,
                    landed,
                )
        if found.trouble and not self.trouble:
            log.error("the ledger cannot be written: %s", found.trouble, extra={"event": "ledger_unwritable"})
        elif self.trouble and found.seq:
            log.info("the ledger can be written again", extra={"event": "ledger_writable"})
        if found.seq or found.trouble:
            self.trouble = found.trouble
        self.seq = max(self.seq, found.seq)
        for waiting, item in zip(batch, found.answers, strict=True):
            answer = waiting.answer
            if answer is None or answer.done():
                continue
            try:
                if isinstance(item, _Failed):
                    answer.set_exception(item.error)
                else:
                    answer.set_result(item)
            except Exception:
                log.exception("an answer could not be sent")  # the others of its batch go on
        if self._next:
            self._submit()
        else:
            self._busy = False


class _Keep:
    """Records that are ready."""

    __slots__ = ("_read", "_records")

    def __init__(self, records: Sequence[Record], read: Bodies) -> None:
        self._records = records
        self._read = read

    def records(self, snapshot: Snapshot, read: Bodies) -> Sequence[Record]:
        read |= self._read
        return self._records

    def result(self, settled: Sequence[Settled]) -> Sequence[Settled]:
        return settled


def _settle(batch: Sequence[_Waiting], writer: LedgerWriter) -> _Done:
    """Decide a batch at one snapshot, write it in one piece, answer it. In the ledger's thread."""
    answers: list[Any] = [None] * len(batch)
    records: list[Record] = []
    read: Bodies = {}
    parts: list[tuple[int, int]] = []
    began = perf_counter()
    with writer.snapshot() as snapshot:
        for at, (job, context, _, _) in enumerate(batch):
            start = len(records)
            try:
                records += context.run(job.records, snapshot, read)
            except Exception as error:  # noqa: BLE001 - it is the request's, and the others go on
                answers[at] = _Failed(error)
            parts.append((start, len(records)))
    settled: list[Settled] = []
    trouble, seq = "", 0
    decided = perf_counter()
    if records:
        try:
            settled = writer.settle(records, read)
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear it
            trouble = words(error)
        seq = max((item.seq for item in settled if not isinstance(item, Conflict)), default=0)
    times = Times(began, decided, perf_counter(), len(batch), len(records))
    for at, ((job, context, _, _), (start, end)) in enumerate(zip(batch, parts, strict=True)):
        if answers[at] is not None:
            continue
        if trouble and start < end:
            answers[at] = _Failed(Unavailable("the ledger cannot be written"))
            continue
        try:
            answers[at] = context.run(job.result, settled[start:end])
        except Exception as error:  # noqa: BLE001
            answers[at] = _Failed(error)
    return _Done(answers, seq, trouble, times)

"""The event loop's side of the group commit: a record goes in, and comes back when it is on disk.

One batch is under way at a time; what arrives meanwhile is the next one. So the disk's own pace sets the size of a
batch, and the loop is woken once for each batch, not once for each record. Used on the event loop only.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import TypeVar, cast

from holdfast.ledger.duplicates import Conflict
from holdfast.ledger.group import GroupCommitter
from holdfast.ledger.records import Record
from holdfast.ledger.writer import Settled

log = logging.getLogger("holdfast.serving")

R = TypeVar("R", bound=Record)

_Answer = asyncio.Future[Settled]
_Waiting = tuple[Record, _Answer | None]
"""A record, and who waits for it (nobody waits for a refusal)."""


class Unavailable(Exception):  # noqa: N818 — an answer, not a fault
    """The ledger cannot take the record now; the client may come again."""


class Durable:
    """Submits records and waits for them. At most `most` may wait at once; further ones are turned away."""

    def __init__(self, committer: GroupCommitter, *, most: int = 16_384, batch: int = 1_024) -> None:
        self._committer = committer
        self._most = most
        self._batch = batch
        self._next: list[_Waiting] = []
        self._under_way: list[_Waiting] = []
        self._busy = False
        self.seq = 0
        """The last record known to be on disk."""
        self.trouble = ""
        """Why the last batch failed; empty while the ledger takes records."""

    @property
    def waiting(self) -> int:
        return len(self._next) + len(self._under_way)

    async def commit(self, record: R) -> R:
        """The record as the ledger keeps it (an earlier one, when the same was recorded meanwhile).

        Raises Conflict, or Unavailable.
        """
        if len(self._next) >= self._most:
            raise Unavailable("too many requests wait for the disk")
        answer: _Answer = asyncio.get_running_loop().create_future()
        self._put(record, answer)
        settled = await answer
        if isinstance(settled, Conflict):
            raise settled
        return cast(R, settled)

    def note(self, record: Record) -> None:
        """Submits a record nobody waits for (a refusal). Dropped, and said so, when the ledger is far behind."""
        if len(self._next) >= self._most:
            log.warning("a refusal was not recorded: too many records wait for the disk")
            return
        self._put(record, None)

    async def drained(self, patience: float = 5.0) -> None:
        """Returns when nothing waits any more, or patience is over."""
        for _ in range(int(patience / 0.01)):
            if not self.waiting:
                return
            await asyncio.sleep(0.01)

    def _put(self, record: Record, answer: _Answer | None) -> None:
        self._next.append((record, answer))
        if not self._busy:
            self._busy = True
            # After this turn of the loop: requests that came together go together.
            asyncio.get_running_loop().call_soon(self._submit)

    def _submit(self) -> None:
        self._under_way, self._next = self._next[: self._batch], self._next[self._batch :]
        loop = asyncio.get_running_loop()

        def landed(done: Future[list[Settled]]) -> None:
            with suppress(RuntimeError):  # the loop has ended, and with it whoever waited
                loop.call_soon_threadsafe(self._landed, done)

        try:
            self._committer.submit_all([record for record, _ in self._under_way]).add_done_callback(landed)
        except RuntimeError as error:  # the committer is closed
            failed: Future[list[Settled]] = Future()
            failed.set_exception(error)
            self._landed(failed)

    def _landed(self, done: Future[list[Settled]]) -> None:
        batch, self._under_way = self._under_way, []
        error = done.exception()
        if error is None:
            self._answer(batch, done.result())
        else:
            self._refuse(batch, error)
        if self._next:
            self._submit()
        else:
            self._busy = False

    def _answer(self, batch: Sequence[_Waiting], settled: Sequence[Settled]) -> None:
        self.trouble = ""
        for (_, answer), item in zip(batch, settled, strict=True):
            if not isinstance(item, Conflict):
                self.seq = max(self.seq, item.seq)
            if answer is not None and not answer.done():
                answer.set_result(item)

    def _refuse(self, batch: Sequence[_Waiting], error: BaseException) -> None:
        if not self.trouble:
            log.error("the ledger cannot be written: %s", error)
        self.trouble = str(error)
        for _, answer in batch:
            if answer is not None and not answer.done():
                answer.set_exception(Unavailable("the ledger cannot be written"))

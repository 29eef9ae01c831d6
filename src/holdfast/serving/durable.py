"""The event loop's side of the group commit: a record goes in, and comes back when it is on disk."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import Future
from typing import TypeVar, cast

from holdfast.errors import HoldfastError
from holdfast.ledger.duplicates import Conflict
from holdfast.ledger.group import GroupCommitter
from holdfast.ledger.records import Record

log = logging.getLogger("holdfast.serving")

R = TypeVar("R", bound=Record)


class Unavailable(Exception):  # noqa: N818 — an answer, not a fault
    """The ledger cannot take the record now; the client may come again."""


class Durable:
    """Submits records and waits for them. At most `most` may wait at once; further ones are turned away."""

    def __init__(self, committer: GroupCommitter, *, most: int = 4_096) -> None:
        self._committer = committer
        self._most = most
        self.waiting = 0
        self.seq = 0
        """The last record known to be on disk."""
        self.trouble = ""
        """Why the last commit failed; empty while the ledger takes records."""

    async def commit(self, record: R) -> R:
        """The record as the ledger keeps it (an earlier one, when this event was decided meanwhile).

        Raises Conflict, or Unavailable.
        """
        if self.waiting >= self._most:
            raise Unavailable("too many requests wait for the disk")
        self.waiting += 1
        try:
            kept = await asyncio.wrap_future(self._committer.submit(record))
        except Conflict:
            raise
        except (OSError, HoldfastError, RuntimeError) as error:
            self._failed(error)
            raise Unavailable("the ledger cannot be written") from error
        finally:
            self.waiting -= 1
        self.trouble = ""
        self.seq = max(self.seq, kept.seq)
        return cast(R, kept)

    def note(self, record: Record) -> None:
        """Submits a record nobody waits for (a refusal). Dropped, and said so, when the ledger is behind."""
        if self.waiting >= self._most:
            log.warning("a refusal was not recorded: too many records wait for the disk")
            return
        self.waiting += 1
        try:
            self._committer.submit(record).add_done_callback(self._noted)
        except (OSError, HoldfastError, RuntimeError) as error:
            self.waiting -= 1
            self._failed(error)

    def _noted(self, done: Future[Record]) -> None:
        self.waiting -= 1
        error = done.exception()
        if error is not None and not isinstance(error, Conflict):
            self._failed(error)

    def _failed(self, error: BaseException) -> None:
        if not self.trouble:
            log.error("the ledger cannot be written: %s", error)
        self.trouble = str(error)

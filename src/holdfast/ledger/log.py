"""The ledger's files as one writer sees them: append a batch and sync it, cut a torn end, refuse other damage.

Everything here is done under the ledger's lock (`writer`); readers in other processes need none (`read`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from holdfast.errors import HoldfastError
from holdfast.ledger import frames
from holdfast.ledger.files import Files
from holdfast.ledger.frames import HEAD, MAGIC, Segment

SEGMENT_BYTES = 64 << 20


class LedgerUnavailable(HoldfastError):  # noqa: N818 - says what the caller's 503 will say
    """The ledger cannot be written now (disk full, input/output error): nothing was acknowledged, try again later."""


@dataclass(frozen=True, slots=True)
class Position:
    """A place between two batches: `offset` in the segment that begins with `first_seq`; `seq` is the last before it.

    The start of an empty ledger is Position(1, 0, 0).
    """

    first_seq: int
    offset: int
    seq: int


START = Position(1, 0, 0)


class Log:
    """The segments in `directory`; appends go to the last one, and to a new one each UTC day or `limit` bytes."""

    def __init__(self, directory: Path, *, files: Files | None = None, limit: int = SEGMENT_BYTES) -> None:
        self.directory = directory
        self._files = files or Files()
        self._limit = limit
        self._fd = -1
        self._segment: Segment | None = None
        self._offset = 0
        self._seq = 0
        self._listed = -1
        self._torn = False
        self._suspect = False
        self.sync_seconds = 0.0
        """How long the last sync of an append took."""
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LedgerUnavailable(f"cannot make the ledger's folder: {error}", where=str(directory)) from error

    @property
    def position(self) -> Position:
        return Position(self._segment.first_seq if self._segment else 1, self._offset, self._seq)

    def follow(self, position: Position) -> Iterator[tuple[Position, memoryview]]:
        """Each batch after `position` with the place after it, up to the end; then appends may go there.

        A torn end is cut off. Raises HoldfastError with file and offset on any other damage, and when the ledger ends
        before `position`.
        """
        if self._at_end(position):
            return
        listed = os.stat(self.directory).st_mtime_ns
        self._seq = position.seq
        for segment, last in self._from(position):
            self._enter(segment)
            if segment.first_seq == position.first_seq:
                yield from self._batches(segment, position.offset, last)
            elif segment.first_seq == self._seq + 1:
                yield from self._batches(segment, 0, last)
            else:
                raise frames.damaged(segment, 0, f"record {self._seq + 1} should be its first")
        self._listed = listed

    def _at_end(self, position: Position) -> bool:
        """Whether nothing lies after `position`; cheap, so that each batch can ask."""
        segment = self._segment
        if segment is None or self._torn or segment.first_seq != position.first_seq:
            return False
        if os.fstat(self._fd).st_size != position.offset or os.stat(self.directory).st_mtime_ns != self._listed:
            return False
        self._offset, self._seq = position.offset, position.seq
        return True

    def _from(self, position: Position) -> list[tuple[Segment, bool]]:
        found = frames.segments(self.directory)
        chosen = [item for item in found if item.first_seq >= position.first_seq]
        if position.seq and not (chosen and chosen[0].first_seq == position.first_seq):
            raise HoldfastError(
                f"the ledger's segment that begins with record {position.first_seq} is missing",
                where=str(self.directory),
                mend="restore the ledger from a backup",
            )
        return [(item, item is found[-1]) for item in chosen]

    def _enter(self, segment: Segment) -> None:
        self.close()
        self._fd = self._files.open(segment.path, create=False)
        self._segment, self._offset = segment, 0

    def _batches(self, segment: Segment, start: int, last: bool) -> Iterator[tuple[Position, memoryview]]:
        size = os.fstat(self._fd).st_size
        if size < start:
            raise frames.damaged(segment, size, f"the file ends before byte {start}, up to where records were applied")
        data = os.pread(self._fd, size - start, start)
        while len(data) < size - start and (more := os.pread(self._fd, size - start - len(data), start + len(data))):
            data += more
        if start == 0:
            if not data.startswith(MAGIC):
                self._cut_torn(segment, data, 0, 0, last)
                self._offset = 0
                return
            data, start = data[HEAD:], HEAD
        end = start
        for end, payload in frames.frames(data, segment.first_seq, start):
            self._seq += frames.count(payload)
            self._offset = end
            yield Position(segment.first_seq, end, self._seq), payload
        self._offset = end
        if end < start + len(data):
            self._cut_torn(segment, data, end - start, start, last)

    def _cut_torn(self, segment: Segment, data: bytes, at: int, start: int, last: bool) -> None:
        """Cut the file at `data[at:]` if that is an unfinished end, which only the last segment may have."""
        if not last:
            raise frames.damaged(segment, start + at, "a later segment follows it")
        later = frames.sound_frame_after(data, at, segment.first_seq, start)
        if later is not None:
            raise frames.damaged(segment, start + at, f"sound records follow at byte {start + later}")
        self._torn = True
        self._offset = start + at
        self._cut()

    def append(self, payload: bytes, records: int, day: str) -> Position:
        """Write one batch at the end and sync it; only when this returns may any of it be acknowledged.

        Raises LedgerUnavailable when it could not be written or synced; what was written of it is cut off again,
        now or before the next append.
        """
        try:
            if self._torn:
                self._cut()
            segment = self._segment
            if segment is None or self._suspect or segment.day != day or self._offset >= self._limit:
                segment = self._begin(day)
            data = frames.frame(segment.first_seq, self._offset or HEAD, payload)
            if self._offset == 0:
                data = MAGIC + data
            self._torn = True
            self._files.write(self._fd, data, self._offset)
            began = perf_counter()
            self._files.sync(self._fd)
            self.sync_seconds = perf_counter() - began
        except OSError as error:
            self._recover_from(error)
            raise LedgerUnavailable(
                f"the ledger cannot be written: {error.strerror}",
                where=str(self.directory),
                mend="nothing was acknowledged; free space or mend the disk, then send again",
            ) from error
        self._torn = False
        self._offset += len(data)
        self._seq += records
        return self.position

    def sync(self) -> None:
        """Sync the segment being followed. Raises LedgerUnavailable."""
        try:
            self._files.sync(self._fd)
        except OSError as error:
            raise LedgerUnavailable(f"the ledger cannot be synced: {error.strerror}") from error

    def _begin(self, day: str) -> Segment:
        """A new last segment; its name is on the disk before anything in it counts."""
        if self._segment is not None and self._offset == 0:
            self._segment.path.unlink(missing_ok=True)
        segment = Segment(self.directory / frames.segment_name(self._seq + 1, day), self._seq + 1, day)
        fd = self._files.open(segment.path, create=True)
        self.close()
        self._fd, self._segment, self._offset, self._suspect = fd, segment, 0, False
        self._files.sync_directory(self.directory)
        self._listed = os.stat(self.directory).st_mtime_ns
        return segment

    def _recover_from(self, error: OSError) -> None:
        # After a failed sync the kernel may call the pages clean although they are not on the disk, so nothing more
        # is appended to this file: the next batch begins a new segment.
        self._suspect = True
        if self._torn and self._fd >= 0:
            with suppress(OSError):
                self._cut()

    def _cut(self) -> None:
        self._files.truncate(self._fd, self._offset)
        self._files.sync(self._fd)
        self._torn = False

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
        self._fd, self._segment = -1, None

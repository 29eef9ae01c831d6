"""Reading the ledger, from any process, without a lock: iterate, find one record, follow what is appended."""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from holdfast.errors import HoldfastError
from holdfast.ledger import frames
from holdfast.ledger.frames import HEAD, MAGIC, Segment
from holdfast.ledger.ids import seq_of
from holdfast.ledger.records import (
    Approval,
    Decision,
    Examination,
    Experiment,
    Incident,
    Measure,
    Promotion,
    Record,
    Retraining,
    Waiver,
    decode,
)

if TYPE_CHECKING:
    from holdfast.features.state.snapshot import Snapshot

_PROMOTION = msgspec.msgpack.encode("promotion")
"""How a promotion's tag is spelled; other records may hold it too, a promotion always does."""

_COURSE = (_PROMOTION, msgspec.msgpack.encode("experiment"))

_TURNS = (*_COURSE, msgspec.msgpack.encode("retraining"))

_MEASURE = msgspec.msgpack.encode("measure")

_INCIDENT = (_MEASURE, msgspec.msgpack.encode("incident"))

_GATE = (_PROMOTION, *(msgspec.msgpack.encode(word) for word in ("examination", "approval", "waiver")))

_DECISION = re.compile(rb"\xdc\x00.\xa8decision", re.DOTALL)
"""How a decision begins: an array of more than fifteen, its tag first. No JSON that was sent holds such bytes."""

_NEVER = 1 << 62
"""After every seq."""


class LedgerReader:
    """Records of the ledger in `directory`, in order of seq.

    A batch still being written at the end is left for later. What is read may not be acknowledged yet: a caller that
    must not run ahead passes ``until=snapshot.applied_seq``.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._marks: dict[Path, list[tuple[int, int]]] = {}
        """For each segment, (first seq, offset) of batches already walked over, so that finding one is short."""
        self.walked = 0
        """The last record of the last batch walked over."""

    def records(self, since: int = 0, until: int | None = None) -> Iterator[Record]:
        """Records with ``since < seq <= until`` (to the end when None). Raises HoldfastError on damage."""
        for record in self._after(since):
            if until is not None and record.seq > until:
                return
            yield record

    def promotions(self, since: int = 0, until: int | None = None) -> Iterator[Promotion]:
        """The promotions among them. Batches that hold none are not decoded: a server asks for them when it starts."""
        for record in self._after(since, (_PROMOTION,)):
            if until is not None and record.seq > until:
                return
            if isinstance(record, Promotion):
                yield record

    def course(self, since: int = 0, until: int | None = None) -> Iterator[Promotion | Experiment]:
        """What a server follows: promotions, and decisions about experiments. As cheap as `promotions`."""
        for record in self._after(since, _COURSE):
            if until is not None and record.seq > until:
                return
            if isinstance(record, Promotion | Experiment):
                yield record

    def turns(self, since: int = 0) -> Iterator[Promotion | Experiment | Retraining]:
        """The course, and trainings anew: what a watch acts by. As cheap as `promotions`."""
        for record in self._after(since, _TURNS):
            if isinstance(record, Promotion | Experiment | Retraining):
                yield record

    def followed(self, since: int = 0, until: int | None = None) -> Iterator[Promotion | Experiment | Measure]:
        """The course, and measures: all that says who answers, and how. As cheap as `promotions`."""
        for record in self._after(since, (*_COURSE, _MEASURE)):
            if until is not None and record.seq > until:
                return
            if isinstance(record, Promotion | Experiment | Measure):
                yield record

    def decisions(self, since: int, until: int) -> int:
        """How many decisions have ``since < seq <= until``. Only a batch that one of the two divides is decoded."""
        found = 0
        for segment, last in self._segments(since):
            for ended, start, payload in self._walk(segment, since, last):
                began = ended - frames.count(payload)
                if began >= until:
                    return found
                if since <= began and ended <= until:
                    found += len(_DECISION.findall(payload))
                elif ended > since:
                    records = _decode(payload, segment, start)
                    found += sum(isinstance(record, Decision) and since < record.seq <= until for record in records)
        return found

    def incidents(self, since: int = 0) -> Iterator[Incident | Measure]:
        """Timelines of incidents, and the measures taken in them. As cheap as `promotions`."""
        for record in self._after(since, _INCIDENT):
            if isinstance(record, Incident | Measure):
                yield record

    def gate(self, since: int = 0) -> Iterator[Promotion | Examination | Approval | Waiver]:
        """What the gate decides from: promotions, examinations, approvals and waivers. As cheap as `promotions`."""
        for record in self._after(since, _GATE):
            if isinstance(record, Promotion | Examination | Approval | Waiver):
                yield record

    def _after(self, since: int, holding: tuple[bytes, ...] = ()) -> Iterator[Record]:
        for segment, last in self._segments(since):
            yield from self._segment(segment, since, last, holding)

    def _segments(self, since: int) -> Iterator[tuple[Segment, bool]]:
        """Those that reach beyond `since`, and whether each is the last."""
        found = frames.segments(self._directory)
        for segment, following in zip(found, [*found[1:], None], strict=False):  # an empty ledger has no segment
            if following is None or following.first_seq > since + 1:
                yield segment, following is None

    def _segment(
        self, segment: Segment, since: int, last: bool, holding: tuple[bytes, ...] = (), stop: int | None = None
    ) -> Iterator[Record]:
        """Records of a segment after `since`, up to the offset `stop`; of batches whose bytes hold one of `holding`."""
        for ended, start, payload in self._walk(segment, since, last, stop):
            if ended > since and (not holding or _holds(bytes(payload), holding)):
                for record in _decode(payload, segment, start):
                    if record.seq > since:
                        yield record

    def _walk(
        self, segment: Segment, since: int, last: bool, stop: int | None = None
    ) -> Iterator[tuple[int, int, memoryview]]:
        """(its last seq, offset, payload) of each batch, from one that begins at `since` or before, up to `stop`."""
        offset, seq = self._start(segment, since)
        marks = self._marks.setdefault(segment.path, [])
        for start, payload in _batches(segment, offset, last, stop):
            if not marks or seq >= marks[-1][0] + 512:
                marks.append((seq, start))
            seq += frames.count(payload)
            self.walked = seq - 1
            yield self.walked, start, payload

    def _start(self, segment: Segment, since: int) -> tuple[int, int]:
        """(offset, seq of the first record there) of the nearest known batch that does not begin past `since` + 1."""
        start = (0, segment.first_seq)
        for seq, offset in self._marks.get(segment.path, ()):
            if seq > since + 1:
                break
            start = (offset, seq)
        return start

    def record(self, seq: int) -> Record | None:
        """The record numbered `seq`, or None when the ledger does not hold it. Reads little once it knows the file."""
        found = frames.segments(self._directory)
        at = bisect_right(found, seq, key=lambda segment: segment.first_seq) - 1
        if at < 0:
            return None
        segment, last = found[at], at == len(found) - 1
        marks = self._marks.get(segment.path, [])
        if not marks or marks[-1][0] <= seq:
            for _ in self._segment(segment, _NEVER, last):
                pass  # walks from the last mark to the end, decoding nothing
            marks = self._marks.get(segment.path, [])
        beyond = bisect_right(marks, seq, key=lambda mark: mark[0])
        stop = marks[beyond][1] if beyond < len(marks) else None
        record = next(self._segment(segment, seq - 1, last, stop=stop), None)
        return record if record is not None and record.seq == seq else None

    def prediction(self, prediction_id: str) -> Decision | None:
        seq = seq_of(prediction_id)
        record = None if seq is None else self.record(seq)
        return record if isinstance(record, Decision) else None

    def decision_of(self, snapshot: Snapshot, source: str, event_id: str) -> Decision | None:
        """The decision about an event, through the state's table of events."""
        stored = snapshot.event(source, event_id)
        record = None if stored is None or not stored.decision else self.record(stored.decision)
        return record if isinstance(record, Decision) else None

    def beyond(self, first_seq: int, offset: int) -> int:
        """How many records lie after a place: `offset` in the segment that begins with `first_seq`. Decodes none."""
        found = [item for item in frames.segments(self._directory) if item.first_seq >= first_seq]
        return sum(
            frames.count(payload)
            for item in found
            for _, payload in _batches(item, offset if item.first_seq == first_seq else 0, item is found[-1])
        )

    def last_seq(self) -> int:
        """Seq of the last whole record, 0 for an empty ledger."""
        found = frames.segments(self._directory)
        if not found:
            return 0
        seq = found[-1].first_seq - 1
        for record in self._segment(found[-1], seq, last=True):
            seq = record.seq
        return seq


def _holds(payload: bytes, any_of: tuple[bytes, ...]) -> bool:
    return any(item in payload for item in any_of)


def verify(directory: Path) -> int:
    """Check every batch of the ledger; returns the seq of the last record.

    Raises HoldfastError with file and offset at the first that is damaged. An unfinished end is not damage.
    """
    seq = 0
    found = frames.segments(directory)
    for at, segment in enumerate(found, start=1):
        if segment.first_seq != seq + 1:
            raise frames.damaged(segment, 0, f"record {seq + 1} should be its first")
        seq += sum(frames.count(payload) for _, payload in _batches(segment, 0, at == len(found)))
    return seq


def _batches(segment: Segment, offset: int, last: bool, stop: int | None = None) -> Iterator[tuple[int, memoryview]]:
    """(offset, payload) of each batch of a segment from `offset` (0: its beginning) up to `stop`.

    Raises HoldfastError where something else lies, unless it is the unfinished end of the last segment.
    """
    data = _read(segment, offset, stop)
    if offset == 0:
        if data[:HEAD] != MAGIC:
            if last and len(data) < HEAD:
                return
            raise frames.damaged(segment, 0, "it does not begin as a ledger segment does")
        offset, data = HEAD, data[HEAD:]
    start = offset
    for after, payload in frames.frames(data, segment.first_seq, offset):
        yield start, payload
        start = after
    at = start - offset
    if at < len(data) and not (last and frames.sound_frame_after(data, at, segment.first_seq, offset) is None):
        raise frames.damaged(segment, start, "no sound record lies there")


def _read(segment: Segment, offset: int, stop: int | None) -> bytes:
    try:
        with segment.path.open("rb") as file:
            file.seek(offset)
            return file.read((os.fstat(file.fileno()).st_size if stop is None else stop) - offset)
    except OSError as error:
        raise HoldfastError(f"the ledger cannot be read: {error.strerror}", where=str(segment.path)) from error


def _decode(payload: memoryview, segment: Segment, offset: int) -> list[Record]:
    try:
        return decode(payload)
    except msgspec.DecodeError as error:
        raise HoldfastError(
            f"the batch at byte {offset} is sound but of no kind this Holdfast knows: {error}",
            where=str(segment.path),
            mend="read it with the Holdfast that wrote it, or a later one",
        ) from error

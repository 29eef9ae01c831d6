"""Frames and segments: how a batch of records lies in a file, and how damage is told from a torn end.

A segment is `<first seq>-<day>.log`: 16 bytes of magic, then frames of ``<u32 length><u32 crc32><payload>``, little
endian. A frame is one batch, so a batch is there whole or not at all. The checksum is seeded with the segment's first
seq, the frame's offset and its length: no bytes inside a request body can pass for a frame.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

from holdfast.errors import HoldfastError

MAGIC = b"HOLDFAST LOG 001"
HEAD = len(MAGIC)
_FRAME = struct.Struct("<II")
_SEED = struct.Struct("<QQI")
OVERHEAD = _FRAME.size


@dataclass(frozen=True, slots=True)
class Segment:
    path: Path
    first_seq: int
    day: str
    """UTC day of its records, ``20261122``."""


def segment_name(first_seq: int, day: str) -> str:
    return f"{first_seq:016d}-{day}.log"


def segments(directory: Path) -> list[Segment]:
    """The segments of a ledger in order of seq. Raises HoldfastError on a .log file that is not one of ours."""
    found = []
    for path in sorted(directory.glob("*.log")):
        first, _, day = path.stem.partition("-")
        if not (len(first) == 16 and first.isdigit() and len(day) == 8 and day.isdigit()):
            raise HoldfastError("this file is no ledger segment", where=str(path), mend="move it out of the ledger")
        found.append(Segment(path, int(first), day))
    return found


def frame(first_seq: int, offset: int, payload: bytes) -> bytes:
    return _FRAME.pack(len(payload), _checksum(first_seq, offset, payload)) + payload


def _checksum(first_seq: int, offset: int, payload: bytes | memoryview) -> int:
    return crc32(payload, crc32(_SEED.pack(first_seq, offset, len(payload))))


def payload_at(data: memoryview, at: int, first_seq: int, start: int) -> memoryview | None:
    """The payload of the frame at `data[at:]`, or None when no whole, sound frame lies there.

    `start` is the offset of `data[0]` in the segment.
    """
    if at + OVERHEAD > len(data):
        return None
    length, checksum = _FRAME.unpack_from(data, at)
    if length == 0 or length > len(data) - at - OVERHEAD:
        return None
    payload = data[at + OVERHEAD : at + OVERHEAD + length]
    return payload if _checksum(first_seq, start + at, payload) == checksum else None


def frames(data: bytes, first_seq: int, start: int) -> Iterator[tuple[int, memoryview]]:
    """(offset after the frame, payload) for each sound frame from `start` on; ends at the first that is not."""
    view = memoryview(data)
    at = 0
    while (payload := payload_at(view, at, first_seq, start)) is not None:
        at += OVERHEAD + len(payload)
        yield start + at, payload


def sound_frame_after(data: bytes, at: int, first_seq: int, start: int) -> int | None:
    """Where in `data` past `at` another sound frame begins: then what lies at `at` is damage, not a torn end.

    A batch is synced before the next one is written, so nothing follows a torn one.
    """
    view = memoryview(data)
    return next((i for i in range(at + 1, len(data)) if payload_at(view, i, first_seq, start) is not None), None)


def count(payload: memoryview) -> int:
    """Number of records in a batch, from the head of its msgpack array."""
    head = payload[0]
    if 0x90 <= head <= 0x9F:
        return head & 0x0F
    return int.from_bytes(payload[1:3] if head == 0xDC else payload[1:5], "big")


def damaged(segment: Segment, offset: int, why: str) -> HoldfastError:
    return HoldfastError(
        f"the ledger is damaged at byte {offset}: {why}",
        where=str(segment.path),
        mend="restore this file from a backup; nothing was changed",
    )

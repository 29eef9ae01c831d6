"""Names in the state file: series and entity in 24 bytes, events by source and id, all under LMDB's 511."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import msgspec

from holdfast.contract.model import Cell

SERIES = 8
ENTITY = 16
LONGEST_ID = 256
_BIAS = 1 << 63

_encode = msgspec.msgpack.Encoder().encode


def entity_hash(cells: Sequence[Cell]) -> bytes:
    """16 bytes for an entity's key cells; a cryptographic hash, so two entities never share it."""
    return blake2b(_encode(cells), digest_size=ENTITY).digest()


def sortable(time: int) -> bytes:
    """A time (µs) as 8 bytes that sort as the times do."""
    return (time + _BIAS).to_bytes(8, "big")


def time_of(sorted_time: bytes) -> int:
    return int.from_bytes(sorted_time, "big") - _BIAS


def id_bytes(event_id: str) -> bytes:
    """An id's UTF-8, the tie-break among equal times; one past 256 bytes keeps 240 and a hash of the whole."""
    text = event_id.encode()
    return text if len(text) <= LONGEST_ID else text[:240] + blake2b(text, digest_size=16).digest()


def event_key(source: str, event_id: str) -> bytes:
    name = source.encode()
    if len(name) > 128:
        name = blake2b(name, digest_size=16).digest()
    return name + b"\0" + id_bytes(event_id)

"""What state keeps of each event: when it came, its body, its decision, its labels; and outcomes that came first."""

from __future__ import annotations

from typing import NamedTuple

import msgspec


class Version(NamedTuple):
    """A label as it stands: the highest version received, its value, and the seq of the record that brought it."""

    version: int
    value: int
    seq: int


class StoredEvent(msgspec.Struct, array_like=True):
    """One event: `seq` of the record it first came with (0: history), event `time` in µs UTC, the body as received.

    `digest` is empty for history; `decision` is the seq of its decision, 0 when there is none.
    """

    seq: int
    time: int
    body: bytes
    digest: bytes
    decision: int = 0
    labels: dict[str, Version] = {}


encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(StoredEvent).decode
decode_pending = msgspec.msgpack.Decoder(dict[str, Version]).decode

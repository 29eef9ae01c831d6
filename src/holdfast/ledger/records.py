"""What the ledger keeps: six kinds of record, as msgpack arrays that later versions may only append fields to."""

from __future__ import annotations

from typing import Literal

import msgspec

PromotionAction = Literal["promote", "rollback", "archive", "alias"]


class Event(msgspec.Struct, array_like=True, tag="event", kw_only=True):
    """Something that happened to an entity: `body` is the raw JSON as received, `time` its event time in µs UTC."""

    seq: int = 0
    received_at: int = 0
    source: str
    event_id: str
    time: int
    body: bytes
    digest: bytes


class Decision(msgspec.Struct, array_like=True, tag="decision", kw_only=True):
    """An answered prediction; it is the event of its own request too.

    `features` are little-endian float64 in contract order, `read_seq` the last record its state snapshot held.
    """

    seq: int = 0
    received_at: int = 0
    read_seq: int
    source: str
    event_id: str
    time: int
    body: bytes
    digest: bytes
    contract: str
    model: str
    version: str
    variant: str
    features: bytes
    score: float
    probability: float
    threshold: float
    decision: bool
    warnings: list[str] = []
    reasons: list[tuple[str, float, float]] = []
    """(feature, value, contribution), strongest first; empty where they were not asked for."""
    prediction_id: str = ""


class Refusal(msgspec.Struct, array_like=True, tag="refusal", kw_only=True):
    """A request that got no answer. It is no event: nothing of it enters state."""

    seq: int = 0
    received_at: int = 0
    source: str
    event_id: str | None = None
    body: bytes = b""
    status: int = 0
    problems: list[dict[str, str]] = []
    contract: str = ""


class Outcome(msgspec.Struct, array_like=True, tag="outcome", kw_only=True):
    """What a label turned out to be; the highest version of an event's label wins."""

    seq: int = 0
    received_at: int = 0
    source: str
    label: str
    event_id: str
    version: int
    value: int


class Promotion(msgspec.Struct, array_like=True, tag="promotion", kw_only=True):
    """A decision about a model: who moved which alias to which version, and why."""

    seq: int = 0
    received_at: int = 0
    action: PromotionAction
    alias: str
    version: str
    bundle: str
    contract: str
    who: str
    why: str
    previous: str | None = None


class History(msgspec.Struct, array_like=True, tag="history", kw_only=True):
    """An input pinned as history from before the ledger; everything in it was known at `known_until` (µs UTC)."""

    seq: int = 0
    received_at: int = 0
    source: str
    path: str
    fingerprint: str
    rows: int
    known_until: int


Record = Event | Decision | Refusal | Outcome | Promotion | History

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Record])


def encode(records: list[Record]) -> bytes:
    return _encoder.encode(records)


def decode(payload: bytes | memoryview) -> list[Record]:
    """The records of one batch. Raises msgspec.DecodeError on bytes that are no batch of this format."""
    return _decoder.decode(payload)


def kind(record: Record) -> str:
    """``event``, ``decision``, … : the record's tag."""
    return type(record).__struct_config__.tag  # type: ignore[return-value]  # every kind has a str tag

"""What the ledger keeps: fifteen kinds of record, as msgpack arrays that later versions may only append fields to."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from holdfast.explain.because import Because

PromotionAction = Literal["promote", "rollback", "archive", "alias"]
ApprovalAction = Literal["approve", "withdraw", "break_glass"]
ExperimentAction = Literal["start", "step", "weights", "halt", "stop", "promote"]
ExperimentKind = Literal["ab", "canary", "bandit", "shadow", "rule"]
RetrainingEnd = Literal["refused", "stopped", "challenger", "canary", "waiting"]
MeasureAction = Literal["ask", "put", "lift"]
MeasureKind = Literal["threshold", "review", "names"]
IncidentAction = Literal[
    "open", "acknowledge", "evidence", "note", "mitigate", "verify", "communicate", "diagnose", "remediate", "close"
]


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
    """(feature, value, contribution), strongest first: how reasons were kept before `because`."""
    prediction_id: str = ""
    assigned: str = ""
    """Why this variant answered: ``ab:<experiment>``, ``canary:<experiment>:10%``; empty without an experiment."""
    experiment: int = 0
    """Seq of the experiment's record that the assignment was made by."""
    caller: str = ""
    """Who asked: the name of an API key, or ``jwt:`` and a token's subject; empty where nobody had to be known."""
    because: Because | None = None
    """The reasons told with it; None where none were due."""
    measures: list[int] = []
    """Seq of each measure that it was decided under: `threshold` is then that measure's."""
    review: bool = False
    """Positive, and a measure asks that a person looks at it."""


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
    passed: str = ""
    """What it passed the door on: whose approval of which verdict, or whose hands broke the glass."""


class History(msgspec.Struct, array_like=True, tag="history", kw_only=True):
    """An input pinned as history from before the ledger; everything in it was known at `known_until` (µs UTC)."""

    seq: int = 0
    received_at: int = 0
    source: str
    path: str
    fingerprint: str
    rows: int
    known_until: int


class Arm(msgspec.Struct, array_like=True, kw_only=True):
    """One variant of an experiment: a model version, and its share in slots of 10,000."""

    name: str
    version: str
    bundle: str
    contract: str
    weight: int = 0
    rule: str = ""
    """kind ``rule``: which events it answers."""


class Experiment(msgspec.Struct, array_like=True, tag="experiment", kw_only=True):
    """A decision about who answers: each one says all that holds from its seq on, so the last one is enough.

    `arms` begin with the champion of the start. `slots` are runs ``(first slot, place in arms)`` over 10,000 slots.
    """

    seq: int = 0
    received_at: int = 0
    action: ExperimentAction
    name: str
    kind: ExperimentKind
    arms: list[Arm]
    slots: list[tuple[int, int]] = []
    entity: list[str] = []
    """Fields of the deciding event whose values are kept together."""
    rule: str = ""
    """Which events take part; empty: all."""
    salt: bytes = b""
    plan: dict[str, Any] = {}
    """Steps, guards, level, reward, period: `holdfast.traffic.plan` reads it."""
    step: int = 0
    started: int = 0
    """Seq of the record that started it (0 in that record itself)."""
    after: int = 0
    """Seq of this experiment's record before; when another came between, this one does not count."""
    who: str
    why: str
    evidence: dict[str, Any] = {}
    """The counts that an automatic decision was made from."""


class Shadow(msgspec.Struct, array_like=True, tag="shadow", kw_only=True):
    """What a version that does not answer would have decided; `decision` names the decision it stands beside."""

    seq: int = 0
    received_at: int = 0
    decision_seq: int
    event_id: str
    read_seq: int
    contract: str
    model: str
    version: str
    experiment: int
    features: bytes
    score: float
    probability: float
    threshold: float
    decision: bool
    missing: list[str] = []
    """Fields that the request lacks, or has otherwise than this contract wants: read as null."""
    answered: bool = False
    """What was answered in truth."""


class Tally(msgspec.Struct, array_like=True, tag="tally", kw_only=True):
    """What one process counted since its last tally, for each variant under one experiment's record."""

    seq: int = 0
    received_at: int = 0
    process: str
    experiment: int
    counts: list[tuple[str, int, int, int, int]]
    """(variant, answered, failed, refused, slow)"""
    dropped: int = 0
    """Shadow decisions that were left out because the queue was full."""


class Examination(msgspec.Struct, array_like=True, tag="examination", kw_only=True):
    """What the gate said of a version: the verdict itself is kept by its hash."""

    seq: int = 0
    received_at: int = 0
    version: str
    bundle: str
    verdict: str
    """SHA-256 of the verdict's canonical JSON."""
    ok: bool
    stopping: list[str] = []
    """Codes of the checks that stop it."""
    waivers: list[int] = []
    """Seq of each waiver that it counted on."""
    who: str
    key: str = ""
    """Id of the key that proved who asked; empty where nobody did."""


class Approval(msgspec.Struct, array_like=True, tag="approval", kw_only=True):
    """Somebody answers for a version as the gate found it, takes that back, or lays a hand on the glass."""

    seq: int = 0
    received_at: int = 0
    action: ApprovalAction
    version: str
    bundle: str
    verdict: str = ""
    """The verdict approved; empty for a broken glass."""
    who: str
    key: str
    """Id of the key that proved who it was."""
    why: str
    until: int = 0
    """µs UTC; 0: as long as bundle and verdict stay."""


class Waiver(msgspec.Struct, array_like=True, tag="waiver", kw_only=True):
    """Somebody takes it upon themselves that a version need not pass a check, until `until` (µs UTC)."""

    seq: int = 0
    received_at: int = 0
    code: str
    version: str
    bundle: str
    who: str
    key: str
    why: str
    until: int
    contract: str = ""
    """Hash of the contract whose versions it is of, all of them, where the check does not apply; empty where it is of
    that one version, whatever the check says."""


class Measure(msgspec.Struct, array_like=True, tag="measure", kw_only=True):
    """For a while a live version decides or reads otherwise: asked by one person, put into force by another.

    A ``put`` says all that holds; ``lift`` ends the one that it names.
    """

    seq: int = 0
    received_at: int = 0
    action: MeasureAction
    kind: MeasureKind
    version: str
    bundle: str
    """``threshold`` and ``review`` hold for this bundle alone; ``names`` for whichever is live."""
    value: float = 0.0
    """``threshold``: positive from here on. ``review``: a positive decision below this is marked."""
    source: str = ""
    names: list[tuple[str, str]] = []
    """``names``: (as it comes, the field that is meant) in bodies of this source."""
    answers: int = 0
    """Seq of the record that this one answers: the asking that is put, what is put that is lifted."""
    opened: int = 0
    """Seq of the record that opened the incident it belongs to."""
    who: str
    key: str
    """Id of the key that proved who it was."""
    why: str
    until: int
    """µs UTC: it ends by itself."""


class Incident(msgspec.Struct, array_like=True, tag="incident", kw_only=True):
    """One line of an incident's timeline."""

    seq: int = 0
    received_at: int = 0
    action: IncidentAction
    opened: int = 0
    """Seq of the record that opened it: its name for good (0 in that record itself)."""
    playbook: str = ""
    what: str
    who: str
    key: str = ""
    """Id of the key that proved who wrote it; empty where nobody did."""
    figures: dict[str, Any] = {}
    """JSON; holds nothing that a client sent."""
    file: str = ""
    """What was gathered, by its name beside the ledger."""
    digest: str = ""
    """SHA-256 of that file."""


class Retraining(msgspec.Struct, array_like=True, tag="retraining", kw_only=True):
    """A training on what matured since, and what became of it: never a champion."""

    seq: int = 0
    received_at: int = 0
    because: list[str] = []
    """Kinds of the triggers that asked for it; empty where a person did."""
    why: str
    who: str
    key: str = ""
    """Id of the key that proved who asked; empty where nobody did."""
    ended: RetrainingEnd
    reason: str = ""
    """Why it was refused, or what it waits for."""
    version: str = ""
    bundle: str = ""
    """Empty where it was refused before anything was trained."""
    champion: str = ""
    """The version it was compared with."""
    until: int = 0
    """Last record of the ledger that it could learn from."""
    figures: dict[str, Any] = {}
    """Rows, positives, and the comparison with the champion on the same rows."""


Record = (
    Event | Decision | Refusal | Outcome | Promotion | History | Experiment | Shadow | Tally | Examination | Approval
    | Waiver | Measure | Incident | Retraining
)  # fmt: skip

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

"""The frozen contract: plain values, no engine, no behaviour beyond JSON and identity.

The language (`holdfast.contract.language`) builds these; every engine compiles them. Times are integer microseconds
(UTC for instants), decimals are integers at a declared scale.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from hashlib import blake2b
from typing import Any, Literal

FORMAT = 1
"""Version of the frozen JSON. A reader refuses a higher one."""

SECOND = 1_000_000
"""Microseconds in a second."""

DAY = 86_400 * SECOND

FieldType = Literal["integer", "decimal", "real", "boolean", "category", "text", "timestamp"]
Kind = Literal["number", "boolean", "category", "text", "timestamp"]
KIND_OF: dict[FieldType, Kind] = {
    "integer": "number",
    "decimal": "number",
    "real": "number",
    "boolean": "boolean",
    "category": "category",
    "text": "text",
    "timestamp": "timestamp",
}
AggregateName = Literal[
    "count", "sum", "mean", "std", "min", "max", "first", "last", "seconds_since_last", "distinct", "as_of"
]
Cell = int | float | str | None
"""A parsed field value. integer: int, |k| < 2**53. decimal: int k, |k| < 2**52, value k / 10**scale. real: finite
float, never -0.0. boolean: 0 or 1. category: code, 0 null, 1 unknown, 2.. the declared order. text: NFC str.
timestamp: int microseconds UTC. None is null (never for a category)."""

NULL_CODE, UNKNOWN_CODE, FIRST_CODE = 0, 1, 2
"""Category codes: null, unknown, and the first declared value."""


@dataclass(frozen=True, slots=True)
class Zone:
    """A time zone frozen: offsets[i] (seconds east of UTC) holds from transitions[i-1] (µs UTC) to transitions[i]."""

    name: str
    transitions: tuple[int, ...]
    offsets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a source, and what to do with each odd value of it."""

    name: str
    type: FieldType
    scale: int = 0
    """decimal: digits after the point."""
    above: str | None = None
    at_least: str | None = None
    below: str | None = None
    at_most: str | None = None
    """Bounds as decimal text (numbers), checked exactly."""
    values: tuple[str, ...] = ()
    """category: the vocabulary, in code order."""
    nullable: bool = False
    """Null or absent is accepted (then `on_null` does not apply)."""
    on_null: str = "refuse"
    """`refuse`, or `impute` (with `impute`). Ignored when nullable."""
    on_unknown: str = "refuse"
    """category: `refuse`, `unknown` (code 1), `missing` (code 0)."""
    on_odd: str = "refuse"
    """Out of bounds: `refuse`, `missing`, `impute`, or `keep` (accept with a warning)."""
    impute: str | None = None
    """JSON text of the value put in the place of a null or odd one."""
    placeholders: tuple[str, ...] = ()
    """JSON texts of values that stand for null ("999", "\\"N/A\\"")."""
    former: tuple[str, ...] = ()
    """Names this field used to have; accepted in its place."""
    rounding: str | None = None
    """decimal: `half_even` rounds further digits; None refuses them."""
    float32: bool = False
    """decimal from a float32 column is allowed."""
    zone: str | None = None
    """timestamp: naive times are in this zone. None refuses naive times."""
    calendar: Zone | None = None
    """timestamp with a zone: its transitions, frozen here so that a field alone says what a local time means."""
    fold: int | None = None
    """timestamp with a zone: which of two ambiguous local times is meant. None refuses them."""
    generated: bool = False
    """An id or a time the server fills in when a request leaves it out."""
    max_length: int = 256
    """text: longest accepted, in UTF-8 bytes."""
    personal: bool = False
    protected: bool = False
    unit: str = ""
    description: str = ""
    changeable: str = ""
    """What the person it is about could change it to: ``up``, ``down`` or ``any``; empty: nothing, it is history."""


@dataclass(frozen=True, slots=True)
class Source:
    """A stream of events. An event is known from `known_at` (a column), else `time + lag`."""

    name: str
    id: str
    time: str
    fields: tuple[Field, ...]
    known_at: str | None = None
    lag: int = 0

    def field(self, name: str) -> Field:
        return next(item for item in self.fields if item.name == name)

    def position(self, name: str) -> int:
        return next(i for i, item in enumerate(self.fields) if item.name == name)


@dataclass(frozen=True, slots=True)
class Label:
    """What is learned later about an event. Visible from max(received, time + known_after).

    `absent` False: without an outcome the label is 0 from time + final_after on. None: never without an outcome.
    """

    name: str
    source: str
    known_after: int
    absent: bool | None = None
    final_after: int | None = None
    received_at: str | None = None
    """History column with the instant the outcome arrived. None: assumed to be time + known_after."""

    @property
    def settled_after(self) -> int:
        """Microseconds from an event until its label can be learned from, and judged by, without bias.

        Where a missing outcome becomes a negative only at `final_after`, younger rows with a known label are all
        positives; so the whole wait counts, not `known_after` alone.
        """
        if self.absent is not None and self.final_after is not None:
            return max(self.known_after, self.final_after)
        return self.known_after


@dataclass(frozen=True, slots=True)
class Node:
    """One node of a row expression. `docs/contract.md` lists the operations and their parameters."""

    op: str
    kind: Kind
    args: tuple[Node, ...] = ()
    params: tuple[tuple[str, Any], ...] = ()

    def __getitem__(self, name: str) -> Any:
        return dict(self.params)[name]

    def walk(self) -> Iterator[Node]:
        yield self
        for arg in self.args:
            yield from arg.walk()


@dataclass(frozen=True, slots=True)
class Aggregate:
    """What happened to one entity in the window [t - ending - over, t - ending), t the decision's event time.

    `value` is a field of `source`, or the name of its label when `label` is true, or None (count,
    seconds_since_last). `keys` are the entity's fields in `source`, `on` the deciding event's fields matched to them.
    Every aggregate says `over` what window it looks; for as_of that is the time to live.
    """

    name: AggregateName
    source: str
    keys: tuple[str, ...]
    on: tuple[str, ...]
    over: int
    ending: int = 0
    value: str | None = None
    label: bool = False
    where: Node | None = None
    including_current: bool = False
    at_least: int = 0
    otherwise: float | int | None = None
    """Number (a category code for a category value) when empty or fewer than `at_least` points; None is null."""
    skip_nulls: bool = False
    """first, last: pass over null values. as_of never does; the others always do."""
    cap: int = 1_000
    """distinct: counts no further than this."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One named feature, its expression and what is promised of it."""

    name: str
    expr: Node
    description: str = ""
    owner: str = ""
    unit: str = ""
    at_least: float | None = None
    at_most: float | None = None
    max_null_share: float | None = None
    """Validation thresholds, used by `holdfast validate` and monitoring."""
    derived_from: tuple[str, ...] = ()
    group: str = ""
    """The author's name for what it is explained together with; empty: grouped by what it is read from."""


@dataclass(frozen=True, slots=True)
class Contract:
    """Everything a model may know, and when. Equal JSON means equal contracts.

    Nodes of op ``aggregate`` point into `aggregates` by index.
    """

    name: str
    decide_on: str
    label: str
    labels: tuple[Label, ...]
    sources: tuple[Source, ...]
    aggregates: tuple[Aggregate, ...]
    features: tuple[Feature, ...]
    zones: tuple[Zone, ...] = ()
    description: str = ""
    positive: str = ""
    """Name of the boolean answer in a reply (default: the label's name)."""
    probability: str = ""
    """Name of the probability in a reply (``fraud_probability``)."""

    @property
    def deciding(self) -> Source:
        return self.source(self.decide_on)

    @property
    def target(self) -> Label:
        return next(item for item in self.labels if item.name == self.label and item.source == self.decide_on)

    def source(self, name: str) -> Source:
        return next(item for item in self.sources if item.name == name)

    def source_label(self, source: str, name: str) -> Label:
        return next(item for item in self.labels if item.source == source and item.name == name)

    def filled_after(self, feature: Feature) -> int:
        """Microseconds from where history begins until the feature's windows are full, and labels in them settled.

        0 where it looks at the decision alone. Live has no such beginning.
        """
        longest = 0
        for node in feature.expr.walk():
            if node.op == "aggregate":
                item = self.aggregates[node["index"]]
                wait = self.source_label(item.source, str(item.value)).settled_after if item.label else 0
                longest = max(longest, item.over + max(item.ending, wait))
        return longest

    def zone(self, name: str) -> Zone:
        return next(item for item in self.zones if item.name == name)

    @property
    def hash(self) -> str:
        """32 hex digits that name this contract."""
        return digest(self.as_json())

    def as_json(self) -> dict[str, Any]:
        return {"format": FORMAT, **plain(self)}


def canonical(value: Any) -> bytes:
    """JSON with sorted keys and no spaces: equal values give equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def digest(value: Any, size: int = 16) -> str:
    return blake2b(canonical(value), digest_size=size).hexdigest()


def plain(value: Any) -> Any:
    """A dataclass of this module as JSON values; fields at their default are left out."""
    if isinstance(value, Node):
        shape: dict[str, Any] = {"op": value.op, "kind": value.kind}
        if value.args:
            shape["args"] = [plain(arg) for arg in value.args]
        return {**shape, **{name: plain(item) for name, item in value.params}}
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        return {
            item.name: plain(getattr(value, item.name))
            for item in fields(value)
            if getattr(value, item.name) != item.default
        }
    return value


def node_from(shape: Mapping[str, Any]) -> Node:
    params = tuple(
        (name, tuple(item) if isinstance(item, list) else item)
        for name, item in sorted(shape.items())
        if name not in ("op", "kind", "args")
    )
    return Node(shape["op"], shape["kind"], tuple(node_from(arg) for arg in shape.get("args", ())), params)


def _parts(shape: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(item) if isinstance(item, list) else item for name, item in shape.items()}


def field_from(shape: Mapping[str, Any]) -> Field:
    parts = _parts(shape)
    if "calendar" in shape:
        parts["calendar"] = Zone(**_parts(shape["calendar"]))
    return Field(**parts)


def _source(shape: Mapping[str, Any]) -> Source:
    return Source(**{**shape, "fields": tuple(field_from(field) for field in shape["fields"])})


def _aggregate(shape: Mapping[str, Any]) -> Aggregate:
    parts = _parts(shape)
    if "where" in shape:
        parts["where"] = node_from(shape["where"])
    return Aggregate(**parts)


def _feature(shape: Mapping[str, Any]) -> Feature:
    return Feature(**{**_parts(shape), "expr": node_from(shape["expr"])})


def contract_from(shape: Mapping[str, Any]) -> Contract:
    """The contract in frozen JSON. The caller has verified its hash; a newer format raises ValueError."""
    if shape["format"] > FORMAT:
        raise ValueError(f"contract format {shape['format']} is newer than this Holdfast reads ({FORMAT})")
    return Contract(
        name=shape["name"],
        decide_on=shape["decide_on"],
        label=shape["label"],
        labels=tuple(Label(**item) for item in shape["labels"]),
        sources=tuple(_source(item) for item in shape["sources"]),
        aggregates=tuple(_aggregate(item) for item in shape.get("aggregates", ())),
        features=tuple(_feature(item) for item in shape["features"]),
        zones=tuple(Zone(**_parts(item)) for item in shape.get("zones", ())),
        description=shape.get("description", ""),
        positive=shape.get("positive", ""),
        probability=shape.get("probability", ""),
    )

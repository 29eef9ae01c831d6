"""From a contract to the series of points it needs and the reads that answer each aggregate.

A series is what state keeps for each entity: it is named by everything that decides its content (source fields with
their policies, entity, filter, value), so two versions of a contract share the series they agree on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

from holdfast.contract.model import Aggregate, Contract, Field, Label, Node, Zone, digest, field_from, node_from, plain

Structure = Literal["sums", "labels", "ordered", "extremes", "distinct"]


@dataclass(frozen=True)
class Series:
    """Points of one entity, in event time.

    sums: times and count of points and, with a value, exact sums of it (and of its squares). labels: the same over
    received labels, corrections as differences. ordered: (time, id) -> value, for first, last and as-of.
    extremes: values, for min and max. distinct: values, for distinct counts. Null values are no points, except in an
    `ordered` series with `nulls`.
    """

    structure: Structure
    source: str
    keys: tuple[str, ...]
    fields: tuple[Field, ...]
    """Every field of the source that keys, filter and value use, with its policies."""
    value: str | None = None
    where: Node | None = None
    squares: bool = False
    nulls: bool = False
    zones: tuple[Zone, ...] = ()
    """The time zones that `where` reads dates in."""

    @cached_property
    def key(self) -> bytes:
        """8 bytes that name this series in state, the same in every process and version."""
        return bytes.fromhex(digest(plain(self), size=8))

    def field(self, name: str) -> Field:
        return next(item for item in self.fields if item.name == name)


def series_from(shape: Mapping[str, Any]) -> Series:
    """The series that `plain` wrote as JSON."""
    parts: dict[str, Any] = {name: tuple(item) if isinstance(item, list) else item for name, item in shape.items()}
    parts["fields"] = tuple(field_from(item) for item in shape["fields"])
    if "where" in shape:
        parts["where"] = node_from(shape["where"])
    parts["zones"] = tuple(
        Zone(item["name"], tuple(item["transitions"]), tuple(item["offsets"])) for item in shape.get("zones", ())
    )
    return Series(**parts)


@dataclass(frozen=True)
class Read:
    """How one aggregate is answered: from `points`, and for a label aggregate from `labels` too."""

    aggregate: Aggregate
    points: Series
    labels: Series | None
    label: Label | None
    scale: int
    """Digits after the point of the aggregated value (0 for counts, labels, integers and reals)."""

    def window(self, t: int) -> tuple[int, int]:
        """[start, end) in event time for a decision at `t`, in microseconds."""
        end = t - self.aggregate.ending
        return end - self.aggregate.over, end

    def final_end(self, t: int) -> int | None:
        """Events without an outcome count as absent strictly before this instant; None: they never do."""
        assert self.label is not None
        if self.label.absent is None or self.label.final_after is None:
            return None
        return min(t - self.aggregate.ending, t - self.label.final_after)


@dataclass(frozen=True)
class Plan:
    contract: Contract
    reads: tuple[Read, ...]
    """One for each of `contract.aggregates`, in that order."""

    @cached_property
    def series(self) -> tuple[Series, ...]:
        """Each series once, in order of first use."""
        seen: dict[bytes, Series] = {}
        for read in self.reads:
            for item in (read.points, read.labels):
                if item is not None:
                    seen.setdefault(item.key, item)
        return tuple(seen.values())


_STRUCTURE: dict[str, Structure] = {
    "count": "sums",
    "sum": "sums",
    "mean": "sums",
    "std": "sums",
    "min": "extremes",
    "max": "extremes",
    "first": "ordered",
    "last": "ordered",
    "as_of": "ordered",
    "seconds_since_last": "sums",
    "distinct": "distinct",
}


def plan(contract: Contract) -> Plan:
    """The reads of a contract. A sum and a deviation over the same points share one series."""
    squared = {_points(contract, item).key for item in contract.aggregates if item.name == "std"}
    return Plan(contract, tuple(_read(contract, item, squared) for item in contract.aggregates))


def _read(contract: Contract, aggregate: Aggregate, squared: set[bytes]) -> Read:
    points = _points(contract, aggregate)
    if points.key in squared:
        points = replace(points, squares=True)
    if aggregate.label:
        assert aggregate.value is not None
        label = contract.source_label(aggregate.source, aggregate.value)
        return Read(aggregate, points, replace(points, structure="labels", value=label.name), label, 0)
    scale = points.field(points.value).scale if points.value is not None else 0
    return Read(aggregate, points, None, None, scale)


def _points(contract: Contract, aggregate: Aggregate) -> Series:
    source = contract.source(aggregate.source)
    value = None if aggregate.label else aggregate.value
    used = set(aggregate.keys) | ({value} if value is not None else set())
    zones: set[str] = set()
    for node in aggregate.where.walk() if aggregate.where is not None else ():
        if node.op == "field":
            used.add(node["name"])
        zones |= {item for name, item in node.params if name == "zone" and item is not None}
    structure = _STRUCTURE[aggregate.name]
    return Series(
        structure=structure,
        source=source.name,
        keys=aggregate.keys,
        fields=tuple(_content(item) for item in source.fields if item.name in used),
        value=value,
        where=aggregate.where,
        nulls=structure == "ordered" and value is not None and not aggregate.skip_nulls,
        zones=tuple(item for item in contract.zones if item.name in zones),
    )


def _content(field: Field) -> Field:
    """The field without what decides nothing in a series, so that a better description shares it."""
    return replace(field, description="", unit="", personal=False, protected=False, changeable="")

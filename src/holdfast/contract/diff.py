"""What changed between two contracts, in words, and what of it needs new state before it can be served."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from holdfast.contract.model import Aggregate, Contract, Feature, Field, Label, Source, Zone, digest, plain
from holdfast.contract.words import duration_words, expression_words

Part = Literal["contract", "source", "field", "label", "feature", "zone"]


@dataclass(frozen=True, slots=True)
class Change:
    """One part that was added, removed or changed.

    `words` say what changed about it, one each. `new_state` lists the series of points that the new contract keeps for
    a feature and the old one did not: they are built from history before a version with it can be served.
    """

    part: Part
    name: str
    how: Literal["added", "removed", "changed"]
    words: tuple[str, ...] = ()
    new_state: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {**plain(self), "words": list(self.words), "new_state": list(self.new_state)}

    def __str__(self) -> str:
        text = f"{self.part} {self.name} {self.how}" + (f": {'; '.join(self.words)}" if self.words else "")
        return text + (f" [new state: {'; '.join(self.new_state)}]" if self.new_state else "")


def diff(old: Contract, new: Contract) -> list[Change]:
    """Every change from `old` to `new`: the contract itself, sources, fields, labels, features, zones.

    Empty exactly when the two are equal.
    """
    changes: list[Change] = []
    head = [
        f"{word} {getattr(old, name)!r} is now {getattr(new, name)!r}"
        for name, word in _HEAD.items()
        if getattr(old, name) != getattr(new, name)
    ]
    if head:
        changes.append(Change("contract", new.name, "changed", tuple(head)))
    changes += _compare("source", _named(old.sources), _named(new.sources), _source_words)
    for source in new.sources:
        if source.name in _named(old.sources):
            before, after = _fields(old, source.name), _fields(new, source.name)
            changes += _compare("field", before, after, _field_words)
            if before != after and sorted(before) == sorted(after) and list(before) != list(after):
                changes.append(Change("source", source.name, "changed", ("its fields are in another order",)))
    changes += _compare("label", _labels(old), _labels(new), _label_words)
    changes += _features(old, new)
    changes += _compare("zone", _named(old.zones), _named(new.zones), _zone_words)
    if not changes and old != new:
        changes.append(Change("contract", new.name, "changed", ("its parts are in another order",)))
    return changes


def series_words(contract: Contract) -> dict[str, str]:
    """Every series of points a contract keeps, named by all that decides its content, in words."""
    named: dict[str, str] = {}
    for aggregate in contract.aggregates:
        named.update(_series(contract, aggregate))
    return named


_HEAD = {
    "name": "the name",
    "decide_on": "it decides on",
    "label": "it predicts",
    "positive": "the decision's name",
    "probability": "the probability's name",
    "description": "the description",
}
_KEPT_AS = {
    "count": "sums", "sum": "sums", "mean": "sums", "std": "sums", "seconds_since_last": "sums", "min": "extremes",
    "max": "extremes", "distinct": "distinct values",
}  # fmt: skip


def _compare(
    part: Part, old: Mapping[str, Any], new: Mapping[str, Any], words: Callable[[Any, Any], list[str]]
) -> list[Change]:
    changes = [Change(part, name, "removed") for name in old if name not in new]
    for name, item in new.items():
        if name not in old:
            changes.append(Change(part, name, "added"))
        elif item != old[name]:
            told = words(old[name], item)
            if told:
                changes.append(Change(part, name, "changed", tuple(told)))
    return changes


def _features(old: Contract, new: Contract) -> list[Change]:
    kept = series_words(old)
    before, after = _named(old.features), _named(new.features)
    changes = [Change("feature", name, "removed") for name in before if name not in after]
    for name, item in after.items():
        state = tuple(words for key, words in _feature_series(new, item).items() if key not in kept)
        if name not in before:
            changes.append(Change("feature", name, "added", (f"is {expression_words(new, item.expr)}",), state))
        else:
            told = _feature_words(old, before[name], new, item)
            if told or state:
                changes.append(Change("feature", name, "changed", tuple(told), state))
    if list(before) != list(after) and sorted(before) == sorted(after):
        changes.append(Change("contract", new.name, "changed", ("its features are in another order",)))
    return changes


def _feature_words(old: Contract, before: Feature, new: Contract, after: Feature) -> list[str]:
    was, now = expression_words(old, before.expr), expression_words(new, after.expr)
    told = [f"was {was}, is {now}"] if was != now else []
    return told + [
        f"{name} was {_or_none(getattr(before, name))}, is {_or_none(getattr(after, name))}"
        for name in ("description", "owner", "unit", "at_least", "at_most", "max_null_share", "group")
        if getattr(before, name) != getattr(after, name)
    ]


def _feature_series(contract: Contract, feature: Feature) -> dict[str, str]:
    found: dict[str, str] = {}
    for node in feature.expr.walk():
        if node.op == "aggregate":
            found.update(_series(contract, contract.aggregates[node["index"]]))
    return found


def _series(contract: Contract, aggregate: Aggregate) -> dict[str, str]:
    """The points an aggregate is answered from: what is kept, of which events, under which rules."""
    source = contract.source(aggregate.source)
    value = None if aggregate.label else aggregate.value
    kept = _KEPT_AS.get(aggregate.name, "values in order of time")
    used = {*aggregate.keys, *([value] if value is not None else [])}
    if aggregate.where is not None:
        used |= {node["name"] for node in aggregate.where.walk() if node.op == "field"}
    nulls = kept == "values in order of time" and value is not None and not aggregate.skip_nulls
    rules = [plain(_rules(field)) for field in source.fields if field.name in used]
    where = None if aggregate.where is None else plain(aggregate.where)
    points = (kept, source.name, list(aggregate.keys), rules, value, where, nulls)
    squares = kept == "sums" and any(
        item.name == "std" and _points(contract, item) == _points(contract, aggregate) for item in contract.aggregates
    )
    of = f"{source.name}.{value}" if value is not None else f"events of {source.name}"
    told = f"{kept} of {of} per {' and '.join(aggregate.keys)}" + (" with squares" if squares else "")
    if aggregate.where is not None:
        told += f" where {expression_words(contract, aggregate.where)}"
    found = {digest([*points, squares]): told}
    if aggregate.label:
        label = f"{source.name}.{aggregate.value}"
        found[digest([*points, squares, "label", aggregate.value])] = told.replace(of, label)
    return found


def _rules(field: Field) -> Field:
    """The field without what is said of it for people: that decides no point."""
    return replace(field, description="", unit="", personal=False, protected=False, changeable="")


def _points(contract: Contract, aggregate: Aggregate) -> tuple[Any, ...]:
    value = None if aggregate.label else aggregate.value
    return (_KEPT_AS.get(aggregate.name), aggregate.source, aggregate.keys, value, aggregate.where)


def _source_words(old: Source, new: Source) -> list[str]:
    told = [
        f"{word} was {getattr(old, word)}, is {getattr(new, word)}"
        for word in ("id", "time", "known_at")
        if getattr(old, word) != getattr(new, word)
    ]
    if old.lag != new.lag:
        told.append(f"lag was {duration_words(old.lag)}, is {duration_words(new.lag)}")
    return told


def _field_words(old: Field, new: Field) -> list[str]:
    told = []
    for item in fields(Field):
        before, after = getattr(old, item.name), getattr(new, item.name)
        if before == after:
            continue
        if item.name == "values":
            gone, come = [v for v in before if v not in after], [v for v in after if v not in before]
            told += [f"no longer takes {', '.join(gone)}"] if gone else []
            told += [f"now takes {', '.join(come)}"] if come else []
            told += ["its values have other codes"] if after[: len(before)] != before else []
        elif item.name == "calendar":
            told.append("the frozen transitions of its zone are others")
        else:
            told.append(f"{item.name} was {_or_none(before)}, is {_or_none(after)}")
    return told


def _label_words(old: Label, new: Label) -> list[str]:
    told = []
    for item in fields(Label):
        before, after = getattr(old, item.name), getattr(new, item.name)
        if before != after:
            spans = item.name in ("known_after", "final_after")
            was, now = (
                (duration_words(value) if spans and value is not None else _or_none(value)) for value in (before, after)
            )
            told.append(f"{item.name} was {was}, is {now}")
    return told


def _zone_words(old: Zone, new: Zone) -> list[str]:
    return ["its frozen transitions are others"]


def _or_none(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "nothing"
    return "nothing" if value is None or value == "" else str(value)


def _named(items: tuple[Any, ...]) -> dict[str, Any]:
    return {item.name: item for item in items}


def _fields(contract: Contract, source: str) -> dict[str, Field]:
    return {f"{source}.{item.name}": item for item in contract.source(source).fields}


def _labels(contract: Contract) -> dict[str, Label]:
    return {f"{item.source}.{item.name}": item for item in contract.labels}

"""A frozen contract as YAML to review: what each feature is, where it comes from, how far back it looks, what it needs.

The page says the same for the same contract, whatever made it; it is for people, and nothing reads it back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from holdfast.contract.model import Aggregate, Contract, Feature, Field, Label, Source
from holdfast.contract.words import duration_words, expression_words

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./() -]*(?<! )")
_RESERVED = frozenset(("true", "false", "yes", "no", "on", "off", "y", "n", "null", "none"))


def show(contract: Contract) -> str:
    """The contract as YAML."""
    return to_yaml(review(contract))


def review(contract: Contract) -> dict[str, Any]:
    """What the YAML holds, as plain values in the order they are shown."""
    return {
        "contract": contract.name,
        **({"description": contract.description} if contract.description else {}),
        "hash": contract.hash,
        "decides_on": contract.decide_on,
        "predicts": contract.label,
        "answers": {"decision": contract.positive, "probability": contract.probability},
        "sources": {source.name: _source(contract, source) for source in contract.sources},
        "features": {feature.name: _feature(contract, feature) for feature in contract.features},
        **({"time_zones": [zone.name for zone in contract.zones]} if contract.zones else {}),
    }


def to_yaml(value: Any) -> str:
    """Dicts with text keys, lists, texts, numbers, booleans and None as YAML; equal values give equal text."""
    return "\n".join(_lines(value, 0)) + "\n"


def _lines(value: Any, depth: int) -> Iterator[str]:
    pad = "  " * depth
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _entry(f"{pad}{_scalar(key)}:", item, depth)
    elif isinstance(value, list | tuple) and value and not all(_is_scalar(item) for item in value):
        for item in value:
            yield from _entry(f"{pad}-", item, depth)
    else:
        yield pad + _flow(value)


def _entry(head: str, item: Any, depth: int) -> Iterator[str]:
    inner = list(_lines(item, depth + 1))
    if isinstance(item, Mapping | list | tuple) and item and not (len(inner) == 1 and inner[0].lstrip()[:1] == "["):
        yield head
        yield from inner
    else:
        yield f"{head} {inner[0].lstrip()}"


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_scalar(item) for item in value)}]"
    return _scalar(value)


def _is_scalar(value: Any) -> bool:
    return not isinstance(value, Mapping | list | tuple)


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        if _PLAIN.fullmatch(value) and value.lower() not in _RESERVED:
            return value
        if '"' in value and value.isprintable():
            return "'" + value.replace("'", "''") + "'"
        return '"' + "".join(_escaped(letter) for letter in value) + '"'
    if isinstance(value, float) and "e" in repr(value):
        mantissa, _, exponent = repr(value).partition("e")
        return f"{mantissa if '.' in mantissa else mantissa + '.0'}e{exponent}"  # YAML takes 1e-07 for a text
    return json.dumps(value)


def _escaped(letter: str) -> str:
    if letter in '"\\':
        return "\\" + letter
    if letter.isprintable() and letter != "\ufeff":
        return letter
    code = ord(letter)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _source(contract: Contract, source: Source) -> dict[str, Any]:
    shown: dict[str, Any] = {"id": source.id, "time": source.time}
    shown["known"] = (
        f"from column {source.known_at}" if source.known_at is not None else f"{duration_words(source.lag)} after"
    )
    shown["fields"] = {field.name: _field(field) for field in source.fields}
    labels = {label.name: _label(label) for label in contract.labels if label.source == source.name}
    return {**shown, **({"labels": labels} if labels else {})}


def _field(field: Field) -> dict[str, Any]:
    """Only what was said of the field: defaults are left out."""
    shown: dict[str, Any] = {"type": field.type}
    if field.type == "decimal":
        shown["scale"] = field.scale
    for name in ("above", "at_least", "below", "at_most"):
        bound = getattr(field, name)
        if bound is not None:
            shown[name] = _number(bound)
    if field.values:
        shown["values"] = list(field.values)
    if field.nullable:
        shown["nullable"] = True
    for name in ("on_null", "on_unknown", "on_odd"):
        if getattr(field, name) != "refuse":
            shown[name] = getattr(field, name)
    if field.impute is not None:
        shown["impute"] = json.loads(field.impute)
    if field.placeholders:
        shown["placeholders"] = [json.loads(item) for item in field.placeholders]
    if field.former:
        shown["former_names"] = list(field.former)
    for name in ("rounding", "zone", "fold"):
        if getattr(field, name) is not None:
            shown[name] = getattr(field, name)
    if field.type == "text" and field.max_length != 256:
        shown["max_length"] = field.max_length
    for name in ("float32", "generated", "personal", "protected", "changeable", "unit", "description"):
        if getattr(field, name):
            shown[name] = getattr(field, name)
    return shown


def _label(label: Label) -> dict[str, Any]:
    shown: dict[str, Any] = {"known_after": duration_words(label.known_after)}
    if label.absent is not None and label.final_after is not None:
        shown["without_outcome"] = f"negative from {duration_words(label.final_after)} on"
    else:
        shown["without_outcome"] = "never counts"
    shown["received"] = f"column {label.received_at}" if label.received_at else "assumed at known_after"
    return shown


def _feature(contract: Contract, feature: Feature) -> dict[str, Any]:
    aggregates = list(
        dict.fromkeys(contract.aggregates[node["index"]] for node in feature.expr.walk() if node.op == "aggregate")
    )
    shown: dict[str, Any] = {"is": expression_words(contract, feature.expr)}
    for name in ("description", "owner", "unit", "group"):
        if getattr(feature, name):
            shown[name] = getattr(feature, name)
    if feature.derived_from:
        shown["from"] = list(feature.derived_from)
    if aggregates:
        shown["lookback"] = duration_words(max(item.over + item.ending for item in aggregates))
        minimum = max(item.at_least for item in aggregates)
        if minimum:
            shown["minimum_points"] = minimum
        shown["available"] = list(dict.fromkeys(_available(contract, item) for item in aggregates))
        fallbacks = [item.otherwise for item in aggregates if item.otherwise is not None]
        if fallbacks:
            shown["fallback"] = fallbacks[0] if len(fallbacks) == 1 else fallbacks
    bounds = {name: getattr(feature, name) for name in ("at_least", "at_most", "max_null_share")}
    expected = {name: bound for name, bound in bounds.items() if bound is not None}
    return {**shown, **({"expect": expected} if expected else {})}


def _available(contract: Contract, aggregate: Aggregate) -> str:
    """When what the aggregate looks at is known."""
    source = contract.source(aggregate.source)
    if aggregate.label and aggregate.value is not None:
        label = contract.source_label(source.name, aggregate.value)
        return f"{source.name}.{label.name} {duration_words(label.known_after)} after its event, or when it arrives"
    if source.known_at is not None:
        return f"{source.name} from {source.known_at}"
    return f"{source.name} {duration_words(source.lag)} after its event" if source.lag else f"{source.name} at once"


def _number(text: str) -> int | float:
    return float(text) if "." in text else int(text)

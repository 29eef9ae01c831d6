"""One aggregate of an entity's past, checked as a whole: its value, its window, its filter and its fallback."""

from __future__ import annotations

from dataclasses import dataclass

from holdfast.contract.drafts import (
    AnyKind,
    Draft,
    Stream,
    broken,
    category_literal,
    describe,
    literal,
    wrong_kind,
)
from holdfast.contract.durations import Duration, length_of
from holdfast.contract.expressions import Expression, as_draft
from holdfast.contract.faults import Fault, fault, here
from holdfast.contract.fields import is_whole
from holdfast.contract.model import DAY, KIND_OF, Aggregate, AggregateName, Field, FieldType, Label, Node
from holdfast.contract.nodes import freeze_node

LARGEST_CAP = 100_000
"""Distinct values that may be counted exactly."""

EXACT: tuple[FieldType, ...] = ("integer", "decimal", "boolean")
ORDERED: tuple[FieldType, ...] = ("integer", "decimal", "real")
KEPT: tuple[FieldType, ...] = ("integer", "decimal", "real", "boolean", "category", "timestamp")
TOLD_APART: tuple[FieldType, ...] = ("text", "category", "integer", "decimal")
"""Field types that each kind of aggregate takes: exact sums, an order, a value to keep, equality."""


@dataclass(frozen=True, slots=True)
class View:
    """Whose events an aggregate looks at: a stream, by its keys, matched with the deciding event's fields `on`."""

    stream: Stream
    keys: tuple[str, ...]
    on: tuple[str, ...]
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Window:
    """Which events count: how far back, until when, which of them, and whether the decision's own does."""

    over: Duration | None
    ending: Duration | None
    where: object
    including_current: bool = False
    over_word: str = "over"

    def lengths(self, label: Label | None, found: list[Fault]) -> tuple[int, int]:
        """`over` and `ending` in microseconds. A label's window says where it ends, and reaches something known."""
        over, faults = length_of(self.over, self.over_word, at_least=1)
        found += faults
        ending = 0
        if self.ending is not None:
            ending, faults = length_of(self.ending, "ending")
            found += faults
        if label is None:
            return over, ending
        if self.ending is None:
            mend = f"say ending=days({-(-label.known_after // DAY)}) (as long as it takes to know), or ending=days(0)"
            found.append(fault("leak", f"the window of the label {label.name!r} does not say where it ends", mend))
        elif not faults and ending + over <= label.known_after:
            what = f"the window of the label {label.name!r} holds only events whose label is not known yet"
            found.append(fault("leak", what, "let ending= and over= together reach past known_after="))
        return over, ending


def aggregate(
    view: View,
    name: AggregateName,
    value: object,
    window: Window,
    at_least: int,
    otherwise: float | str | bool | None,
    *,
    takes: tuple[FieldType, ...] = EXACT,
    optional: bool = False,
    skip_nulls: bool = False,
    cap: int = 1_000,
) -> Expression:
    """The aggregate as an expression, or everything that is wrong with it."""
    found = list(view.faults)
    label = _label(view, name, value, found)
    field = None if label is not None else _field(view, name, value, takes, optional, found)
    over, ending = window.lengths(label, found)
    node = None if window.where is None else _filter(view, window.where, found)
    if window.including_current and label is not None:
        found.append(fault("leak", "including_current=: the decision's own label is not known", "leave it out"))
    elif window.including_current and ending:
        found.append(fault("value", "including_current=: the window ends before the decision", "leave it out"))
    if not is_whole(at_least, 0, 1_000_000_000):
        found.append(fault("value", f"at_least={at_least!r}", "say a number of events"))
    if not is_whole(cap, 1, LARGEST_CAP):
        found.append(fault("value", f"cap={cap!r}", f"say a whole number from 1 to {LARGEST_CAP:,}"))
    kind: AnyKind = KIND_OF[field.type] if field is not None and name in ("first", "last", "as_of") else "number"
    vocabulary = field.values if field is not None and kind == "category" else ()
    fallback = _fallback(otherwise, kind, vocabulary, found)
    if found:
        return Expression(broken(*found))
    made = Aggregate(
        name,
        view.stream.source.name,
        view.keys,
        view.on,
        over,
        ending,
        value=label.name if label is not None else field.name if field is not None else None,
        label=label is not None,
        where=node,
        including_current=window.including_current,
        at_least=at_least,
        otherwise=fallback,
        skip_nulls=skip_nulls,
        cap=cap,
    )
    return Expression(Draft("aggregate", kind, (), (), vocabulary, here(), aggregate=made, stream=view.stream))


def _label(view: View, name: AggregateName, value: object, found: list[Fault]) -> Label | None:
    if not isinstance(value, Expression) or value.draft.op != "label":
        return None
    found += value.draft.faults
    source, known = value.draft.param("source"), value.draft.param("name")
    label = next((item for item in view.stream.labels if item.name == known), None)
    if source != view.stream.source.name or label is None:
        what = f"{source}.{known} is no label of {view.stream.source.name}"
        found.append(fault("unknown_name", what, f"use {source}.per(...)"))
        return Label(known, source, 0)
    if name not in ("count", "sum", "mean"):
        found.append(fault("kind", f"{name}() of a label", "use count, sum or mean of it"))
    return label


def _field(
    view: View, name: AggregateName, value: object, takes: tuple[FieldType, ...], optional: bool, found: list[Fault]
) -> Field | None:
    source = view.stream.source.name
    if value is None:
        if not optional:
            found.append(fault("missing", f"{name}() names no field", f"write {name}({source}.amount), or another"))
        return None
    draft = as_draft(value)
    if draft.faults:
        found += draft.faults
        return None
    if draft.field is None:
        what = f"{name}() takes a field, not {describe(draft)}"
        found.append(fault("kind", what, "aggregate a field, filter with where=, then compute with the answer"))
        return None
    if draft.param("source") != source:
        what = f"{describe(draft)} is no field of {source}"
        found.append(fault("unknown_name", what, f"use {draft.param('source')}.per(...)"))
        return None
    if draft.field.type not in takes:
        what = f"{name}() of {describe(draft)}, which is {draft.field.type}"
        found.append(fault("kind", what, _mend(draft.field, takes)))
    return draft.field


def _filter(view: View, where: object, found: list[Fault]) -> Node | None:
    source = view.stream.source.name
    draft = as_draft(where)
    problem = None if draft.faults else wrong_kind(draft, ("boolean",), "where=")
    found += [*draft.faults, *([problem] if problem is not None else [])]
    if draft.kind != "boolean":
        return None
    for item in draft.walk():
        if item.aggregate is not None:
            what = "where= looks at one past event, which has no aggregates"
            found.append(fault("kind", what, f"use fields of {source}"))
            return None
        if item.op == "field" and item.param("source") != source:
            what = f"where= looks at events of {source}, and {describe(item)} is not of them"
            found.append(fault("unknown_name", what, f"use fields of {source}"))
            return None
    return freeze_node(draft, {})


def _fallback(otherwise: object, kind: AnyKind, vocabulary: tuple[str, ...], found: list[Fault]) -> float | int | None:
    if otherwise is None:
        return None
    if kind == "category" and isinstance(otherwise, str):
        draft = category_literal(otherwise, vocabulary)
    else:
        draft = literal(otherwise)
    if draft.faults:
        found += draft.faults
        return None
    if draft.kind != kind or kind == "timestamp":
        wanted = {"number": "a number", "boolean": "True or False", "category": "a value of the vocabulary"}
        mend = f"say {wanted[kind]}" if kind in wanted else "leave it out: a time has no fallback"
        found.append(fault("kind", f"otherwise={otherwise!r} does not fit the answer, which is a {kind}", mend))
        return None
    value = draft.param("value")
    return int(value) if isinstance(value, bool) else value


def _mend(field: Field, takes: tuple[FieldType, ...]) -> str:
    if field.type == "real":
        return "sums of floats depend on their order: declare it decimal(scale=...), or use min, max, first or last"
    return f"it takes {', '.join(takes)}"

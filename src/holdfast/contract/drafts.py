"""What an expression has gathered so far: the tree of a row expression, with the user's lines and faults in it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from unicodedata import normalize

from holdfast.contract.faults import Fault, fault, here, suggest
from holdfast.contract.model import FIRST_CODE, Aggregate, Field, Kind, Label, Source
from holdfast.contract.scalars import INTEGER_LIMIT, Refused, scalar_reader

AnyKind = Kind | Literal["any", "label"]
"""`any`: what a fault left behind, fits everywhere so that one mistake is told once. `label`: known only later."""


@dataclass(slots=True, eq=False)
class Stream:
    """What `Events` knows, kept apart from it so that every attribute of `Events` may be a field."""

    source: Source
    labels: list[Label]
    faults: list[Fault]
    where: str


@dataclass(frozen=True, slots=True)
class Draft:
    """One node before freezing. `vocabulary` is a category's values, `field` what an ``op="field"`` reads."""

    op: str
    kind: AnyKind
    args: tuple[Draft, ...] = ()
    params: tuple[tuple[str, Any], ...] = ()
    vocabulary: tuple[str, ...] = ()
    where: str = ""
    faults: tuple[Fault, ...] = ()
    field: Field | None = None
    aggregate: Aggregate | None = None
    stream: Stream | None = None
    """The stream that an aggregate looks at."""

    def walk(self) -> Iterator[Draft]:
        yield self
        for arg in self.args:
            yield from arg.walk()

    def param(self, name: str) -> Any:
        return dict(self.params)[name]


def broken(*faults: Fault) -> Draft:
    """What stands in the place of an expression that could not be built."""
    return Draft("literal", "any", params=(("value", None),), where=here(), faults=faults)


def operation(
    op: str, kind: Kind, args: Sequence[Draft], params: Mapping[str, Any], vocabulary: tuple[str, ...]
) -> Draft:
    return Draft(op, kind, tuple(args), tuple(sorted(params.items())), vocabulary, here())


def literal(value: object, like: Draft | None = None) -> Draft:
    """A Python value as a constant; a text takes its meaning from the expression it is used with."""
    kind = None if like is None else like.kind
    if value is None:
        vocabulary = () if like is None else like.vocabulary
        return Draft("literal", kind or "any", (), (("value", None),), vocabulary, here())
    if isinstance(value, bool):
        return _constant(value, "boolean")
    if isinstance(value, int | float | Decimal):
        return _number(value)
    if isinstance(value, datetime):
        return _instant(value.isoformat())
    if isinstance(value, str):
        if kind == "category" and like is not None:
            return category_literal(value, like.vocabulary)
        if kind == "timestamp":
            return _instant(value)
        return _constant(normalize("NFC", value), "text")
    what = f"{type(value).__name__} {str(value)[:60]!r} is no value of an expression"
    return broken(fault("kind", what, "use a field, a number, a text, True or False"))


def category_literal(value: str, vocabulary: tuple[str, ...]) -> Draft:
    """A category's value as its code."""
    word = normalize("NFC", value)
    if word not in vocabulary:
        return broken(fault("unknown_name", f"{value!r} is not in the vocabulary", suggest(value, vocabulary)))
    return Draft("literal", "category", (), (("value", FIRST_CODE + vocabulary.index(word)),), vocabulary, here())


def wrong_kind(draft: Draft, wanted: Sequence[Kind], doing: str) -> Fault | None:
    """Why `draft` cannot be used where one of `wanted` is, or None. What is already faulty is not told again."""
    if draft.kind == "any" or draft.kind in wanted:
        return None
    if draft.kind == "label":
        what = f"{describe(draft)} is learned after the decision, so {doing} cannot see it"
        mend = "aggregate it over the past: .per(...).mean(label, over=days(90), ending=days(7))"
        return fault("leak", what, mend)
    what = f"{doing} takes {' or '.join(article(kind) for kind in wanted)}, not {article(draft.kind)}"
    return fault("kind", what + f" ({describe(draft)})", _TRY.get((draft.kind, wanted[0]), f"use {article(wanted[0])}"))


def describe(draft: Draft) -> str:
    """The expression in the contract's words, shortly."""
    if draft.op in ("field", "label"):
        return f"{draft.param('source')}.{draft.param('name')}"
    if draft.op == "literal":
        return repr(draft.param("value"))
    return f"{draft.op}(...)" if draft.aggregate is None else f"{draft.aggregate.name}(...)"


def article(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


_TRY: dict[tuple[str, str], str] = {
    ("boolean", "number"): "write when(condition, 1).otherwise(0)",
    ("category", "number"): "compare it: == 'value', or .is_in([...])",
    ("text", "number"): "use .length(), .is_in([...]) or .to_category([...])",
    ("timestamp", "number"): "use .hour(), .weekday() or .seconds_since(other)",
    ("number", "boolean"): "compare it: > 0",
}


def _constant(value: Any, kind: Kind) -> Draft:
    return Draft("literal", kind, (), (("value", value),), where=here())


def _number(value: int | float | Decimal) -> Draft:
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, float) and not math.isfinite(value):
        return broken(fault("value", f"{value} is not a finite number", "use None for null"))
    if isinstance(value, float) and value.is_integer() and abs(value) <= INTEGER_LIMIT:
        value = int(value)  # 1.0 and 1 are one constant, and so is -0.0
    if isinstance(value, int) and abs(value) > INTEGER_LIMIT:
        return broken(fault("value", f"{value} is beyond 2^53", "use a number that a double holds exactly"))
    return _constant(value, "number")


def _instant(text: str) -> Draft:
    try:
        return _constant(scalar_reader(Field("", "timestamp"))(text), "timestamp")
    except Refused as refused:
        return broken(fault("value", refused.what, refused.mend))

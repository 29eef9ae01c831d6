"""Row expressions: what can be computed from the deciding event and from aggregates, all of it null-aware.

Null in, null out, except where an operation says otherwise; division by zero and numbers that are not finite are null;
logic is three-valued. One kernel evaluates these for one row and for columns, to the same bits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from holdfast.contract.drafts import Draft, article, broken, describe, literal, operation, wrong_kind
from holdfast.contract.faults import Fault, fault, is_gathering, refuse, suggest
from holdfast.contract.fields import is_whole, unknown_zone
from holdfast.contract.model import Kind


class Expression:
    """A value computed for each decision. Build one from fields and aggregates with operators and the methods here.

    It has no truth of its own: combine conditions with ``&``, ``|`` and ``~``, choose with ``when(...)``.
    """

    __slots__ = ("draft",)

    def __init__(self, draft: Draft) -> None:
        self.draft = draft

    def __add__(self, other: object) -> Expression:
        """Sum of two numbers."""
        return _arithmetic("add", self, other)

    def __radd__(self, other: object) -> Expression:
        return _arithmetic("add", other, self)

    def __sub__(self, other: object) -> Expression:
        """Difference of two numbers; of two timestamps, the seconds between them."""
        if "timestamp" in (self.draft.kind, other.draft.kind if isinstance(other, Expression) else ""):
            return self.seconds_since(other)
        return _arithmetic("sub", self, other)

    def __rsub__(self, other: object) -> Expression:
        if self.draft.kind == "timestamp":
            return Expression(literal(other, self.draft)).seconds_since(self)
        return _arithmetic("sub", other, self)

    def __mul__(self, other: object) -> Expression:
        """Product of two numbers."""
        return _arithmetic("mul", self, other)

    def __rmul__(self, other: object) -> Expression:
        return _arithmetic("mul", other, self)

    def __truediv__(self, other: object) -> Expression:
        """Quotient of two numbers; null when divided by zero."""
        return _arithmetic("div", self, other)

    def __rtruediv__(self, other: object) -> Expression:
        return _arithmetic("div", other, self)

    def __pow__(self, other: object) -> Expression:
        """Power; null where it is not a finite real number."""
        return _arithmetic("pow", self, other)

    def __rpow__(self, other: object) -> Expression:
        return _arithmetic("pow", other, self)

    def __neg__(self) -> Expression:
        """The number with its sign turned."""
        return apply("neg", "number", [self], ("number",))

    def __abs__(self) -> Expression:
        """The number without its sign."""
        return apply("abs", "number", [self], ("number",))

    def __round__(self, digits: int = 0) -> Expression:
        """The same as `round`: ``round(x, 2)``."""
        return self.round(digits)

    def __eq__(self, other: object) -> Expression:  # type: ignore[override]  # a comparison is an expression
        """Equal; null when either is."""
        return _compare("eq", self, other)

    def __ne__(self, other: object) -> Expression:  # type: ignore[override]  # a comparison is an expression
        """Not equal; null when either is."""
        return _compare("ne", self, other)

    def __lt__(self, other: object) -> Expression:
        """Less than (numbers, timestamps); null when either is."""
        return _compare("lt", self, other)

    def __le__(self, other: object) -> Expression:
        """At most (numbers, timestamps); null when either is."""
        return _compare("le", self, other)

    def __gt__(self, other: object) -> Expression:
        """Greater than (numbers, timestamps); null when either is."""
        return _compare("gt", self, other)

    def __ge__(self, other: object) -> Expression:
        """At least (numbers, timestamps); null when either is."""
        return _compare("ge", self, other)

    __hash__ = object.__hash__

    def __and__(self, other: object) -> Expression:
        """Both conditions, three-valued: false and null is false."""
        return apply("and", "boolean", [self, other], ("boolean",))

    def __rand__(self, other: object) -> Expression:
        return apply("and", "boolean", [other, self], ("boolean",))

    def __or__(self, other: object) -> Expression:
        """Either condition, three-valued: true or null is true."""
        return apply("or", "boolean", [self, other], ("boolean",))

    def __ror__(self, other: object) -> Expression:
        return apply("or", "boolean", [other, self], ("boolean",))

    def __invert__(self) -> Expression:
        """The opposite condition; null stays null."""
        return apply("not", "boolean", [self], ("boolean",))

    def __bool__(self) -> bool:
        found = fault(
            "truth",
            "an expression has no truth here: it is computed later, for each decision",
            "write & for and, | for or, ~ for not, .is_in([...]) for in, (0 < x) & (x < 9) for 0 < x < 9, "
            "when(condition, a).otherwise(b) for if",
        )
        if is_gathering():
            return True
        raise refuse("the contract cannot be built", [found])

    def is_null(self) -> Expression:
        """Whether the value is null; itself never null."""
        return apply("is_null", "boolean", [self], _ANY)

    def is_in(self, values: Iterable[object]) -> Expression:
        """Whether the value is one of `values`; null when it is null."""
        items = [values] if isinstance(values, str) else list(values)
        drafts = [literal(item, self.draft) for item in items]
        faults = [item for draft in drafts for item in draft.faults]
        for draft in drafts:
            problem = None if self.draft.kind == "any" else wrong_kind(draft, (_plain(self.draft),), "is_in")
            if problem is not None:
                faults.append(problem)
        if not items:
            faults.append(fault("value", "is_in() of no values is never true", "list the values"))
        if faults:
            return Expression(broken(*self.draft.faults, *faults))
        chosen = tuple(draft.param("value") for draft in drafts)
        return apply("is_in", "boolean", [self], _ANY, values=chosen)

    def round(self, digits: int = 0) -> Expression:
        """The number rounded half-even to `digits` after the point."""
        if not is_whole(digits, 0, 12):
            return _refused(self, "value", f"round({digits!r})", "say a number of digits from 0 to 12")
        return apply("round", "number", [self], ("number",), digits=digits)

    def floor(self) -> Expression:
        """The largest whole number not above."""
        return apply("floor", "number", [self], ("number",))

    def ceil(self) -> Expression:
        """The smallest whole number not below."""
        return apply("ceil", "number", [self], ("number",))

    def bin(self, edges: Iterable[float]) -> Expression:
        """The number of `edges` (rising) that are at or below the value: 0 below the first."""
        drafts = [literal(edge) for edge in edges]
        faults = [item for draft in drafts for item in draft.faults]
        if faults:
            return Expression(broken(*self.draft.faults, *faults))
        numbers = [draft.param("value") for draft in drafts]
        rising = all(isinstance(item, int | float) and not isinstance(item, bool) for item in numbers)
        if not numbers or not rising or any(a >= b for a, b in pairwise(numbers)):
            return _refused(self, "value", "bin() takes rising numbers", "write bin([10, 100, 1000])")
        return apply("bin", "number", [self], ("number",), edges=tuple(numbers))

    def length(self) -> Expression:
        """The number of characters (code points) of a text."""
        return apply("length", "number", [self], ("text",))

    def lower(self) -> Expression:
        """The text with A–Z as a–z; other letters stay."""
        return apply("lower", "text", [self], ("text",))

    def starts_with(self, text: str) -> Expression:
        """Whether a text begins with `text`."""
        return _pattern("starts_with", self, text)

    def ends_with(self, text: str) -> Expression:
        """Whether a text ends with `text`."""
        return _pattern("ends_with", self, text)

    def contains(self, text: str) -> Expression:
        """Whether `text` occurs in a text."""
        return _pattern("contains", self, text)

    def to_category(self, values: Iterable[str]) -> Expression:
        """A text as a category of these `values`: null is 0, any other text 1, then `values` in order."""
        words = [literal(item).params[0][1] for item in ([values] if isinstance(values, str) else values)]
        if not words or not all(isinstance(word, str) for word in words) or len(set(words)) != len(words):
            return _refused(self, "value", "to_category() takes distinct texts", "write to_category(['a', 'b'])")
        draft = apply("to_category", "category", [self], ("text",), values=tuple(words)).draft
        return Expression(draft if draft.kind == "any" else replace(draft, vocabulary=tuple(words)))

    def hour(self, zone: str | None = None) -> Expression:
        """Hour of the day, 0 to 23, in `zone` (UTC if none is named)."""
        return _part("hour", self, zone)

    def minute(self, zone: str | None = None) -> Expression:
        """Minute of the hour, 0 to 59, in `zone`."""
        return _part("minute", self, zone)

    def weekday(self, zone: str | None = None) -> Expression:
        """Day of the week, Monday 0 to Sunday 6, in `zone`."""
        return _part("weekday", self, zone)

    def day(self, zone: str | None = None) -> Expression:
        """Day of the month, from 1, in `zone`."""
        return _part("day", self, zone)

    def month(self, zone: str | None = None) -> Expression:
        """Month of the year, 1 to 12, in `zone`."""
        return _part("month", self, zone)

    def year(self, zone: str | None = None) -> Expression:
        """Calendar year, in `zone`."""
        return _part("year", self, zone)

    def day_of_year(self, zone: str | None = None) -> Expression:
        """Day of the year, from 1, in `zone`."""
        return _part("day_of_year", self, zone)

    def seconds_since(self, earlier: object) -> Expression:
        """Seconds from `earlier` to this timestamp, negative when it is later."""
        return apply("seconds_between", "number", [self, earlier], ("timestamp",))

    if not TYPE_CHECKING:  # a type checker sees the typo itself; here it becomes one fault among the others

        def __getattr__(self, name: str) -> Expression:
            if name.startswith("_"):
                raise AttributeError(name)
            words = [word for word in dir(Expression) if not word.startswith("_")]
            return _refused(self, "unknown_name", f"{describe(self.draft)} has no {name!r}", suggest(name, words))

        def __call__(self, *_: object, **__: object) -> Expression:
            if self.draft.kind == "any":
                return self
            return _refused(self, "kind", f"{describe(self.draft)} cannot be called", "leave the brackets out")


_ANY: tuple[Kind, ...] = ("number", "boolean", "category", "text", "timestamp")


def as_draft(value: object, like: Draft | None = None) -> Draft:
    """An expression's draft, or a constant's."""
    return value.draft if isinstance(value, Expression) else literal(value, like)


def apply(op: str, kind: Kind, args: list[Any], wanted: tuple[Kind, ...], **params: Any) -> Expression:
    """An operation on arguments of one kind out of `wanted`, or what is wrong with it."""
    like = next((item.draft for item in args if isinstance(item, Expression)), None)
    drafts = [as_draft(item, like) for item in args]
    return build(op, kind, drafts, wanted, _NAMES.get(op, f"{op}()"), **params)


def build(op: str, kind: Kind, drafts: list[Draft], wanted: tuple[Kind, ...], doing: str, **params: Any) -> Expression:
    """The operation, unless an argument is faulty, of no wanted kind, or of another kind than the first."""
    faults = [item for draft in drafts for item in draft.faults]
    problems: list[Fault] = []
    for constants in (False, True):  # a constant took its kind from its partner: with both wrong, the partner is told
        chosen = [draft for draft in drafts if (draft.op == "literal") is constants and not problems]
        problems += [problem for draft in chosen if (problem := wrong_kind(draft, wanted, doing)) is not None]
    kinds = [draft.kind for draft in drafts if draft.kind != "any"]
    if not problems and len(set(kinds)) > 1:
        mixed = " and ".join(article(item) for item in dict.fromkeys(kinds))
        problems.append(fault("kind", f"{doing} takes values of one kind, not {mixed}", "use values of one kind"))
    vocabularies = {draft.vocabulary for draft in drafts if draft.kind == "category"}
    if not problems and len(vocabularies) > 1:
        problems.append(fault("kind", f"{doing} of two different vocabularies", "give both the same values in order"))
    if faults or problems:
        return Expression(broken(*faults, *problems))
    return Expression(
        operation(op, kind, drafts, params, vocabularies.pop() if kind == "category" and vocabularies else ())
    )


def _plain(draft: Draft) -> Kind:
    return "number" if draft.kind in ("any", "label") else draft.kind  # type: ignore[return-value]  # narrowed


def _arithmetic(op: str, left: object, right: object) -> Expression:
    return apply(op, "number", [left, right], ("number",))


def _compare(op: str, left: object, right: object) -> Expression:
    wanted: tuple[Kind, ...] = _ANY if op in ("eq", "ne") else ("number", "timestamp")
    if right is None:
        found = fault("kind", f"{_NAMES[op]} None is always null", "write .is_null(), or ~(...).is_null()")
        return Expression(broken(*as_draft(left).faults, found))
    return apply(op, "boolean", [left, right], wanted)


def _pattern(op: str, text: Expression, pattern: object) -> Expression:
    if not isinstance(pattern, str) or not pattern:
        return _refused(text, "value", f"{op}({pattern!r})", "say a text")
    return apply(op, "boolean", [text], ("text",), text=literal(pattern).param("value"))


def _part(op: str, instant: Expression, zone: str | None) -> Expression:
    if zone is None:
        return apply(op, "number", [instant], ("timestamp",))
    faults = unknown_zone(zone)
    if faults:
        return Expression(broken(*instant.draft.faults, *faults))
    return apply(op, "number", [instant], ("timestamp",), zone=zone)


def _refused(expression: Expression, code: str, what: str, mend: str) -> Expression:
    faults: tuple[Fault, ...] = (*expression.draft.faults, fault(code, what, mend))
    return Expression(broken(*faults))


_NAMES = {
    "add": "+", "sub": "-", "mul": "*", "div": "/", "pow": "**", "neg": "-", "abs": "abs()", "eq": "==", "ne": "!=",
    "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "and": "&", "or": "|", "not": "~", "if": "when()",
    "seconds_between": "seconds_since()",
}  # fmt: skip

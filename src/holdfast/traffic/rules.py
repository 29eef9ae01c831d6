"""A rule on the fields of an event, written as text in the contract's own words: ``amount > 100 and hour(at) < 6``.

The text is read into the contract language's expressions, and compiled by the kernel that computes features: nothing of
it is evaluated by Python. Null counts as no. Known: fields, numbers, texts, ``true``, ``false``, comparisons (also
chained), ``and or not in``, ``+ - * /``, ``x is null``, and the words of expressions as ``word(field, …)``: hour,
minute, weekday, day, month, year, length, lower, starts_with, ends_with, contains.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

from holdfast.contract.drafts import Draft
from holdfast.contract.expressions import Expression
from holdfast.contract.faults import suggest
from holdfast.contract.model import KIND_OF, Contract, Field, Node, Source
from holdfast.contract.nodes import freeze_node
from holdfast.errors import HoldfastError, Problem
from holdfast.features.kernel.scalar import Predicate, compile_predicate

LONGEST = 1_000

_WORDS = (
    "hour", "minute", "weekday", "day", "month", "year", "length", "lower", "starts_with", "ends_with", "contains",
)  # fmt: skip
_COMPARE: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_ARITHMETIC: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


class _Wrong(Exception):  # noqa: N818 — carried to the one error that is told
    def __init__(self, what: str, mend: str = "") -> None:
        super().__init__(what)
        self.what, self.mend = what, mend


def compile_rule(text: str, contract: Contract) -> Predicate:
    """The rule as a function of the deciding event's cells. Raises HoldfastError with what is wrong with the text."""
    return compile_predicate(read_rule(text, contract), contract.deciding.fields, contract.zones)


def read_rule(text: str, contract: Contract) -> Node:
    """The rule as a node of the kernel; a time zone must be one that the contract froze. Raises HoldfastError."""
    frozen = [zone.name for zone in contract.zones]
    try:
        if len(text) > LONGEST:
            raise _Wrong(f"it is longer than {LONGEST} characters", "say it shorter")
        try:
            tree = ast.parse(text.strip(), mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise _Wrong("it is no rule", 'write it as: amount > 100 and merchant_category == "travel"') from None
        found = _Reader(contract.deciding).read(tree.body)
        if not isinstance(found, Expression):
            raise _Wrong("it is a constant, and no condition", "compare a field with a value")
        draft = found.draft
        if draft.faults:
            raise _Wrong("; ".join(item.what for item in draft.faults), "; ".join(item.mend for item in draft.faults))
        if draft.kind != "boolean":
            raise _Wrong(f"it gives a {draft.kind}, and no yes or no", "compare it with a value")
        node = freeze_node(draft, {})
        strange = {zone for part in node.walk() if (zone := dict(part.params).get("zone")) and zone not in frozen}
        if strange:
            raise _Wrong(f"the contract froze no zone {', '.join(sorted(strange))}", suggest(min(strange), frozen))
        return node
    except _Wrong as wrong:
        problem = Problem("rule", "rule", wrong.what, wrong.mend)
        raise HoldfastError(f"this rule cannot be used: {text[:200]}", problems=[problem]) from None


class _Reader:
    def __init__(self, source: Source) -> None:
        self._source = source
        self._fields = {item.name: item for item in source.fields}

    def read(self, tree: ast.expr) -> object:
        """An expression of the language, or a constant."""
        match tree:
            case ast.Name(id=name):
                return self._name(name)
            case ast.Constant(value=value) if isinstance(value, bool | int | float | str):
                return value
            case ast.UnaryOp(op=ast.Not(), operand=inner):
                return ~self._expression(inner)
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=value)) if isinstance(value, int | float):
                return -value
            case ast.BoolOp(op=joined, values=parts):
                both = operator.and_ if isinstance(joined, ast.And) else operator.or_
                total: object = self._expression(parts[0])
                for part in parts[1:]:
                    total = both(total, self._expression(part))
                return total
            case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _ARITHMETIC:
                return self._apply(_ARITHMETIC[type(sign)], self.read(left), self.read(right))
            case ast.Compare(left=left, ops=signs, comparators=others):
                return self._compare(left, signs, others)
            case ast.Call(func=ast.Name(id=word), args=[first, *rest], keywords=[]):
                return self._call(word, first, rest)
        raise _Wrong(
            f"{ast.unparse(tree)[:80]!r} is not understood here", "see docs/experiments.md for what a rule may say"
        )

    def _name(self, name: str) -> object:
        if name in ("true", "false"):
            return name == "true"
        field = self._fields.get(name)
        if field is None:
            raise _Wrong(f"{self._source.name} has no field {name!r}", suggest(name, self._fields))
        return _expression_of(self._source, field)

    def _expression(self, tree: ast.expr) -> Expression:
        found = self.read(tree)
        if not isinstance(found, Expression):
            raise _Wrong(f"{ast.unparse(tree)[:80]!r} is a constant", "compare a field with a value")
        return found

    def _apply(self, sign: Callable[[object, object], object], left: object, right: object) -> object:
        if not isinstance(left, Expression) and not isinstance(right, Expression):
            raise _Wrong("two constants are compared or reckoned", "name a field")
        return sign(left, right)

    def _compare(self, first: ast.expr, signs: list[ast.cmpop], others: list[ast.expr]) -> object:
        total: object = None
        left = first
        for sign, right in zip(signs, others, strict=True):
            part = self._one(left, sign, right)
            total = part if total is None else operator.and_(total, part)
            left = right
        return total

    def _one(self, left: ast.expr, sign: ast.cmpop, right: ast.expr) -> object:
        if isinstance(sign, ast.Is | ast.IsNot):
            if not (isinstance(right, ast.Name) and right.id == "null"):
                raise _Wrong("only `is null` and `is not null` are known", "compare with == otherwise")
            found = self._expression(left).is_null()
            return ~found if isinstance(sign, ast.IsNot) else found
        if isinstance(sign, ast.In | ast.NotIn):
            if not isinstance(right, ast.List | ast.Tuple):
                raise _Wrong("`in` takes a list of values", 'write: channel in ["web", "app"]')
            found = self._expression(left).is_in([self._constant(item) for item in right.elts])
            return ~found if isinstance(sign, ast.NotIn) else found
        return self._apply(_COMPARE[type(sign)], self.read(left), self.read(right))

    def _constant(self, tree: ast.expr) -> object:
        found = self.read(tree)
        if isinstance(found, Expression):
            raise _Wrong(f"{ast.unparse(tree)[:80]!r} is no constant", "list values, not fields")
        return found

    def _call(self, word: str, first: ast.expr, rest: list[ast.expr]) -> object:
        if word not in _WORDS:
            raise _Wrong(f"there is no word {word!r}", suggest(word, _WORDS))
        if len(rest) > 1:
            raise _Wrong(f"{word}() takes a field and at most one value", "")
        given = [self._constant(item) for item in rest]
        try:
            return getattr(self._expression(first), word)(*given)
        except TypeError:
            raise _Wrong(f"{word}() does not take that many values", 'write: starts_with(card_id, "4")') from None


def _expression_of(source: Source, field: Field) -> Expression:
    params = (("name", field.name), ("source", source.name))
    return Expression(Draft("field", KIND_OF[field.type], (), params, field.values, "rule", (), field))

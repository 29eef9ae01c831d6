"""Functions of expressions: `log`, `exp`, `sqrt`, `least`, `greatest`, `coalesce`, and the choice `when(...)`."""

from __future__ import annotations

from dataclasses import dataclass

from holdfast.contract.drafts import Draft, broken, literal
from holdfast.contract.expressions import Expression, apply, as_draft, build
from holdfast.contract.faults import fault
from holdfast.contract.model import Kind


def log(x: object) -> Expression:
    """Natural logarithm; null for zero and below."""
    return apply("log", "number", [x], ("number",))


def exp(x: object) -> Expression:
    """e to the power of `x`; null where it overflows."""
    return apply("exp", "number", [x], ("number",))


def sqrt(x: object) -> Expression:
    """Square root; null below zero."""
    return apply("sqrt", "number", [x], ("number",))


def least(*values: object) -> Expression:
    """The smallest of two or more numbers; null when any is null."""
    return apply("least", "number", list(values), ("number",)) if len(values) > 1 else _one("least", values)


def greatest(*values: object) -> Expression:
    """The largest of two or more numbers; null when any is null."""
    return apply("greatest", "number", list(values), ("number",)) if len(values) > 1 else _one("greatest", values)


def coalesce(*values: object) -> Expression:
    """The first value that is not null: ``coalesce(x, 0)``. All of one kind."""
    return _same_kind("coalesce", list(values), "coalesce()") if len(values) > 1 else _one("coalesce", values)


def when(condition: object, value: object) -> Choice:
    """`value` where `condition` holds; go on with ``.when(...)`` and end with ``.otherwise(...)``.

    ``when(amount > 1000, 2).when(amount > 100, 1).otherwise(0)``. A null condition makes the answer null.
    """
    return Choice(((condition, value),))


@dataclass(frozen=True, slots=True)
class Choice:
    """A choice that still lacks its last word, `otherwise`."""

    cases: tuple[tuple[object, object], ...]

    def when(self, condition: object, value: object) -> Choice:
        """A further case, for what no condition before it caught."""
        return Choice((*self.cases, (condition, value)))

    def otherwise(self, value: object) -> Expression:
        """The value where no condition holds; None for null."""
        drafts = _alike([value, *(item for _, item in self.cases)])
        answer = Expression(drafts[0])
        for (condition, _), draft in reversed(list(zip(self.cases, drafts[1:], strict=True))):
            test = apply("not", "boolean", [condition], ("boolean",)).draft
            chosen = build("coalesce", _kind(drafts), [draft, answer.draft], _KINDS, "when()").draft
            faults = (*test.faults, *chosen.faults)
            if faults or chosen.kind == "any":
                answer = Expression(
                    Draft("literal", "any", params=(("value", None),), where=chosen.where, faults=faults)
                )
                continue
            args = (test.args[0], draft, answer.draft)
            answer = Expression(Draft("if", chosen.kind, args, (), chosen.vocabulary, chosen.where))
        return answer


_KINDS: tuple[Kind, ...] = ("number", "boolean", "category", "text", "timestamp")


def _one(name: str, values: tuple[object, ...]) -> Expression:
    faults = [item for value in values for item in as_draft(value).faults]
    return Expression(broken(*faults, fault("value", f"{name}() takes two values or more", f"write {name}(x, 0)")))


def _same_kind(op: str, values: list[object], doing: str) -> Expression:
    drafts = _alike(values)
    return build(op, _kind(drafts), drafts, _KINDS, doing)


def _alike(values: list[object]) -> list[Draft]:
    """Drafts of values that must agree: constants take the meaning of the first value that says its kind."""
    known = [value.draft for value in values if isinstance(value, Expression) and value.draft.kind != "any"]
    plain = [literal(value) for value in values if not isinstance(value, Expression) and value is not None]
    like = next(iter([*known, *plain]), None)
    return [as_draft(value, like) for value in values]


def _kind(drafts: list[Draft]) -> Kind:
    kinds = [draft.kind for draft in drafts if draft.kind not in ("any", "label")]
    return kinds[0] if kinds else "number"  # type: ignore[return-value]  # any and label are left out above

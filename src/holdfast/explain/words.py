"""Values, features and reasons in a reader's words. What a personal field holds is never among them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from holdfast.contract.model import FIRST_CODE, NULL_CODE, UNKNOWN_CODE, Contract, Feature

MASK = "***"


def what(feature: Feature) -> str:
    """What a feature is: its author's description, else its name with spaces."""
    return feature.description or feature.name.replace("_", " ")


def value_in_words(contract: Contract, feature: Feature, value: float) -> float | str | bool | None:
    """A feature's float as its reader knows it: null, yes or no, a category's text, a number."""
    kind = feature.expr.kind
    if value != value:
        return None
    if kind == "boolean":
        return bool(value)
    if kind != "category":
        return value
    words = vocabulary(contract, feature)
    code = int(value)
    if code == NULL_CODE:
        return None
    if code == UNKNOWN_CODE:
        return "(unknown)"
    return words[code - FIRST_CODE] if code - FIRST_CODE < len(words) else f"code {code}"


def vocabulary(contract: Contract, feature: Feature) -> Sequence[str]:
    """The texts of a category feature's codes, from the first field or list in its expression that has them."""
    for node in feature.expr.walk():
        if node.kind == "category" and node.op == "field":
            return contract.source(node["source"]).field(node["name"]).values
        if node.op == "to_category":
            return tuple(node["values"])
        if node.op == "aggregate" and node.kind == "category":
            aggregate = contract.aggregates[node["index"]]
            assert aggregate.value is not None
            return contract.source(aggregate.source).field(aggregate.value).values
    return ()


def is_personal(contract: Contract, feature: Feature) -> bool:
    """Whether a feature's value would tell a personal field's.

    Being counted per person is not enough: how many payments a card made is not the card's number.
    """
    for node in feature.expr.walk():
        if node.op == "field" and contract.source(node["source"]).field(node["name"]).personal:
            return True
        if node.op == "aggregate":
            aggregate = contract.aggregates[node["index"]]
            source = contract.source(aggregate.source)
            read = [] if aggregate.where is None else [n["name"] for n in aggregate.where.walk() if n.op == "field"]
            if aggregate.value is not None and not aggregate.label:
                read.append(aggregate.value)
            if any(source.field(name).personal for name in read):
                return True
    return False


def shown(word: float | str | bool | None, unit: str = "") -> str:
    """A value in a sentence: whole numbers whole, others to four digits, or two after the point."""
    if word is None:
        return "not known"
    if isinstance(word, bool):
        return "yes" if word else "no"
    if isinstance(word, str):
        return word
    if word == int(word) and abs(word) < 1e15:
        text = f"{int(word):,}"
    else:
        text = f"{word:,.2f}" if 100 <= abs(word) < 1e15 else f"{word:.4g}"
    return f"{text} {unit}" if unit else text


def compile_reason(contract: Contract, feature: Feature, usual: float | None) -> Callable[[float], str]:
    """The words of one reason for a value: what it is, how it is here, and how it usually is in the population.

    `usual` NaN: there is no reference to say so.
    """
    name = what(feature)
    if is_personal(contract, feature):
        return lambda value: f"{name}: {_compared(value_in_words(contract, feature, value), value, usual)}"
    unit, end = feature.unit, ""
    if usual is None or usual == usual:
        normal = None if usual is None else value_in_words(contract, feature, usual)
        end = f" (usually {shown(normal, unit)})"
    return lambda value: f"{name}: {shown(value_in_words(contract, feature, value), unit)}{end}"


def _compared(told: float | str | bool | None, value: float, usual: float | None) -> str:
    """How a personal value stands to the usual one, without saying it."""
    if told is None:
        return "not known"
    if usual is not None and usual == usual and type(told) is float and value != usual:
        return "higher than usual" if value > usual else "lower than usual"
    return "as it was given"

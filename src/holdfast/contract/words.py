"""A frozen contract in its own language: expressions, aggregates and lengths of time as a user would write them."""

from __future__ import annotations

import json
from typing import Any

from holdfast.contract.model import DAY, FIRST_CODE, SECOND, Aggregate, Contract, Node
from holdfast.contract.scalars import timestamp_text

_INFIX = {
    "add": ("+", 5), "sub": ("-", 5), "mul": ("*", 6), "div": ("/", 6), "pow": ("**", 8),
    "eq": ("==", 1), "ne": ("!=", 1), "lt": ("<", 1), "le": ("<=", 1), "gt": (">", 1), "ge": (">=", 1),
    "and": ("&", 4), "or": ("|", 2),
}  # fmt: skip
"""Sign and strength of each operator, as Python binds them."""

_ATOM, _UNARY = 9, 7
_CALLS = ("log", "exp", "sqrt", "least", "greatest", "coalesce", "abs")


def expression_words(contract: Contract, node: Node) -> str:
    """The expression as it could be written in a contract file, aggregates included."""
    return _write(contract, node)[0]


def aggregate_words(contract: Contract, aggregate: Aggregate) -> str:
    """``payments.per("card_id").mean(payments.amount, over=days(30), at_least=3)``."""
    source = aggregate.source
    keys = [_text(key) for key in aggregate.keys]
    if aggregate.on != aggregate.keys:
        matched = [(key, on) for key, on in zip(aggregate.keys, aggregate.on, strict=True) if key != on]
        keys.append(f"on={{{', '.join(f'{_text(key)}: {_text(on)}' for key, on in matched)}}}")
    said = [] if aggregate.value is None else [_member(source, aggregate.value)]
    said.append(f"{'within' if aggregate.name == 'as_of' else 'over'}={duration_words(aggregate.over)}")
    if aggregate.ending or aggregate.label:
        said.append(f"ending={duration_words(aggregate.ending)}")
    if aggregate.where is not None:
        said.append(f"where={expression_words(contract, aggregate.where)}")
    if aggregate.at_least:
        said.append(f"at_least={aggregate.at_least}")
    if aggregate.otherwise is not None:
        said.append(f"otherwise={_fallback(contract, aggregate)}")
    if aggregate.including_current:
        said.append("including_current=True")
    if aggregate.skip_nulls:
        said.append("skip_nulls=True")
    if aggregate.name == "distinct" and aggregate.cap != 1_000:
        said.append(f"cap={aggregate.cap}")
    return f"{source}.per({', '.join(keys)}).{aggregate.name}({', '.join(said)})"


def duration_words(micros: int) -> str:
    """``days(7)``: the largest unit that divides it."""
    for word, unit in (("days", DAY), ("hours", 3_600 * SECOND), ("minutes", 60 * SECOND), ("seconds", SECOND)):
        if micros % unit == 0:
            return f"{word}({micros // unit})"
    return f"{micros} microseconds"


def _fallback(contract: Contract, aggregate: Aggregate) -> str:
    value = aggregate.otherwise
    field = None
    if aggregate.name in ("first", "last", "as_of") and aggregate.value is not None:
        field = contract.source(aggregate.source).field(aggregate.value)
    if field is not None and field.type == "category" and value is not None:
        return _text(field.values[int(value) - FIRST_CODE])
    if field is not None and field.type == "boolean":
        return str(bool(value))
    return repr(value)


def _member(source: str, name: str) -> str:
    if name.isidentifier() and not name.startswith("_") and name not in ("label", "per"):
        return f"{source}.{name}"
    return f"{source}[{_text(name)}]"


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _write(contract: Contract, node: Node, vocabulary: tuple[str, ...] = ()) -> tuple[str, int]:
    """The words of a node and how strongly they bind. `vocabulary` gives a bare category code its value."""
    params = dict(node.params)
    if node.op == "field":
        return _member(params["source"], params["name"]), _ATOM
    if node.op == "aggregate":
        return aggregate_words(contract, contract.aggregates[params["index"]]), _ATOM
    if node.op == "literal":
        value = params["value"]
        return _constant(value, node.kind, vocabulary), _UNARY if _negative(value) else _ATOM
    known = vocabulary if node.kind == "category" else ()
    for arg in node.args:
        known = known or vocabulary_of(contract, arg)
    if node.op in _INFIX:
        return _infix(contract, node, known)
    written = [_write(contract, arg, known) for arg in node.args]
    args = [words for words, _ in written]
    owner = args[0] if written[0][1] == _ATOM else f"({args[0]})"
    if node.op == "neg":
        return f"-{args[0] if written[0][1] >= _UNARY else owner}", _UNARY
    if node.op == "not":
        return f"~{owner}", _UNARY
    if node.op == "if":
        return f"when({args[0]}, {args[1]}).otherwise({args[2]})", _ATOM
    if node.op in _CALLS:
        return f"{node.op}({', '.join(args)})", _ATOM
    if node.op == "seconds_between":
        return f"{owner}.seconds_since({args[1]})", _ATOM
    said = ""
    for name, value in params.items():
        if name == "zone":
            said = "" if value is None else f"zone={_text(value)}"
        elif isinstance(value, tuple):
            kind = node.args[0].kind if node.op == "is_in" else "text"
            said = f"[{', '.join(_constant(item, kind, known) for item in value)}]"
        else:
            said = _constant(value, "text", ())
    return f"{owner}.{node.op}({said})", _ATOM


def _infix(contract: Contract, node: Node, vocabulary: tuple[str, ...]) -> tuple[str, int]:
    sign, strength = _INFIX[node.op]
    written = []
    for i, arg in enumerate(node.args):
        words, own = _write(contract, arg, vocabulary)
        # Comparisons and powers do not chain; the others group to the left.
        groups = own == strength and i == 0 and node.op != "pow" and strength > 1
        written.append(words if own > strength or groups else f"({words})")
    return f" {sign} ".join(written), strength


def _negative(value: object) -> bool:
    return isinstance(value, int | float) and value < 0


def _constant(value: Any, kind: str, vocabulary: tuple[str, ...]) -> str:
    if value is None:
        return "None"
    if kind == "timestamp":
        return _text(timestamp_text(value))
    if kind == "category" and vocabulary:
        return _text(vocabulary[value - FIRST_CODE])
    return _text(value) if isinstance(value, str) else repr(value)


def vocabulary_of(contract: Contract, node: Node) -> tuple[str, ...]:
    """The values behind a category expression's codes; empty where no field says (a bare constant)."""
    if node.op == "field":
        return contract.source(node["source"]).field(node["name"]).values
    if node.op == "aggregate":
        aggregate = contract.aggregates[node["index"]]
        if aggregate.value is not None and aggregate.name in ("first", "last", "as_of"):
            return contract.source(aggregate.source).field(aggregate.value).values
        return ()
    if node.op == "to_category":
        return tuple(node["values"])
    for arg in node.args[1:] if node.op == "if" else node.args:
        found = vocabulary_of(contract, arg)
        if found:
            return found
    return ()

"""`docs/contract.md`, written from the code: every word, parameter, operation and code of the contract language."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

import holdfast.contract as language
from holdfast.contract import Contract, Duration, Events, Expression
from holdfast.contract.entities import Entity
from holdfast.contract.faults import CODES
from holdfast.contract.functions import Choice
from holdfast.contract.glossary import OPERATIONS, PARAMETERS, REFUSALS

_OPERATORS = {
    "__add__": "a + b", "__sub__": "a - b", "__mul__": "a * b", "__truediv__": "a / b", "__pow__": "a ** b",
    "__neg__": "-a", "__abs__": "abs(a)", "__eq__": "a == b", "__ne__": "a != b", "__lt__": "a < b",
    "__le__": "a <= b", "__gt__": "a > b", "__ge__": "a >= b", "__and__": "a & b", "__or__": "a | b",
    "__invert__": "~a",
}  # fmt: skip

_GROUPS = (
    ("The contract", ("Contract", "Events", "feature", "load_file")),
    ("Types of fields", ("text", "integer", "decimal", "real", "boolean", "category", "timestamp")),
    ("Lengths of time", ("seconds", "minutes", "hours", "days", "Duration")),
    ("Functions", ("when", "coalesce", "least", "greatest", "log", "exp", "sqrt")),
    ("Expressions", ("Expression",)),
)


def page() -> str:
    """The whole page, as Markdown."""
    return "\n".join(_page()).rstrip() + "\n"


def undocumented() -> list[str]:
    """Public words and parameters that the page cannot explain. Empty when the language is whole."""
    grouped = {word for _, words in _GROUPS for word in words}
    found = [word for word in language.__all__ if word not in grouped]
    for name, item in public_callables():
        if not inspect.getdoc(item):
            found.append(name)
        found += [f"{name}({each})" for each in _parameters(item) if each not in PARAMETERS]
    return sorted(set(found))


def public_callables() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every function, class and method a contract may use, by the name it is used under."""
    for word in language.__all__:
        yield word, getattr(language, word)
    for owner, shown in ((Contract, "contract"), (Events, "payments"), (Entity, "card"), (Expression, "x")):
        for name, item in _methods(owner):
            yield f"{shown}.{name}", item
    for name, item in _methods(Choice):
        yield f"when(...).{name}", item
    for name, sign in _OPERATORS.items():
        yield sign, getattr(Expression, name)


def _page() -> Iterator[str]:
    yield "# The contract language"
    yield ""
    yield "Made from the code by `make docs`; edit the docstrings in `src/holdfast/contract/` instead."
    yield ""
    yield inspect.getdoc(language) or ""
    yield ""
    for title, words in _GROUPS:
        yield f"## {title}"
        yield ""
        for word in words:
            yield from _entry(word, getattr(language, word))
        if title == "The contract":
            yield from _members("contract", Contract)
            yield from _members("payments", Events)
        if title == "Functions":
            yield from _members("when(...)", Choice)
        if title == "Expressions":
            for name, sign in _OPERATORS.items():
                yield f"- `{sign}`: {_told(getattr(Expression, name))}"
            yield ""
            yield from _members("x", Expression)
    yield "## Aggregates"
    yield ""
    yield inspect.getdoc(inspect.getmodule(Entity)) or ""
    yield ""
    yield from _members("card", Entity)
    yield "## Parameters"
    yield ""
    yield "| parameter | meaning |"
    yield "| --- | --- |"
    used = {name for _, item in public_callables() for name in _parameters(item)}
    for name in sorted(used):
        yield f"| `{name}` | {PARAMETERS.get(name, '')} |"
    yield ""
    yield "## Operations of the frozen form"
    yield ""
    yield "A frozen expression is a tree of these. Numbers are null-aware: null in, null out, except where said."
    yield ""
    yield "| operation | written | parameters | answer |"
    yield "| --- | --- | --- | --- |"
    for name, (written, params, answer) in OPERATIONS.items():
        yield f"| `{name}` | {written.replace('|', chr(92) + '|')} | {params} | {answer} |"
    yield ""
    yield "## Faults of a contract"
    yield ""
    yield "All are told at once, each with its file and line, what is wrong, and how to mend it."
    yield ""
    yield "| code | meaning |"
    yield "| --- | --- |"
    yield from (f"| `{code}` | {meaning} |" for code, meaning in CODES.items())
    yield ""
    yield "## Problems of a request"
    yield ""
    yield "| code | status | meaning |"
    yield "| --- | --- | --- |"
    yield from (f"| `{code}` | {status} | {meaning} |" for code, (status, meaning) in REFUSALS.items())


def _entry(name: str, item: Callable[..., Any]) -> Iterator[str]:
    yield f"### `{name}`"
    yield ""
    if item not in (Expression, Duration):
        yield "```python"
        yield _signature(name, item)
        yield "```"
    yield inspect.getdoc(item) or ""
    yield ""


def _members(shown: str, owner: type) -> Iterator[str]:
    for name, item in _methods(owner):
        yield from _entry(f"{shown}.{name}", item)


def _methods(owner: type) -> Iterator[tuple[str, Callable[..., Any]]]:
    for name, item in vars(owner).items():
        if not name.startswith("_") and inspect.isfunction(item):
            yield name, item


def _parameters(item: Callable[..., Any]) -> list[str]:
    if item in (Expression, Duration):
        return []
    return [name for name in inspect.signature(item).parameters if name != "self"]


def _signature(name: str, item: Callable[..., Any]) -> str:
    """The signature on one line where it is short, else one parameter a line."""
    parts: list[str] = []
    starred = False
    for each in inspect.signature(item).parameters.values():
        if each.name == "self":
            continue
        if each.kind is each.KEYWORD_ONLY and not starred:
            parts.append("*")
            starred = True
        star = "*" if each.kind is each.VAR_POSITIONAL else ""
        starred = starred or bool(star)
        default = "" if each.default is each.empty else f" = {each.default!r}"
        parts.append(f"{star}{each.name}: {_type(each.annotation)}{default}")
    short = f"{name}({', '.join(parts)})"
    if len(short) <= 100:
        return short
    return f"{name}(\n" + "".join(f"    {part},\n" for part in parts) + ")"


def _type(annotation: object) -> str:
    return re.sub(r"holdfast\.[a-z_.]*\.", "", str(annotation))


def _told(item: Callable[..., Any]) -> str:
    return " ".join((inspect.getdoc(item) or "").split())

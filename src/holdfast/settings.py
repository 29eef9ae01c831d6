"""Reads a frozen dataclass of settings from a table: every unknown name and every wrong type at once.

A field's annotation says what its value may be: `bool`, `int`, `float` (a whole number too), `str` or a `Literal` of
texts, `tuple[str, ...]` for a list of texts, `Mapping` for a table of any keys; with `| None` also nothing.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from holdfast.errors import HoldfastError, Problem

S = TypeVar("S")

KINDS: dict[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    tuple: "a list of texts",
    Mapping: "a table",
}


def setting(default: Any, told: str, source: str = "", *, secret: bool = False) -> Any:
    """A dataclass field with what it means and where its default comes from; no `repr` shows a secret."""
    metadata = {"help": told, "source": source}
    if isinstance(default, Mapping):
        return field(default_factory=lambda: MappingProxyType(dict(default)), metadata=metadata)
    return field(default=default, repr=not secret, metadata=metadata)


@dataclass(frozen=True)
class Setting:
    """One field of a dataclass of settings; `kind` is one of `KINDS`."""

    name: str
    default: Any
    help: str
    source: str
    kind: type
    optional: bool

    def fits(self, value: object) -> bool:
        if value is None:
            return self.optional
        if isinstance(value, bool):
            return self.kind is bool
        if self.kind is float:
            return isinstance(value, int | float)
        if self.kind is tuple:
            return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
        return isinstance(value, self.kind)


def settings_of(made: type[Any]) -> tuple[Setting, ...]:
    """Every setting of a dataclass, in its order."""
    plain, hints = made(), get_type_hints(made)
    return tuple(
        Setting(item.name, getattr(plain, item.name), item.metadata["help"], item.metadata["source"], *_kind(hint))
        for item in fields(made)
        for hint in (hints[item.name],)
    )


def wrong_type(item: Setting, value: object) -> tuple[str, str]:
    """What is wrong with a value, and how to mend it."""
    return f"{value!r} is not {KINDS[item.kind]}", item.help


def read(
    made: type[S],
    told: Mapping[str, Any],
    *,
    refusal: str,
    called: str,
    where: str = "",
    table: str = "",
    spelled: Callable[[str], str] = str,
    known_from: str = "",
    wrong: Callable[[Setting, object], tuple[str, str]] = wrong_type,
) -> S:
    """The dataclass as a table tells it; what is not told keeps its default. `name.key` is a key of the table `name`.

    Raises HoldfastError(refusal, where) with a problem for each unknown name, after the `called` kind of setting, and
    for each value that does not fit, in the words of `wrong`. `table` stands before the names in problems, `spelled`
    turns a field's name into the one that people write, and `known_from` says where to find all names (else listed).
    """
    known = {spelled(item.name): item for item in settings_of(made)}
    problems: list[Problem] = []
    values: dict[str, Any] = {}
    tables: dict[str, dict[str, Any]] = {}
    for name, value in told.items():
        head, _, key = name.partition(".")
        if key and head in known and known[head].kind is Mapping:
            tables.setdefault(known[head].name, {})[key] = value
        elif name not in known:
            near = difflib.get_close_matches(name, known, 1)
            mend = f"did you mean {near[0]}?" if near else known_from or "one of: " + ", ".join(known)
            problems.append(Problem(table + name, "unknown_setting", f"there is no such {called}", mend))
        elif not known[name].fits(value):
            problems.append(Problem(table + name, "type", *wrong(known[name], value)))
        elif known[name].kind is Mapping:
            tables.setdefault(known[name].name, {}).update(value)
        else:
            values[known[name].name] = tuple(value) if known[name].kind is tuple else value
    if problems:
        raise HoldfastError(refusal, where=where, problems=problems)
    return made(**values, **{name: MappingProxyType(items) for name, items in tables.items()})


def _kind(hint: Any) -> tuple[type, bool]:
    """Which of `KINDS` an annotation means, and whether None fits too."""
    if isinstance(hint, UnionType):
        (inner,) = (item for item in get_args(hint) if item is not NoneType)
        return _kind(inner)[0], True
    if get_origin(hint) is Literal:
        return str, False
    return get_origin(hint) or hint, False

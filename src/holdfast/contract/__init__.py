"""The contract language: what a model may know, and when. Standard library only.

Write a contract with the words below; `load_file` executes it once and freezes it. `model` holds the frozen form that
everything else reads, `values` reads requests by it, `yaml`, `diff` and `reference` show it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from holdfast.contract.durations import Duration, days, hours, minutes, seconds
    from holdfast.contract.events import Events
    from holdfast.contract.expressions import Expression
    from holdfast.contract.fields import boolean, category, decimal, integer, real, text, timestamp
    from holdfast.contract.freeze import Contract, feature
    from holdfast.contract.functions import coalesce, exp, greatest, least, log, sqrt, when
    from holdfast.contract.loading import load_file

__all__ = [
    "Contract",
    "Duration",
    "Events",
    "Expression",
    "boolean",
    "category",
    "coalesce",
    "days",
    "decimal",
    "exp",
    "feature",
    "greatest",
    "hours",
    "integer",
    "least",
    "load_file",
    "log",
    "minutes",
    "real",
    "seconds",
    "sqrt",
    "text",
    "timestamp",
    "when",
]

_HOMES = {
    "durations": ("Duration", "days", "hours", "minutes", "seconds"),
    "events": ("Events",),
    "expressions": ("Expression",),
    "fields": ("boolean", "category", "decimal", "integer", "real", "text", "timestamp"),
    "freeze": ("Contract", "feature"),
    "functions": ("coalesce", "exp", "greatest", "least", "log", "sqrt", "when"),
    "loading": ("load_file",),
}
_HOME = {word: module for module, words in _HOMES.items() for word in words}


if not TYPE_CHECKING:  # a type checker knows the words from the imports above, and so sees a typo

    def __getattr__(name: str) -> object:
        """A word, on first use: a server reads frozen contracts and never pays for the language."""
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)

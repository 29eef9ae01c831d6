"""The contract language: what a model may know, and when. Standard library only.

Write a contract with the words below; `load_file` executes it once and freezes it. `model` holds the frozen form that
everything else reads, `values` reads requests by it, `yaml`, `diff` and `reference` show it.
"""

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

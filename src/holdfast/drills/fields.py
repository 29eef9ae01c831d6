"""Which fields of a contract an incident can happen to; and, where there are none, the reason that is told."""

from __future__ import annotations

from holdfast.contract.model import Contract, Field
from holdfast.errors import HoldfastError


def own(contract: Contract) -> list[Field]:
    """Fields of the deciding source beside id and time that some feature reads."""
    from holdfast.features.needs import fields_in_use

    source = contract.deciding
    used = {item.name for item in fields_in_use(contract)[source.name]}
    return [item for item in source.fields if item.name in used and item.name not in (source.id, source.time)]


def amounts(contract: Contract) -> list[Field]:
    """Decimals: money."""
    return [item for item in own(contract) if item.type == "decimal"]


def numbers(contract: Contract) -> list[Field]:
    return [item for item in own(contract) if item.type in ("decimal", "real", "integer")]


def categories(contract: Contract) -> list[Field]:
    return [item for item in own(contract) if item.type == "category"]


def nullable(contract: Contract) -> list[Field]:
    """Those that may be null, reals first: a model learns most from measures."""
    may = [item for item in own(contract) if item.nullable]
    return sorted(may, key=lambda item: item.type != "real")


def needs_amount(contract: Contract) -> str:
    return "" if amounts(contract) else "no field is an amount"


def needs_category(contract: Contract) -> str:
    return "" if categories(contract) else "no field is a category"


def needs_windows(contract: Contract) -> str:
    return "" if contract.aggregates else "no feature looks into the past: there is no window"


def needs_hour(contract: Contract) -> str:
    return "" if hour(contract) or _clock(contract) else "no feature knows the hour"


def hour(contract: Contract) -> str:
    """A field that holds the hour of the day, by its name."""
    return next((item.name for item in own(contract) if item.type == "integer" and "hour" in item.name), "")


def _clock(contract: Contract) -> bool:
    return any("hour" in item.name for item in contract.features)


def first(found: list[Field]) -> Field:
    if not found:
        raise HoldfastError("the contract has no such field", where="drill")
    return found[0]

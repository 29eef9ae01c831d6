"""Which fields of a request a feature is made of: two features of the same field have the same incident."""

from __future__ import annotations

from functools import lru_cache

from holdfast.contract.model import Aggregate, Contract, Node


def roots(contract: Contract) -> dict[str, frozenset[str]]:
    """Feature → ``source.field`` of everything that it reads, filters of its windows too."""
    return dict(_roots(contract))


@lru_cache(maxsize=16)
def _roots(contract: Contract) -> tuple[tuple[str, frozenset[str]], ...]:
    return tuple((item.name, frozenset(_of(contract, item.expr, contract.decide_on))) for item in contract.features)


def _of(contract: Contract, node: Node, source: str) -> set[str]:
    found: set[str] = set()
    for part in node.walk():
        if part.op == "field":
            found.add(f"{source}.{part['name']}")
        elif part.op == "aggregate":
            found |= _window(contract, contract.aggregates[part["index"]])
    return found


def _window(contract: Contract, window: Aggregate) -> set[str]:
    found = {f"{window.source}.*"}
    if window.value is not None:
        found.add(f"{window.source}.{window.value}")
    if window.where is not None:
        found |= _of(contract, window.where, window.source)
    return found


def direct(contract: Contract, feature: str) -> bool:
    """Whether it is a field of the request as it came."""
    return next(item.expr.op for item in contract.features if item.name == feature) == "field"


def sources(contract: Contract, feature: str) -> frozenset[str]:
    """Sources whose events its windows read."""
    expr = next(item.expr for item in contract.features if item.name == feature)
    return frozenset(contract.aggregates[node["index"]].source for node in expr.walk() if node.op == "aggregate")

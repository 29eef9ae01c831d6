"""Which features speak of one thing, from the contract alone, so that what they add can be told as one.

One rule, without chains: a feature belongs to the histories it reads (which entity's, of which value: any window,
statistic or filter), and if it reads none, to the fields of the event it reads. ``amount / usual`` so belongs to the
customer's amounts, and a ratio of two fields to that pair. Had we joined whatever shares a field, three ratios of
income would make one reason of everything money touches. `feature(..., group="…")` overrules it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from holdfast.contract.model import Aggregate, Contract, Feature


@dataclass(frozen=True, slots=True)
class Group:
    """Features that are explained together: their positions in `contract.features`, in that order."""

    name: str
    members: tuple[int, ...]


def groups_of(contract: Contract) -> tuple[Group, ...]:
    """Every feature in exactly one group, groups in the order of their first features. The same for equal contracts.

    A group of one is called like its feature; others by their author, or by what they are read from.
    """
    found: dict[tuple[str, ...], list[int]] = {}
    for at, feature in enumerate(contract.features):
        found.setdefault(origin(contract, feature), []).append(at)
    named = {key: _name(contract, key, members) for key, members in found.items()}
    # Two groups may read the same words ("a per b" of an author's, and ours): each then says its first feature too.
    told = list(named.values())
    return tuple(
        Group(name if told.count(name) == 1 else f"{name} ({contract.features[members[0]].name})", tuple(members))
        for (key, members), name in zip(found.items(), named.values(), strict=True)
    )


def origin(contract: Contract, feature: Feature) -> tuple[str, ...]:
    """What decides a feature's group: sorted words; equal origins are one group."""
    if feature.group:
        return ("group", feature.group)
    nodes = list(feature.expr.walk())
    histories = {history(contract.aggregates[node["index"]]) for node in nodes if node.op == "aggregate"}
    if histories:
        return ("history", *sorted(histories))
    fields = {node["name"] for node in nodes if node.op == "field"}
    # A constant feature reads nothing and stands alone.
    return ("fields", *sorted(fields)) if fields else ("feature", feature.name)


def history(aggregate: Aggregate) -> str:
    """Whose past an aggregate looks at and which value of it, in words: window, statistic and filter left out."""
    what = aggregate.source if aggregate.value is None else f"{aggregate.source}.{aggregate.value}"
    return f"{what} per {' and '.join(aggregate.keys)}"


def _name(contract: Contract, key: tuple[str, ...], members: Sequence[int]) -> str:
    kind, *words = key
    if kind == "group":
        return words[0]
    return contract.features[members[0]].name if len(members) == 1 else ", ".join(words)

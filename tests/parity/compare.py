"""A world through the oracle and the engines, compared by bits; a world that fails, made small."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from tests.parity import oracle
from tests.parity.generate import Decision, World

from holdfast.contract.model import Contract, Feature, Node

T = TypeVar("T")
Engine = Callable[[World], list[list[float]]]


@dataclass(frozen=True)
class Difference:
    """Where an engine first differs from the oracle."""

    engine: str
    seed: int
    decision: Decision
    feature: Feature
    expected: float
    got: float | str

    def __str__(self) -> str:
        own = self.decision.own
        return (
            f"{self.engine} differs from the oracle in world {self.seed}, event {own.id!r} at {own.time} "
            f"(cut {self.decision.cut}): {self.feature.name} is {self.got!r}, not {self.expected!r}"
        )


def bits(values: list[float]) -> bytes:
    return struct.pack(f"<{len(values)}d", *values)


def expected(world: World) -> list[list[float]]:
    contract, happenings, outcomes = world.contract, world.happenings, world.outcomes
    return [oracle.features(contract, happenings, outcomes, row.own, row.cut) for row in world.decisions]


def difference(
    world: World, engines: Mapping[str, Engine], wanted: list[list[float]] | None = None
) -> Difference | None:
    """The first differing value, feature by feature in the order of decisions; None when all bits are equal."""
    wanted = expected(world) if wanted is None else wanted
    for name, engine in engines.items():
        try:
            answers = engine(world)
        except Exception as error:  # an engine that breaks differs too, and shrinks like any other difference
            feature = world.contract.features[0]
            return Difference(name, world.seed, world.decisions[0], feature, wanted[0][0], repr(error))
        for decision, answer, want in zip(world.decisions, answers, wanted, strict=True):
            if bits(answer) == bits(want):
                continue
            for feature, got, value in zip(world.contract.features, answer, want, strict=True):
                if bits([got]) != bits([value]):
                    return Difference(name, world.seed, decision, feature, value, got)
    return None


def smallest(world: World, engines: Mapping[str, Engine]) -> World:
    """The same difference in as few decisions, features, records and aggregates as dropping can reach."""
    found = difference(world, engines)
    assert found is not None

    def keep(candidate: World) -> bool:
        return bool(candidate.decisions) and difference(candidate, engines) is not None

    one = _narrow(world, found.feature)
    world = one if keep(one) else world
    single = replace(world, decisions=(found.decision,))
    world = single if keep(single) else world
    world = replace(world, outcomes=_fewest(world.outcomes, lambda kept: keep(replace(world, outcomes=kept))))
    return replace(world, happenings=_fewest(world.happenings, lambda kept: keep(replace(world, happenings=kept))))


def _fewest(items: tuple[T, ...], keep: Callable[[tuple[T, ...]], bool]) -> tuple[T, ...]:
    size = max(len(items) // 2, 1)
    while items and size:
        start = 0
        while start < len(items):
            fewer = items[:start] + items[start + size :]
            if keep(fewer):
                items = fewer
            else:
                start += size
        size //= 2
    return items


def _narrow(world: World, feature: Feature) -> World:
    """The world with one feature and the aggregates it reads."""
    contract = world.contract
    used = sorted({node["index"] for node in feature.expr.walk() if node.op == "aggregate"})
    expr = _renumbered(feature.expr, {old: new for new, old in enumerate(used)})
    aggregates = tuple(contract.aggregates[i] for i in used)
    small: Contract = replace(contract, aggregates=aggregates, features=(replace(feature, expr=expr),))
    return replace(world, contract=small)


def _renumbered(node: Node, places: Mapping[int, int]) -> Node:
    if node.op == "aggregate":
        return replace(node, params=(("index", places[node["index"]]),))
    return replace(node, args=tuple(_renumbered(item, places) for item in node.args))


def story(world: World) -> str:
    """A small world in words, for whoever has to find out why."""
    lines = [f"{world.mode} world {world.seed}, label {world.contract.target}"]
    lines += [f"  aggregate {item}" for item in world.contract.aggregates]
    lines += [f"  feature {item.name} = {item.expr}" for item in world.contract.features]
    lines += [f"  {item}" for item in world.happenings]
    lines += [f"  {item}" for item in world.outcomes]
    lines += [f"  decided on {row.own} with cut {row.cut}" for row in world.decisions]
    return "\n".join(lines)

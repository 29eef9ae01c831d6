"""Every fault put into an engine is noticed by the comparison with the oracle; the table says what noticed it."""

from __future__ import annotations

from functools import cache

import pytest
from tests.parity.compare import difference, expected
from tests.parity.engines import ENGINES
from tests.parity.generate import World, world
from tests.parity.mutants import MUTANTS, Edit, Mutant, mutated

MOST = 600
"""Worlds a mutant may survive before it counts as missed."""
PARTS = 2


@cache
def _known(seed: int) -> tuple[World, list[list[float]]]:
    made = world(seed)
    return made, expected(made)


def killer(mutant: Mutant) -> str | None:
    """Which engine, world and feature gave the fault away."""
    last = mutant.name.rpartition(", ")[2]
    names = {"state": ["online"], "one row": ["online"], "batch": ["batch"], "columns": ["batch"]}.get(last)
    engines = {name: engine for name, engine in ENGINES.items() if names is None or name in names}
    with mutated(mutant):
        for seed in range(MOST):
            made, wanted = _known(seed)
            found = difference(made, engines, wanted)
            if found is not None:
                index = next((item["index"] for item in found.feature.expr.walk() if item.op == "aggregate"), None)
                ask = None if index is None else made.contract.aggregates[index]
                what = found.feature.expr.op if ask is None else f"{'label ' if ask.label else ''}{ask.name}"
                return f"{found.engine}, world {seed}: {what} {found.got!r}, not {found.expected!r}"
    return None


@pytest.mark.parametrize("part", range(PARTS))
def test_every_mutant_is_killed(part: int) -> None:
    rows = [(mutant.name, killer(mutant)) for mutant in MUTANTS[part::PARTS]]
    print()
    for name, what in rows:
        print(f"{name:48} {'SURVIVED' if what is None else what}")
    assert [name for name, what in rows if what is None] == []


def test_there_are_at_least_fifteen_mutants_and_each_is_its_own() -> None:
    assert len(MUTANTS) >= 15
    assert len({mutant.edits for mutant in MUTANTS}) == len(MUTANTS)


def test_a_mutant_is_undone_and_one_that_no_longer_fits_is_an_error() -> None:
    made, wanted = _known(1)
    assert difference(made, ENGINES, wanted) is None
    with pytest.raises(LookupError, match="no longer fits"), mutated(Mutant("x", (Edit("plan:Read.window", "@", ""),))):
        pass

"""Random contracts over random streams: every engine gives the oracle's bits.

HOLDFAST_PARITY_EXAMPLES worlds are compared (each a contract, some dozens of records and a decision on each event), in
four parts so that two processes share them. Every construct of the language must have occurred.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest
from tests.parity.compare import difference, smallest, story
from tests.parity.engines import ENGINES, small_nodes
from tests.parity.generate import world
from tests.parity.tally import tally

from holdfast.features.kernel.operations import OPERATIONS
from holdfast.features.plan import plan
from holdfast.features.state.writing import sums_shape

EXAMPLES = int(os.environ.get("HOLDFAST_PARITY_EXAMPLES", "1000"))
PARTS = 4
NAMES = (
    *("count", "sum", "mean", "std", "min", "max", "first", "last", "seconds_since_last", "distinct", "as_of"),
    *("label count", "label sum", "label mean"),
)
WANTED = (
    *(f"op {name}" for name in OPERATIONS),
    *(f"aggregate {name}" for name in NAMES),
    *(f"value {name}" for name in ("none", "integer", "decimal", "real", "boolean", "category", "text", "timestamp")),
    *("where", "ending", "including_current", "at_least", "otherwise", "skip_nulls", "small cap", "two keys"),
    *("another source", "label absent None", "label absent False", "label received_at", "known_at", "lag"),
    *("history", "replay", "duplicate events", "tied events", "late for a decision"),
    *("decisions with an empty past", "null cells", "negative cells", "huge cells", "labels never received"),
    *("labels corrected", "outcome before its event", "older version arriving later"),
)


@pytest.mark.parametrize("part", range(PARTS))
def test_every_engine_gives_the_bits_of_the_oracle(part: int) -> None:
    counts: Counter[str] = Counter()
    for seed in range(part, EXAMPLES, PARTS):
        made = world(seed)
        counts += tally(made)
        found = difference(made, ENGINES)
        if found is not None:
            pytest.fail(f"{found}\n{story(smallest(made, ENGINES))}", pytrace=False)
    print(f"\n{len(range(part, EXAMPLES, PARTS))} worlds, {len(ENGINES)} engines and the oracle, 0 differing bits")
    print(", ".join(f"{name} {counts[name]}" for name in sorted(counts)))


def test_half_of_the_worlds_make_the_trees_split() -> None:
    series = plan(world(0).contract).series[0]
    assert sums_shape(series).leaf > 60
    with small_nodes(True):
        assert (sums_shape(series).leaf, sums_shape(series).fan) == (3, 3)


def test_every_construct_of_the_language_occurs() -> None:
    counts: Counter[str] = Counter()
    for seed in range(max(EXAMPLES, 1000)):
        counts += tally(world(seed))
    for name in WANTED:
        print(f"{name:34} {counts[name]:6}")
    assert [name for name in WANTED if not counts[name]] == []

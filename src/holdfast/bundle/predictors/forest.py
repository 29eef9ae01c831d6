"""Trees as plain arrays: the one format every tree ensemble is converted to, and its bytes.

Whatever the origin, one rule decides at a node: the value goes left iff ``value <= threshold``, compared as float64,
and a null goes where the node says. Libraries that round inputs to float32 or compare with ``<`` are brought to this
rule exactly, by moving the threshold (`threshold_for_float32`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from holdfast.bundle.predictors.spec import ModelSpec, Vector
from holdfast.errors import HoldfastError

TREES_FILE = "trees.bin"
LEAF = -1
LARGEST = float(np.finfo(np.float64).max)
Accumulate = Literal["float64", "float32"]

_LAYOUT: tuple[tuple[str, str], ...] = (
    ("roots", "<i4"),
    ("feature", "<i4"),
    ("threshold", "<f8"),
    ("null_left", "|u1"),
    ("left", "<i4"),
    ("right", "<i4"),
    ("value", "<f8"),
    ("cover", "<f8"),
)
"""Arrays of `trees.bin`, one after the other, little-endian."""


@dataclass(frozen=True)
class CategoryTest:
    """Codes of one category feature that go left; every other code goes right, one not in `known` like a null."""

    feature: int
    left: tuple[int, ...]
    known: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Forest:
    """Nodes of all trees, parents before their children.

    `feature` is -1 for a leaf, an input feature, or ``features + k`` for the k-th category test. `roots` holds the
    first node of each tree. `cover` weighs nodes for contributions. score = start + value + value + … in tree order,
    in `accumulate`, then divided by `divide`.
    """

    features: int
    roots: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: Vector
    null_left: NDArray[np.uint8]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: Vector
    cover: Vector
    tests: tuple[CategoryTest, ...] = ()
    start: float = 0.0
    divide: float = 1.0
    accumulate: Accumulate = "float64"

    def ends(self) -> NDArray[np.int64]:
        """One past the last node of each tree."""
        return np.append(self.roots[1:], len(self.feature)).astype(np.int64)

    def levels(self) -> list[NDArray[np.int64]]:
        """Nodes by their depth: all roots, then their children, and so on."""
        found, now = [], self.roots.astype(np.int64)
        while len(now):
            found.append(now)
            inner = now[self.feature[now] != LEAF]
            now = np.concatenate([self.left[inner], self.right[inner]]).astype(np.int64)
        return found


def threshold_for_float32(threshold: Vector, *, strict: bool) -> Vector:
    """The largest float64 whose rounding to float32 is ``<= threshold`` (or ``< threshold``).

    Rounding is monotone, so comparing the unrounded value with it decides the same for every finite value.
    """
    wide = np.asarray(threshold, dtype=np.float64)
    with np.errstate(over="ignore"):
        below = wide.astype(np.float32)
        above = (below.astype(np.float64) >= wide) if strict else (below.astype(np.float64) > wide)
        below = np.where(above, np.nextafter(below, np.float32(-np.inf)), below)
        after = np.nextafter(below, np.float32(np.inf)).astype(np.float64)
        # Past the largest float32 the next step would be 2**128: from half way there values round to infinity.
        after = np.where(np.isinf(after), 2.0**128, after)
        middle = (below.astype(np.float64) + after) / 2.0
        even = below.astype(np.float32).view(np.uint32) % 2 == 0
        moved = np.where(even, middle, np.nextafter(middle, -np.inf))
    moved = np.where(np.isposinf(wide), LARGEST, moved)
    return np.asarray(np.where(np.isneginf(wide), -np.inf, moved), dtype=np.float64)


def forest_spec(forest: Forest, trained_as: str, link: Literal["sigmoid", "identity"]) -> ModelSpec:
    """The forest as a model of a bundle. Refuses arrays that do not form trees."""
    parameters = {
        "trees": len(forest.roots),
        "nodes": len(forest.feature),
        "start": forest.start,
        "divide": forest.divide,
        "accumulate": forest.accumulate,
        "tests": [
            {"feature": test.feature, "left": list(test.left), "known": list(test.known)} for test in forest.tests
        ],
    }
    _checked(forest)
    data = b"".join(getattr(forest, name).astype(kind).tobytes() for name, kind in _LAYOUT)
    return ModelSpec("trees", trained_as, link, forest.features, parameters, {TREES_FILE: data})


def read_forest(spec: ModelSpec) -> Forest:
    """The forest of a model; arrays that do not form trees are refused, so that no walk can run away."""
    parameters: Mapping[str, Any] = spec.parameters
    data, offset, arrays = spec.files[TREES_FILE], 0, {}
    for name, kind in _LAYOUT:
        count = parameters["trees"] if name == "roots" else parameters["nodes"]
        size = count * np.dtype(kind).itemsize
        if offset + size > len(data):
            raise HoldfastError(f"too short for {parameters['nodes']} nodes", where=TREES_FILE)
        array = np.frombuffer(data, kind, count, offset)
        arrays[name] = array.astype(array.dtype.newbyteorder("="))
        offset += size
    if offset != len(data):
        raise HoldfastError(f"{len(data) - offset} bytes too long", where=TREES_FILE)
    tests = tuple(
        CategoryTest(item["feature"], tuple(item["left"]), tuple(item["known"])) for item in parameters["tests"]
    )
    forest = Forest(
        features=spec.features,
        tests=tests,
        start=parameters["start"],
        divide=parameters["divide"],
        accumulate=parameters["accumulate"],
        **arrays,
    )
    return _checked(forest)


def _checked(forest: Forest) -> Forest:
    nodes, ends = np.arange(len(forest.feature)), forest.ends()
    inner = forest.feature != LEAF
    tree = np.searchsorted(forest.roots, nodes, side="right") - 1
    sound = len(forest.roots) > 0 and forest.roots[0] == 0 and bool((np.diff(forest.roots) > 0).all())
    for child in (forest.left, forest.right):
        sound = sound and bool(((child > nodes) & (child < ends[tree]))[inner].all())
    sound = sound and bool((forest.feature >= LEAF).all())
    sound = sound and bool((forest.feature < forest.features + len(forest.tests)).all())
    sound = sound and bool(np.isfinite(forest.value).all()) and not bool(np.isnan(forest.threshold[inner]).any())
    sound = sound and all(0 <= test.feature < forest.features for test in forest.tests)
    if not sound or forest.accumulate not in ("float64", "float32"):
        raise HoldfastError("the arrays do not form trees", where=TREES_FILE, mend="pack the model again")
    return forest

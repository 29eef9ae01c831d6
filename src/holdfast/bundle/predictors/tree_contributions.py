"""Exact contributions of features to a tree ensemble's score.

`tree_shap`: path-dependent Shapley values (Lundberg et al. 2018), as LightGBM's and XGBoost's own. A leaf's game is a
product over the features on its path, and a Shapley value of a product is a one-dimensional integral of a polynomial,
which Gauss–Legendre points integrate exactly; so all leaves are done at once in numpy.
`path`: for ensembles too large for that, what each split on the path taken changed in the expected score.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from holdfast.bundle.predictors.forest import LEAF, Forest
from holdfast.bundle.predictors.spec import Vector

LARGEST_TABLE = 4_000_000
"""Cells (leaves × deepest path) up to which Shapley values are computed: about 100 MB and 0.5 s a row."""


_Share = Callable[[int, int, int], float]


class TreeContributions:
    """Contributions for rows laid out by `Trees`; `slot` and `threshold` say where a node sends such a row."""

    def __init__(self, forest: Forest, slot: NDArray[np.int64], threshold: Vector) -> None:
        self._forest = forest
        self._slot = slot
        self._threshold = threshold
        self._inner = forest.feature != LEAF
        tested = [test.feature for test in forest.tests]
        names = np.concatenate([np.arange(forest.features), np.asarray(tested, dtype=np.int64)])
        self._input = np.where(self._inner, names[np.maximum(forest.feature, 0)], 0)
        """The input feature each node asks about."""
        self._expected = self._expectations()
        base = forest.start
        for root in forest.roots.tolist():
            base += float(self._expected[root])
        self.base_value = base / forest.divide
        leaves = int((~self._inner).sum())
        self._depth = self._node_depths()
        self.method = "tree_shap" if leaves * max(1, int(self._depth.max())) <= LARGEST_TABLE else "path"

    def of(self, wide: list[float]) -> list[float]:
        """Contribution of each feature, in feature order, in units of the raw score."""
        goes_left = np.asarray(wide)[self._slot] <= self._threshold
        total = self._shapley(goes_left) if self.method == "tree_shap" else self._along_paths(goes_left)
        answer: list[float] = (total / self._forest.divide).tolist()
        return answer

    def _expectations(self) -> Vector:
        forest, expected = self._forest, self._forest.value.astype(np.float64).copy()
        for node in np.flatnonzero(self._inner)[::-1].tolist():
            left, right = forest.left[node], forest.right[node]
            share = self._share(node, left, right)
            expected[node] = share * expected[left] + (1.0 - share) * expected[right]
        return expected

    def _share(self, node: int, left: int, right: int) -> float:
        cover = self._forest.cover
        both = float(cover[left] + cover[right])
        return float(cover[left]) / both if both > 0.0 else 0.5

    def _node_depths(self) -> NDArray[np.int64]:
        depth = np.zeros(len(self._inner), dtype=np.int64)
        for node in np.flatnonzero(self._inner).tolist():
            depth[self._forest.left[node]] = depth[self._forest.right[node]] = depth[node] + 1
        return depth

    def _along_paths(self, goes_left: NDArray[np.bool_]) -> Vector:
        forest, total = self._forest, np.zeros(self._forest.features)
        for root in forest.roots.tolist():
            node = root
            while self._inner[node]:
                child = int(forest.left[node] if goes_left[node] else forest.right[node])
                total[self._input[node]] += self._expected[child] - self._expected[node]
                node = child
        return total

    @cached_property
    def _paths(self) -> _Paths:
        return _Paths(self._forest, self._inner, self._input, self._share)

    def _shapley(self, goes_left: NDArray[np.bool_]) -> Vector:
        paths = self._paths
        # For each slot of a leaf's path: does the row pass every split the path has on that feature?
        passed = goes_left[paths.node] == paths.left
        reached = np.ones(paths.shape, dtype=bool)
        np.logical_and.at(reached, (paths.leaf, paths.place), passed)
        one = reached.astype(np.float64)
        inside = np.zeros(paths.shape)
        for u, weight in zip(paths.points, paths.weights, strict=True):
            factor = u * one + (1.0 - u) * paths.zero
            before = np.ones_like(factor)
            np.cumprod(factor[:, :-1], axis=1, out=before[:, 1:])
            after = np.ones_like(factor)
            after[:, :-1] = np.cumprod(factor[:, :0:-1], axis=1)[:, ::-1]
            inside += weight * before * after
        each = paths.value[:, None] * (one - paths.zero) * inside
        total = np.bincount(paths.feature.ravel(), weights=each.ravel(), minlength=self._forest.features)
        return total.astype(np.float64)


class _Paths:
    """The path to each leaf, one place for each distinct feature on it.

    An unused place has share 1 and counts as passed: it adds 0.
    """

    def __init__(self, forest: Forest, inner: NDArray[np.bool_], asked: NDArray[np.int64], share: _Share) -> None:
        leaves: list[tuple[float, list[int], list[float]]] = []
        conditions: list[tuple[int, int, int, bool]] = []
        for root in forest.roots.tolist():
            stack: list[tuple[int, tuple[tuple[int, bool, float], ...]]] = [(root, ())]
            while stack:
                node, path = stack.pop()
                if inner[node]:
                    left, right = int(forest.left[node]), int(forest.right[node])
                    part = share(node, left, right)
                    stack.append((right, (*path, (node, False, 1.0 - part))))
                    stack.append((left, (*path, (node, True, part))))
                    continue
                places: dict[int, int] = {}
                zero: list[float] = []
                for above, to_left, part in path:
                    place = places.setdefault(int(asked[above]), len(places))
                    if place == len(zero):
                        zero.append(1.0)
                    zero[place] *= part
                    conditions.append((len(leaves), place, above, to_left))
                leaves.append((float(forest.value[node]), list(places), zero))
        width = max(1, max(len(places) for _, places, _ in leaves))
        self.shape = (len(leaves), width)
        self.value = np.asarray([value for value, _, _ in leaves])
        self.feature = np.zeros(self.shape, dtype=np.int64)
        self.zero = np.ones(self.shape)
        for row, (_, features, zero) in enumerate(leaves):
            self.feature[row, : len(features)] = features
            self.zero[row, : len(features)] = zero
        table = np.asarray(conditions, dtype=np.int64).reshape(-1, 4)
        self.leaf, self.place, self.node = table[:, 0], table[:, 1], table[:, 2]
        self.left = table[:, 3].astype(bool)
        # n points integrate degree 2n - 1 exactly; the product over the other features has degree width - 1.
        points, weights = np.polynomial.legendre.leggauss(width // 2 + 1)
        self.points, self.weights = (points + 1.0) / 2.0, weights / 2.0

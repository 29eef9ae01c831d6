"""Exact contributions of features to a tree ensemble's score.

`tree_shap`: path-dependent Shapley values (Lundberg et al. 2018), as LightGBM's and XGBoost's own. A leaf's game is a
product over the features on its path, and a Shapley value of a product is a one-dimensional integral of a polynomial,
which Gauss–Legendre points integrate exactly; so all leaves are done at once in numpy.
`path`: for ensembles too large for that, what each split on the path taken changed in the expected score.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from holdfast.bundle.predictors.forest import LEAF, Forest
from holdfast.bundle.predictors.spec import Vector

LARGEST_TABLE = 4_000_000
"""Cells (leaves × deepest path) up to which Shapley values are computed: about 100 MB and 0.5 s a row."""


class TreeContributions:
    """Contributions for rows laid out by `Trees`; `slot` and `threshold` say where a node sends such a row."""

    def __init__(self, forest: Forest, slot: NDArray[np.int64], threshold: Vector) -> None:
        self._forest = forest
        self._slot = slot
        self._threshold = threshold
        self._inner = forest.feature != LEAF
        self._levels = forest.levels()
        self._input = _asked(forest)
        self._left_share = _left_shares(forest)
        self._expected = self._expectations()
        base = forest.start
        for root in forest.roots.tolist():
            base += float(self._expected[root])
        self.base_value = base / forest.divide
        cells = int((~self._inner).sum()) * len(self._levels)
        self.method = "tree_shap" if cells <= LARGEST_TABLE else "path"

    def of(self, wide: list[float]) -> list[float]:
        """Contribution of each feature, in feature order, in units of the raw score."""
        goes_left = np.asarray(wide)[self._slot] <= self._threshold
        total = self._shapley(goes_left) if self.method == "tree_shap" else self._along_paths(goes_left)
        answer: list[float] = (total / self._forest.divide).tolist()
        return answer

    def _expectations(self) -> Vector:
        """The mean value under each node, weighed by cover."""
        forest, expected = self._forest, self._forest.value.astype(np.float64).copy()
        for level in reversed(self._levels):
            node = level[self._inner[level]]
            share = self._left_share[node]
            expected[node] = share * expected[forest.left[node]] + (1.0 - share) * expected[forest.right[node]]
        return expected

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
        return _Paths(self._forest, self._input, self._left_share)

    def _shapley(self, goes_left: NDArray[np.bool_]) -> Vector:
        paths = self._paths
        # Does the row pass every split that a leaf's path has on a feature?
        failed = np.bincount(paths.place[goes_left[paths.node] != paths.left], minlength=paths.zero.size) > 0
        one = 1.0 - failed.reshape(paths.zero.shape)
        inside = np.zeros(paths.zero.shape)
        before, after = np.ones_like(inside), np.ones_like(inside)
        for u, weight in zip(paths.points, paths.weights, strict=True):
            factor = u * one + (1.0 - u) * paths.zero
            np.cumprod(factor[:, :-1], axis=1, out=before[:, 1:])
            after[:, :-1] = np.cumprod(factor[:, :0:-1], axis=1)[:, ::-1]
            inside += weight * before * after
        each = paths.value[:, None] * (one - paths.zero) * inside
        total = np.bincount(paths.feature.ravel(), weights=each.ravel(), minlength=self._forest.features)
        return total.astype(np.float64)


def _asked(forest: Forest) -> NDArray[np.int64]:
    """The input feature each node asks about (0 for a leaf)."""
    tested = np.asarray([test.feature for test in forest.tests], dtype=np.int64)
    names = np.concatenate([np.arange(forest.features), tested])
    return np.where(forest.feature == LEAF, 0, names[np.maximum(forest.feature, 0)])


def _left_shares(forest: Forest) -> Vector:
    """The share of a node's cover that went left; a half where nothing came by."""
    left, right = forest.cover[forest.left], forest.cover[forest.right]
    both = left + right
    share: Vector = np.divide(left, both, out=np.full(len(both), 0.5), where=both > 0.0)
    return share


class _Paths:
    """The path to each leaf, one place for each distinct feature on it: arrays of shape (leaves, places).

    `feature` and `zero` (the share of cover that follows the path at this feature's splits) stand in each place; an
    unused place has share 1 and no condition, so it adds 0. The conditions are flat: at `node` the path goes `left`
    or not, and that concerns flat `place`.
    """

    def __init__(self, forest: Forest, asked: NDArray[np.int64], left_share: Vector) -> None:
        leaves = np.flatnonzero(forest.feature == LEAF)
        inner = np.flatnonzero(forest.feature != LEAF)
        parent = np.full(len(forest.feature), -1, dtype=np.int64)
        parent[forest.left[inner]] = parent[forest.right[inner]] = inner
        # From every leaf up to its root, one step at a time for all leaves together.
        row, node, left = [], [], []
        now, who = leaves, np.arange(len(leaves))
        while len(who):
            up = parent[now]
            who, now, up = who[up >= 0], now[up >= 0], up[up >= 0]
            row.append(who)
            node.append(up)
            left.append(forest.left[up] == now)
            now = up
        rows, nodes, lefts = np.concatenate(row), np.concatenate(node), np.concatenate(left)
        order = np.lexsort((asked[nodes], rows))
        rows, self.node, self.left = rows[order], nodes[order], lefts[order]
        features = asked[self.node]
        new_row = np.append(True, rows[1:] != rows[:-1])[: len(rows)]
        new = np.append(True, features[1:] != features[:-1])[: len(rows)] | new_row
        count = np.cumsum(new) - 1
        first = np.maximum.accumulate(np.where(new_row, count, 0)) if len(rows) else count
        within = count - first
        width = int(within.max(initial=0)) + 1
        self.place = rows * width + within
        self.value = forest.value[leaves]
        self.zero = np.ones((len(leaves), width))
        share = np.where(self.left, left_share[self.node], 1.0 - left_share[self.node])
        np.multiply.at(self.zero.ravel(), self.place, share)
        self.feature = np.zeros((len(leaves), width), dtype=np.int64)
        self.feature.ravel()[self.place] = features
        # n points integrate degree 2n - 1 exactly; the product over the other features has degree width - 1.
        points, weights = np.polynomial.legendre.leggauss(width // 2 + 1)
        self.points, self.weights = (points + 1.0) / 2.0, weights / 2.0

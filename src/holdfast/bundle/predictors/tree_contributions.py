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

WIDTHS = 4
"""Leaves whose numbers of features lie within this are computed together."""

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
    def _paths(self) -> list[_Paths]:
        return _paths(self._forest, self._input, self._left_share)

    def _shapley(self, goes_left: NDArray[np.bool_]) -> Vector:
        total = np.zeros(self._forest.features)
        for paths in self._paths:
            total += paths.shapley(goes_left, self._forest.features)
        return total


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
    """The paths to some leaves, one place for each distinct feature on one: arrays of shape (places, leaves).

    `feature` and `zero` (the share of cover that follows the path at this feature's splits) stand in each place; an
    unused place has share 1 and no condition, so it adds 0. The conditions are flat: at `node` the path goes `left`
    or not, and that concerns flat `place`. Places come first so that every step runs along memory.
    """

    def __init__(
        self,
        value: Vector,
        place: NDArray[np.int64],
        node: NDArray[np.int64],
        left: NDArray[np.bool_],
        feature: NDArray[np.int64],
        zero: Vector,
    ) -> None:
        self.place, self.node, self.left = place, node, left
        self.feature = feature.ravel()
        self.zero = zero
        self.value = value
        # n points integrate degree 2n - 1 exactly; the product over the other features has degree places - 1.
        points, weights = np.polynomial.legendre.leggauss((len(zero) + 1) // 2)
        self.steps = list(zip(((points + 1.0) / 2.0).tolist(), (weights / 2.0).tolist(), strict=True))

    def shapley(self, goes_left: NDArray[np.bool_], features: int) -> Vector:
        """What these leaves contribute to each feature, for a row that goes left where it says."""
        zero = self.zero
        # Does the row pass every split that a leaf's path has on a feature?
        failed = np.bincount(self.place[goes_left[self.node] != self.left], minlength=zero.size) > 0
        one = 1.0 - failed.reshape(zero.shape)
        inside = np.zeros(zero.shape)
        factor, before = np.empty_like(zero), np.empty_like(zero)
        passed = np.empty_like(zero)
        for u, weight in self.steps:
            np.multiply(zero, 1.0 - u, out=factor)
            np.multiply(one, u, out=passed)
            factor += passed
            before[0] = weight
            for k in range(1, len(zero)):
                np.multiply(before[k - 1], factor[k - 1], out=before[k])
            after = np.ones(zero.shape[1])
            for k in range(len(zero) - 1, 0, -1):
                before[k] *= after
                after *= factor[k]
            before[0] *= after
            inside += before
        one -= zero
        one *= inside
        one *= self.value
        total = np.bincount(self.feature, weights=one.ravel(), minlength=features)
        return total.astype(np.float64)


def _paths(forest: Forest, asked: NDArray[np.int64], left_share: Vector) -> list[_Paths]:
    """The paths to every leaf, those of about the same number of features together: short ones need fewer steps."""
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
    rows, nodes, lefts = rows[order], nodes[order], lefts[order]
    features = asked[nodes]
    new_row = np.append(True, rows[1:] != rows[:-1])[: len(rows)]
    new = np.append(True, features[1:] != features[:-1])[: len(rows)] | new_row
    count = np.cumsum(new) - 1
    first = np.maximum.accumulate(np.where(new_row, count, 0)) if len(rows) else count
    within = count - first
    width = np.zeros(len(leaves), dtype=np.int64)
    np.maximum.at(width, rows, within + 1)
    share = np.where(lefts, left_share[nodes], 1.0 - left_share[nodes])
    made = []
    for most in np.unique((width + WIDTHS - 1) // WIDTHS * WIDTHS).tolist():
        chosen = np.flatnonzero((width > most - WIDTHS) & (width <= most))
        if not most:  # a tree of one leaf depends on nothing
            continue
        at = np.full(len(leaves), -1, dtype=np.int64)
        at[chosen] = np.arange(len(chosen))
        mine = at[rows] >= 0
        places = int(width[chosen].max())
        place = within[mine] * len(chosen) + at[rows[mine]]
        zero, feature = np.ones(places * len(chosen)), np.zeros(places * len(chosen), dtype=np.int64)
        np.multiply.at(zero, place, share[mine])
        feature[place] = features[mine]
        shape = (places, len(chosen))
        made.append(
            _Paths(
                forest.value[leaves[chosen]],
                place,
                nodes[mine],
                lefts[mine],
                feature.reshape(shape),
                zero.reshape(shape),
            )
        )
    return made

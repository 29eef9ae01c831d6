"""Decision trees, forests and boosted trees from our own arrays: a pure Python walk for a row, numpy for a matrix."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.bundle.predictors.forest import LARGEST, LEAF, Forest, read_forest
from holdfast.bundle.predictors.spec import Matrix, ModelSpec, Vector
from holdfast.bundle.predictors.tree_contributions import TreeContributions

ROWS_AT_ONCE = 4096
_INFINITY = float("inf")


class Trees:
    """Walks every tree in order.

    A null never meets a comparison: a row is laid out twice, nulls as +inf in the first half and -inf in the second,
    and each node reads the half that sends a null where it should go. Category tests read one more slot each (0 left,
    1 right), filled once a row.
    """

    def __init__(self, forest: Forest) -> None:
        self._forest = forest
        features, inner = forest.features, forest.feature != LEAF
        tested = forest.feature >= features
        slots: dict[tuple[int, int], int] = {}
        slot = np.where(inner & (forest.null_left != 0), forest.feature + features, forest.feature)
        for node in np.flatnonzero(tested):
            key = (int(forest.feature[node]) - features, int(forest.null_left[node]))
            slot[node] = slots.setdefault(key, 2 * features + len(slots))
        self._slot: NDArray[np.int64] = np.where(inner, slot, 0).astype(np.int64)
        # A threshold of +inf ("every value goes left") must not catch a null laid out as +inf.
        threshold = np.minimum(forest.threshold, LARGEST)
        self._threshold = np.where(tested, 0.5, np.where(inner, threshold, LARGEST))
        self._tables = [self._table(test, null_left) for test, null_left in slots]
        self._roots = self._nested()
        self._single = forest.accumulate == "float32"
        self._divide = forest.divide
        self._start = np.float32(forest.start) if self._single else forest.start

    def _table(self, test: int, null_left: int) -> tuple[int, list[float], float]:
        """Feature, slot value by code, and slot value of a null or an unlisted code."""
        rule = self._forest.tests[test]
        otherwise = 0.0 if null_left else 1.0
        values = [otherwise] * (max(rule.known, default=-1) + 1)
        for code in rule.known:
            values[code] = 0.0 if code in rule.left else 1.0
        return rule.feature, values, otherwise

    def _nested(self) -> list[Any]:
        """Each tree as (slot, threshold, left, right), a leaf as its value: half the time of walking arrays."""
        forest = self._forest
        leaf = np.float32 if forest.accumulate == "float32" else float
        slots, thresholds, values = self._slot.tolist(), self._threshold.tolist(), forest.value.tolist()
        lefts, rights, kinds = forest.left.tolist(), forest.right.tolist(), forest.feature.tolist()
        built: list[Any] = [None] * len(values)
        for node in range(len(values) - 1, -1, -1):
            if kinds[node] == LEAF:
                built[node] = leaf(values[node])
            else:
                built[node] = (slots[node], thresholds[node], built[lefts[node]], built[rights[node]])
        return [built[root] for root in forest.roots.tolist()]

    def _lay_out(self, row: Sequence[float]) -> list[float]:
        total = sum(row)
        if total == total:
            wide = [*row, *row]
        else:
            wide = [_INFINITY if x != x else x for x in row]
            wide += [-_INFINITY if x != x else x for x in row]
        for feature, values, otherwise in self._tables:
            x = row[feature]
            # A null compares false with everything, so it falls to `otherwise` here too.
            wide.append(values[int(x)] if 0.0 <= x < len(values) else otherwise)
        return wide

    def score(self, row: Sequence[float]) -> float:
        wide = self._lay_out(row)
        total: Any = self._start
        for node in self._roots:
            while node.__class__ is tuple:
                slot, threshold, left, right = node
                node = left if wide[slot] <= threshold else right
            total += node
        return float(total) / self._divide

    def scores(self, matrix: Matrix) -> Vector:
        out = np.empty(len(matrix))
        for start in range(0, len(matrix), ROWS_AT_ONCE):
            out[start : start + ROWS_AT_ONCE] = self._scores(matrix[start : start + ROWS_AT_ONCE])
        return out

    def _scores(self, rows: Matrix) -> Vector:
        forest, kind = self._forest, np.float32 if self._single else np.float64
        wide = self._lay_out_rows(rows)
        flat, offset = wide.ravel(), np.arange(len(rows), dtype=np.int64) * wide.shape[1]
        children, depths = self._steps
        values = forest.value.astype(kind)
        total: NDArray[Any] = np.full(len(rows), self._start, dtype=kind)
        for root, depth in zip(forest.roots.tolist(), depths, strict=True):
            node = np.full(len(rows), root, dtype=np.int64)
            for _ in range(depth):
                goes_left = flat.take(offset + self._slot.take(node)) <= self._threshold.take(node)
                node = children.take(2 * node + goes_left)
            total += values.take(node)
        return total.astype(np.float64) / self._divide

    def _lay_out_rows(self, rows: Matrix) -> Matrix:
        null = np.isnan(rows)
        parts = [np.where(null, _INFINITY, rows), np.where(null, -_INFINITY, rows)]
        for feature, values, otherwise in self._tables:
            column = rows[:, feature]
            inside = (column >= 0.0) & (column < len(values))
            codes = np.where(inside, column, 0.0).astype(np.int64)
            known = np.asarray(values or [otherwise])
            parts.append(np.where(inside, known[np.minimum(codes, len(known) - 1)], otherwise)[:, None])
        return np.concatenate(parts, axis=1)

    @cached_property
    def _steps(self) -> tuple[NDArray[np.int64], list[int]]:
        """Where each node goes (right, left, right, left …; a leaf stays), and the depth of each tree."""
        forest, nodes = self._forest, np.arange(len(self._forest.feature))
        inner = forest.feature != LEAF
        children = np.empty(2 * len(nodes), dtype=np.int64)
        children[0::2] = np.where(inner, forest.right, nodes)
        children[1::2] = np.where(inner, forest.left, nodes)
        depth = np.zeros(len(nodes), dtype=np.int64)
        for level, members in enumerate(forest.levels()):
            depth[members] = level
        return children, np.maximum.reduceat(depth, forest.roots.astype(np.int64)).tolist()

    @cached_property
    def _explainer(self) -> TreeContributions:
        return TreeContributions(self._forest, self._slot, self._threshold)

    @property
    def method(self) -> str:
        return self._explainer.method

    @property
    def tolerance(self) -> float:
        # Leaves added in float32 round once a tree; contributions are added in float64.
        return 1e-5 if self._single else 1e-9

    @property
    def base_value(self) -> float:
        return self._explainer.base_value

    def contributions(self, row: Sequence[float]) -> list[float]:
        return self._explainer.of(self._lay_out(row))


def open_trees(spec: ModelSpec) -> Trees:
    return Trees(read_forest(spec))

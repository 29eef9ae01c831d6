"""The sums tree against a plain list: whatever the order of insertion, however small the nodes."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import HoldfastError
from holdfast.features.state import tree
from holdfast.features.state.nodes import LEAF, Point, Shape, Totals, node_key

KEY = b"series!!entity-of-16byte"
WIDEST = 2**53


class Nodes(dict[bytes, bytes]):
    """The nodes of a test in memory."""

    def put(self, key: bytes, value: bytes) -> None:
        self[key] = value


times = st.one_of(st.integers(-20, 20), st.integers(-(2**60), 2**60))
values = st.one_of(st.integers(-9, 9), st.sampled_from([WIDEST, -WIDEST, WIDEST - 1]))
shapes = st.builds(
    lambda counts, sums, squares, leaf, fan: Shape(counts, sums, sums and squares, leaf, fan),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.sampled_from([2, 3, 4]),
    st.sampled_from([2, 3, 4]),
)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Shape, list[Point]]:
    shape = draw(shapes)
    drawn = draw(st.lists(st.tuples(times, st.integers(0, 1), values), min_size=1, max_size=120))
    if draw(st.booleans()):
        drawn.sort(key=lambda item: item[0])
    points = [
        Point(t, n if shape.counts else 1, k if shape.sums else 0, k * k if shape.squares else 0) for t, n, k in drawn
    ]
    return shape, points


def grown(shape: Shape, points: Iterable[Point]) -> Nodes:
    store = Nodes()
    for point in points:
        tree.insert(shape, store, KEY, point)
    return store


def listed(points: Iterable[Point], time: int) -> Totals:
    before = [point for point in points if point.time < time]
    return Totals(sum(p.n for p in before), sum(p.s for p in before), sum(p.q for p in before))


def built(shape: Shape, points: Iterable[Point]) -> Nodes:
    order = sorted(points, key=lambda point: point.time)
    columns = (np.array([point[i] for point in order], dtype=np.int64) for i in range(3))
    return Nodes(tree.build(shape, KEY, *columns))


@given(cases(), times)
def test_totals_before_any_time_are_those_of_a_plain_list(case: tuple[Shape, list[Point]], time: int) -> None:
    shape, points = case
    store = grown(shape, points)
    for moment in {time, *(point.time + step for point in points for step in (0, 1))}:
        assert shape.before(store.get, KEY, store[node_key(KEY, 0)], moment) == listed(points, moment)


@given(cases())
def test_a_tree_holds_each_point_it_was_given(case: tuple[Shape, list[Point]]) -> None:
    shape, points = case
    found = list(tree.points(shape, grown(shape, points).get, KEY))
    assert sorted(found) == sorted(points)
    assert [point.time for point in found] == sorted(point.time for point in points)


@given(cases(), times)
def test_a_tree_built_at_once_reads_as_one_grown_point_by_point(case: tuple[Shape, list[Point]], time: int) -> None:
    shape, points = case
    store = built(shape, points)
    for moment in {time, *(point.time for point in points)}:
        assert shape.before(store.get, KEY, store[node_key(KEY, 0)], moment) == listed(points, moment)


@given(cases(), cases())
def test_a_tree_built_at_once_goes_on_growing(case: tuple[Shape, list[Point]], more: tuple[Shape, list[Point]]) -> None:
    shape, points = case
    later = [
        Point(t, n if shape.counts else 1, s if shape.sums else 0, s * s if shape.squares else 0)
        for t, n, s, _ in more[1]
    ]
    store = built(shape, points)
    for point in later:
        tree.insert(shape, store, KEY, point)
    assert sorted(tree.points(shape, store.get, KEY)) == sorted([*points, *later])


def test_squares_of_the_widest_integers_stay_exact_past_128_bits() -> None:
    shape = Shape(counts=False, sums=True, squares=True, leaf=128, fan=128)
    count = 2**14
    values = np.full(count, WIDEST, dtype=np.int64)
    store = Nodes(tree.build(shape, KEY, np.arange(count), None, values))
    assert shape.before(store.get, KEY, store[node_key(KEY, 0)], count) == (count, count * WIDEST, count * WIDEST**2)


def test_points_in_order_rewrite_one_leaf_and_leave_it_full() -> None:
    shape = Shape(counts=False, sums=True, squares=False, leaf=8, fan=8)
    store = grown(shape, [Point(t, 1, t, 0) for t in range(60)])
    leaves = [shape.size(len(node) // 8) for _, node in tree.nodes(shape, store.get, KEY) if node[:8] == LEAF]
    assert leaves == [8] * 7 + [4]
    written: list[bytes] = []

    class Watched(Nodes):
        def put(self, key: bytes, value: bytes) -> None:
            written.append(key)
            super().put(key, value)

    tree.insert(shape, Watched(store), KEY, Point(60, 1, 60, 0))
    assert len(written) == 1


def test_a_late_point_touches_its_path_and_not_the_tail() -> None:
    shape = Shape(counts=False, sums=True, squares=False, leaf=4, fan=4)
    store = grown(shape, [Point(t, 1, 1, 0) for t in range(0, 2_000, 2)])
    written: list[bytes] = []

    class Watched(Nodes):
        def put(self, key: bytes, value: bytes) -> None:
            written.append(key)
            super().put(key, value)

    tree.insert(shape, Watched(store), KEY, Point(1, 1, 1, 0))
    assert len(store) > 250
    assert len(written) <= 14


def test_a_lost_node_is_named_and_never_read_as_nothing() -> None:
    shape = Shape(counts=False, sums=False, squares=False, leaf=2, fan=2)
    store = grown(shape, [Point(t, 1, 0, 0) for t in range(5)])
    del store[max(store)]
    with pytest.raises(HoldfastError, match="lost a node"):
        list(tree.points(shape, store.get, KEY))

"""Minimum, maximum and distinct counts against a plain list."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.features.state import ranges
from holdfast.features.state.nodes import node_key
from holdfast.features.state.ranges import Ranges, Value

KEY = b"series!!entity-of-16byte"


class Nodes(dict[bytes, bytes]):
    def put(self, key: bytes, value: bytes) -> None:
        self[key] = value


numbers = st.one_of(st.integers(-5, 5), st.sampled_from([2**53, -(2**53)]))
points = st.lists(st.tuples(st.integers(-30, 30), numbers), min_size=1, max_size=150)
sizes = st.sampled_from([2, 3, 4])
bounds = st.lists(st.tuples(st.integers(-35, 35), st.integers(-35, 35)), min_size=1, max_size=8)


def grown(shape: Ranges, points: list[tuple[int, int]]) -> Nodes:
    store = Nodes()
    for time, value in points:
        shape.insert(store, KEY, time, value)
    return store


def inside(points: list[tuple[int, int]], start: int, end: int) -> list[int]:
    return [value for time, value in points if start <= time < end]


@given(points, sizes, sizes, bounds, st.booleans())
def test_extremes_of_any_window_are_those_of_a_plain_list(
    points: list[tuple[int, int]], leaf: int, fan: int, bounds: list[tuple[int, int]], built: bool
) -> None:
    shape = Ranges(distinct=False, code="q", leaf=leaf, fan=fan)
    ordered: list[tuple[int, Value]] = [*sorted(points, key=lambda item: item[0])]
    store = Nodes(shape.build(KEY, ordered)) if built else grown(shape, points)
    for start, end in bounds:
        found = shape.find(store.get, KEY, store[node_key(KEY, 0)], start, end, 0)
        wanted = inside(points, start, end)
        assert found.count == len(wanted)
        assert found.values == ({min(wanted), max(wanted)} if wanted else set())


@given(points, sizes, sizes, bounds, st.booleans(), st.integers(0, 3))
def test_distinct_values_of_any_window_are_those_of_a_plain_list(
    points: list[tuple[int, int]], leaf: int, fan: int, bounds: list[tuple[int, int]], built: bool, kept: int
) -> None:
    shape = Ranges(distinct=True, code="q", leaf=leaf, fan=fan)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranges, "KEPT", kept)  # most blocks are too large to keep, so the search goes into them
        ordered: list[tuple[int, Value]] = [*sorted(points, key=lambda item: item[0])]
        store = Nodes(shape.build(KEY, ordered)) if built else grown(shape, points)
        for start, end in bounds:
            found = shape.find(store.get, KEY, store[node_key(KEY, 0)], start, end, 10**6)
            wanted = inside(points, start, end)
            assert (found.count, found.values) == (len(wanted), set(wanted))


def test_a_point_older_than_all_others_is_found_alone() -> None:
    shape = Ranges(distinct=True, code="q", leaf=4, fan=2)
    store = grown(shape, [(0, 0), (0, 0), (0, 0), (1, 0), (0, 0), (-1, 7)])
    found = shape.find(store.get, KEY, store[node_key(KEY, 0)], -1, 0, 10)
    assert (found.count, found.values) == (1, {7})


@given(points, st.integers(0, 4))
def test_a_distinct_count_past_its_cap_is_known_to_be_past_it(points: list[tuple[int, int]], cap: int) -> None:
    shape = Ranges(distinct=True, code="q", leaf=3, fan=3)
    store = grown(shape, points)
    found = shape.find(store.get, KEY, store[node_key(KEY, 0)], -100, 100, cap)
    assert found.count == len(points)
    assert min(len(found.values), cap) == min(len({value for _, value in points}), cap)


@given(points, sizes)
def test_points_come_back_in_order_of_time(points: list[tuple[int, int]], leaf: int) -> None:
    shape = Ranges(distinct=True, code="q", leaf=leaf, fan=2)
    found = list(shape.points(grown(shape, points).get, KEY))
    assert sorted(found) == sorted(points)
    assert [time for time, _ in found] == sorted(time for time, _ in points)


def test_reals_and_texts_are_kept_exactly() -> None:
    reals = Ranges(distinct=False, code="d", leaf=2, fan=2)
    store = Nodes()
    for time, value in enumerate([0.1, 1e308, -5e-324]):
        reals.insert(store, KEY, time, value)
    assert reals.find(store.get, KEY, store[node_key(KEY, 0)], 0, 9, 0).values == {-5e-324, 1e308}
    texts = Ranges(distinct=True, code="16s", leaf=2, fan=2)
    store = Nodes()
    for time, text in enumerate(["a", "é", "a", ""]):
        texts.insert(store, KEY, time, texts.value(text))
    assert len(texts.find(store.get, KEY, store[node_key(KEY, 0)], 0, 9, 10).values) == 3

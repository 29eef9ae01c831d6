"""Exact sums of points in event time: a counted B+-tree in LMDB for each entity, most of them a single leaf.

A point is only ever added, so the order of insertion does not matter. Leaves keep *local* running totals, inner nodes
what lies before each child: a window is two searches, an append at the end rewrites one leaf, a late point one leaf
and the nodes above it, never the entity's tail.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from holdfast.features.state.nodes import (
    AT_END,
    LEAF,
    NOTHING,
    OPEN,
    Get,
    Inner,
    Ints,
    Point,
    Shape,
    Totals,
    node_key,
    present,
    walk,
    word_at,
)


class Store(Protocol):
    """The nodes in a write transaction: `get` sees what `put` wrote."""

    def get(self, key: bytes) -> bytes | None: ...
    def put(self, key: bytes, value: bytes) -> object: ...


class _Half(NamedTuple):
    first: int
    node: bytes
    totals: Totals


def insert(shape: Shape, store: Store, key: bytes, point: Point) -> None:
    """Add one point to the entity at `key`."""
    root = node_key(key, 0)
    node = store.get(root)
    if node is None:
        store.put(root, shape.pack_leaf([point]))
        return
    # Most points come in order: the open leaf takes them, and nothing else is looked at.
    end = root + AT_END if node[0] else root
    last = present(store.get(end), key) if node[0] else node
    leaf = shape.append(last, point)
    if leaf is not None:
        store.put(end, leaf)
        return
    _insert(shape, store, key, node, point)


def _insert(shape: Shape, store: Store, key: bytes, node: bytes, point: Point) -> None:
    """Add a point that is late, or that finds its leaf full; `node` is the root."""
    path: list[tuple[int, bytes, int]] = []
    number = 0
    while node[0]:
        words = memoryview(node).cast("q")
        count = shape.children(len(words))
        child = max(bisect_right(words, point.time, 1, 1 + count) - 2, 0)
        path.append((number, node, child))
        number = words[1 + count + child]
        node = present(store.get(node_key(key, number)), key)
    size = shape.size(len(node) // 8)
    if size >= shape.leaf and word_at(node, 8 * size)[0] <= point.time:
        # An overflow at the end leaves the full leaf behind as it is and begins a new one.
        full = _Half(word_at(node, 8)[0], node, shape.totals(node))
        _split(shape, store, key, path, number, (full, _half(shape, [point])), point)
        return
    points = shape.unpack_leaf(node)
    points.insert(bisect_right([item.time for item in points], point.time), point)
    if size >= shape.leaf:
        cut = (size + 2) // 2
        _split(shape, store, key, path, number, (_half(shape, points[:cut]), _half(shape, points[cut:])), point)
        return
    store.put(node_key(key, number), shape.pack_leaf(points))
    for above, node, child in path:
        # Only children after the one the point went to stand on it: none, when it came at the end.
        if child + 1 < shape.children(len(node) // 8):
            inner = shape.unpack_inner(node)
            inner.add_after(child, point)
            store.put(node_key(key, above), shape.pack_inner(inner))


def _half(shape: Shape, points: list[Point]) -> _Half:
    totals = Totals(sum(item.n for item in points), sum(item.s for item in points), sum(item.q for item in points))
    return _Half(points[0].time, shape.pack_leaf(points), totals)


def _split(
    shape: Shape,
    store: Store,
    key: bytes,
    path: list[tuple[int, bytes, int]],
    number: int,
    halves: tuple[_Half, _Half],
    point: Point,
) -> None:
    """Put two halves where node `number` overflowed, splitting the nodes above it as they overflow in turn."""
    inners = [(above, shape.unpack_inner(node), child) for above, node, child in path]
    for _, inner, child in inners:
        inner.add_after(child, point)
    fresh = inners[0][1].fresh if inners else OPEN + 1
    level = 0
    while inners:
        above, inner, child = inners[-1]
        left, right = halves
        # The open leaf stays where it is: what it held so far moves away.
        first, second = (fresh, number) if number == OPEN else (number, fresh)
        store.put(node_key(key, first), left.node)
        store.put(node_key(key, second), right.node)
        before = inner.before(child)
        inner.firsts[child], inner.ids[child] = left.first, first
        inner.insert(child + 1, right.first, second, Totals(*(a + b for a, b in zip(before, left.totals, strict=True))))
        fresh += 1
        if len(inner.ids) <= shape.fan:
            break
        cut = shape.fan if child + 2 == len(inner.ids) else (len(inner.ids) + 1) // 2
        totals, rest = inner.before(cut), inner.cut(cut)
        inner.fresh = 0
        halves = (
            _Half(inner.firsts[0], shape.pack_inner(inner), totals),
            _Half(rest.firsts[0], shape.pack_inner(rest), NOTHING),
        )
        number, level = above, inner.level
        inners.pop()
    if not inners:
        left, right = halves
        second = fresh + 1 if level else OPEN
        store.put(node_key(key, fresh), left.node)
        store.put(node_key(key, second), right.node)
        root = Inner(level + 1, fresh + 2)
        root.insert(0, left.first, fresh, NOTHING)
        root.insert(1, right.first, second, left.totals)
        inners = [(0, root, 0)]
    else:
        inners[0][1].fresh = fresh
    for above, inner, _ in inners:
        store.put(node_key(key, above), shape.pack_inner(inner))


def points(shape: Shape, get: Get, key: bytes) -> Iterator[Point]:
    """All points of the entity at `key` in order of time (ties in no order)."""
    for _, node in nodes(shape, get, key):
        if node[:8] == LEAF:
            yield from shape.unpack_leaf(node)


def nodes(shape: Shape, get: Get, key: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(key, bytes) of every node, in order of time, a node before its children."""
    return walk(get, key, lambda node: shape.unpack_inner(node).ids)


def build(
    shape: Shape, key: bytes, times: Ints, counts: Ints | None, values: Ints | None
) -> Iterator[tuple[bytes, bytes]]:
    """(key, bytes) of the nodes of an entity that has none yet, from its points sorted by time (at least one)."""
    made: list[_Half] = []
    for at in range(0, len(times), shape.leaf):
        part = slice(at, at + shape.leaf)
        leaf = shape.pack_columns(
            times[part], None if counts is None else counts[part], None if values is None else values[part]
        )
        made.append(_Half(int(times[at]), *leaf))
    fresh, level = OPEN + 1, 0
    while len(made) > 1:
        level += 1
        above = []
        for at in range(0, len(made), shape.fan):
            inner, total = Inner(level, 0), NOTHING
            for half in made[at : at + shape.fan]:
                number = OPEN if level == 1 and half is made[-1] else fresh
                yield node_key(key, number), half.node
                inner.insert(len(inner.ids), half.first, number, total)
                total = Totals(*(a + b for a, b in zip(total, half.totals, strict=True)))
                fresh += 1
            if len(made) <= shape.fan:
                inner.fresh = fresh
            above.append(_Half(inner.firsts[0], shape.pack_inner(inner), total))
        made = above
    yield node_key(key, 0), made[0].node

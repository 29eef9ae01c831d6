"""Minimum, maximum and distinct counts, which do not subtract: summaries of blocks merged, the edges scanned.

The same tree of leaves as `tree`, but an inner node keeps a summary of *each* child: its least and greatest value, or
its set of values while that stays small. A window costs its two edge leaves and a merge of the summaries between; a
distinct count goes into a block only where its set was too large to keep.

Leaf: ``0, time[n], value[n]`` with values of 8 bytes (int64, float64) or 16 (the hash of a text). Inner: msgpack.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from struct import iter_unpack, pack
from typing import Literal

import msgspec

from holdfast.contract.model import Cell
from holdfast.features.state.nodes import FAN_OUT, LEAF, LEAF_POINTS, Get, node_key, present
from holdfast.features.state.tree import Store

Value = int | float | bytes
KEPT = 256
"""A block's set of values is kept up to this size."""


class Branch(msgspec.Struct, array_like=True):
    """An inner node: for each child its first time, number, points before it, and values (None: too many)."""

    fresh: int
    firsts: list[int] = []
    ids: list[int] = []
    before: list[int] = []
    values: list[list[Value] | None] = []


_decode = msgspec.msgpack.Decoder(Branch).decode
_encode = msgspec.msgpack.Encoder().encode


@dataclass(slots=True)
class Found:
    """What a window holds: its number of points and its values, merged."""

    count: int
    values: set[Value]


@dataclass(frozen=True, slots=True)
class Ranges:
    """How one series keeps its values. `distinct` keeps them all, otherwise the least and the greatest."""

    distinct: bool
    code: Literal["q", "d", "16s"]
    leaf: int = LEAF_POINTS
    fan: int = FAN_OUT

    def value(self, cell: Cell) -> Value:
        """A cell as it is kept: texts (in distinct counts only) by a 16-byte cryptographic hash."""
        assert cell is not None
        return blake2b(cell.encode(), digest_size=16).digest() if isinstance(cell, str) else cell

    # Reading

    def find(self, get: Get, key: bytes, root: bytes, start: int, end: int, cap: int) -> Found:
        """The points with ``start <= time < end``. Values are collected no further than past `cap`."""
        found = Found(0, set())
        if start < end:
            self._find(get, key, root, start, end, cap, found)
        return found

    def _find(self, get: Get, key: bytes, node: bytes, start: int, end: int, cap: int, found: Found) -> None:
        if node[:8] == LEAF:
            self._scan(node, start, end, found)
            return
        branch = _decode(node)
        first = max(bisect_left(branch.firsts, start) - 1, 0)
        last = bisect_left(branch.firsts, end) - 1
        if last < 0:
            return
        inside = range(first + 1, last)
        if inside:
            found.count += branch.before[last] - branch.before[first + 1]
        for child in (first, *inside, last) if last > first else (first,):
            if child in inside:
                if self.distinct and len(found.values) > cap:
                    continue
                values = branch.values[child]
                if values is not None:
                    self._merge(found.values, values)
                    continue
                count = found.count
                self._find(get, key, present(get(node_key(key, branch.ids[child])), key), start, end, cap, found)
                found.count = count
            else:
                self._find(get, key, present(get(node_key(key, branch.ids[child])), key), start, end, cap, found)

    def _scan(self, leaf: bytes, start: int, end: int, found: Found) -> None:
        size = self._size(leaf)
        times = memoryview(leaf)[8 : 8 + 8 * size].cast("q")
        low = bisect_left(times, start)
        high = bisect_left(times, end, low)
        if low < high:
            found.count += high - low
            self._merge(found.values, self._values(leaf, size, low, high))

    def _merge(self, into: set[Value], values: list[Value]) -> None:
        if not self.distinct:
            values = [min(*into, *values), max(*into, *values)] if into or len(values) > 1 else values
            into.clear()
        into.update(values)

    def _size(self, leaf: bytes) -> int:
        return (len(leaf) - 8) // (24 if self.code == "16s" else 16)

    def _values(self, leaf: bytes, size: int, low: int, high: int) -> list[Value]:
        at = 8 + 8 * size
        if self.code == "16s":
            return [item for (item,) in iter_unpack("16s", leaf[at + 16 * low : at + 16 * high])]
        values: list[Value] = memoryview(leaf)[at + 8 * low : at + 8 * high].cast(self.code).tolist()  # type: ignore[assignment]
        return values

    def points(self, get: Get, key: bytes) -> Iterator[tuple[int, Value]]:
        """(time, value) of all points of an entity in order of time (ties in no order)."""
        for _, node in self.nodes(get, key):
            if node[:8] == LEAF:
                yield from self._unpack(node)

    def nodes(self, get: Get, key: bytes, number: int = 0) -> Iterator[tuple[bytes, bytes]]:
        """(key, bytes) of every node, in order of time, a node before its children."""
        at = node_key(key, number)
        node = get(at)
        if node is None and number == 0:
            return
        node = present(node, key)
        yield at, node
        if node[:8] != LEAF:
            for child in _decode(node).ids:
                yield from self.nodes(get, key, child)

    def _unpack(self, leaf: bytes) -> list[tuple[int, Value]]:
        size = self._size(leaf)
        times = memoryview(leaf)[8 : 8 + 8 * size].cast("q").tolist()
        return list(zip(times, self._values(leaf, size, 0, size), strict=True))

    # Writing

    def insert(self, store: Store, key: bytes, time: int, value: Value) -> None:
        node = store.get(key)
        if node is None:
            store.put(key, self._pack([(time, value)]))
            return
        path: list[tuple[int, Branch, int]] = []
        number, changed = 0, 0
        while node[:8] != LEAF:
            branch = _decode(node)
            child = max(bisect_right(branch.firsts, time) - 1, 0)
            path.append((number, branch, child))
            number = branch.ids[child]
            node = present(store.get(node_key(key, number)), key)
        points = self._unpack(node)
        at = bisect_right(points, time, key=lambda item: item[0])
        points.insert(at, (time, value))
        for depth, (_, branch, child) in enumerate(path):
            if self._count_in(branch, child, value):
                changed = depth + 1
        if len(points) > self.leaf:
            cut = self.leaf if at == self.leaf else (len(points) + 1) // 2
            self._split(store, key, path, number, (points[:cut], points[cut:]))
            return
        store.put(node_key(key, number), self._pack(points))
        for above, branch, _ in path[:changed]:
            store.put(node_key(key, above), _encode(branch))

    def _count_in(self, branch: Branch, child: int, value: Value) -> bool:
        """Let a branch know of a value that goes into `child`; False when nothing in it changed."""
        for i in range(child + 1, len(branch.ids)):
            branch.before[i] += 1
        values = branch.values[child]
        changed = child + 1 < len(branch.ids)
        if values is not None:
            summary = self._summary([*values, value])
            changed = changed or summary != values
            branch.values[child] = summary
        return changed

    def _summary(self, values: list[Value]) -> list[Value] | None:
        """What is kept of a block: least and greatest, or the sorted set (None when it is too large)."""
        if not self.distinct:
            return [min(values), max(values)]
        kept: list[Value] = sorted(set(values))
        return kept if len(kept) <= KEPT else None

    def _split(
        self,
        store: Store,
        key: bytes,
        path: list[tuple[int, Branch, int]],
        number: int,
        parts: tuple[list[tuple[int, Value]], list[tuple[int, Value]]],
    ) -> None:
        fresh = path[0][1].fresh if path else 1
        nodes = [self._pack(part) for part in parts]
        firsts = [part[0][0] for part in parts]
        sizes = [len(part) for part in parts]
        kept = [self._summary([value for _, value in part]) for part in parts]
        while path:
            above, branch, child = path[-1]
            store.put(node_key(key, number), nodes[0])
            store.put(node_key(key, fresh), nodes[1])
            branch.firsts[child : child + 1] = firsts
            branch.ids.insert(child + 1, fresh)
            branch.before.insert(child + 1, branch.before[child] + sizes[0])
            branch.values[child : child + 1] = kept
            fresh += 1
            if len(branch.ids) <= self.fan:
                break
            cut = self.fan if child + 2 == len(branch.ids) else (len(branch.ids) + 1) // 2
            sizes = [branch.before[cut], 0]
            halves = (
                Branch(0, branch.firsts[:cut], branch.ids[:cut], branch.before[:cut], branch.values[:cut]),
                Branch(
                    0,
                    branch.firsts[cut:],
                    branch.ids[cut:],
                    [item - branch.before[cut] for item in branch.before[cut:]],
                    branch.values[cut:],
                ),
            )
            nodes = [_encode(half) for half in halves]
            firsts = [half.firsts[0] for half in halves]
            kept = [self._merged(half) for half in halves]
            number = above
            path.pop()
        if not path:
            store.put(node_key(key, fresh), nodes[0])
            store.put(node_key(key, fresh + 1), nodes[1])
            root = Branch(fresh + 2, firsts, [fresh, fresh + 1], [0, sizes[0]], kept)
            store.put(key, _encode(root))
            return
        path[0][1].fresh = fresh
        for above, branch, _ in path:
            store.put(node_key(key, above), _encode(branch))

    def _merged(self, branch: Branch) -> list[Value] | None:
        values: list[Value] = []
        for item in branch.values:
            if item is None:
                return None
            values += item
        return self._summary(values)

    def _pack(self, points: list[tuple[int, Value]]) -> bytes:
        size = len(points)
        times = pack(f"<{size}q", *(time for time, _ in points))
        values = [value for _, value in points]
        if self.code == "16s":
            return LEAF + times + b"".join(values)  # type: ignore[arg-type]  # texts are kept as bytes
        return LEAF + times + pack(f"<{size}{self.code}", *values)

    def build(self, key: bytes, points: list[tuple[int, Value]]) -> Iterator[tuple[bytes, bytes]]:
        """(key, bytes) of the nodes of an entity that has none yet, from its points sorted by time (at least one)."""
        made: list[tuple[int, int, list[Value] | None, bytes]] = []
        for at in range(0, len(points), self.leaf):
            part = points[at : at + self.leaf]
            made.append((part[0][0], len(part), self._summary([value for _, value in part]), self._pack(part)))
        fresh = 1
        while len(made) > 1:
            above = []
            for at in range(0, len(made), self.fan):
                branch, total = Branch(0, [], [], [], []), 0
                for first, size, kept, node in made[at : at + self.fan]:
                    yield node_key(key, fresh), node
                    branch.firsts.append(first)
                    branch.ids.append(fresh)
                    branch.before.append(total)
                    branch.values.append(kept)
                    total += size
                    fresh += 1
                if len(made) <= self.fan:
                    branch.fresh = fresh
                above.append((branch.firsts[0], total, self._merged(branch), _encode(branch)))
            made = above
        yield key, made[0][3]

"""Minimum, maximum and distinct counts, which do not subtract: summaries of blocks merged, the edges scanned.

The same tree of leaves as `tree`, but an inner node keeps a summary of *each* child: its least and greatest value, or
its set of values while that stays small. A window costs its two edge leaves and a merge of the summaries between; a
distinct count goes into a block only where its set was too large to keep.

Leaf: ``0, time[n], value[n]`` with values of 8 bytes (int64, float64) or 16 (the hash of a text). Inner:
``1 | next id << 8, m, first[m], id[m], before[m]`` and the summaries in msgpack. The last child has none while it
grows, so that an append at the end rewrites its leaf and nothing above.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from struct import pack, unpack_from
from typing import Literal, NamedTuple

import msgspec

from holdfast.contract.model import Cell
from holdfast.features.state.nodes import (
    AT_END,
    FAN_OUT,
    LEAF,
    LEAF_POINTS,
    OPEN,
    Get,
    node_key,
    present,
    walk,
    word_at,
)
from holdfast.features.state.tree import Store

Value = int | float | bytes
KEPT = 16
"""A block's set of values is kept up to this size: to merge a larger one is no less work than to scan the block."""


_Summary = list[Value] | None

_decode_values = msgspec.msgpack.Decoder(list[_Summary]).decode
_encode_values = msgspec.msgpack.Encoder().encode


@dataclass(slots=True)
class Branch:
    """An inner node: each child's first time, number, points before it, and values (None: too many, or it grows)."""

    fresh: int
    firsts: list[int] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)
    before: list[int] = field(default_factory=list)
    values: list[_Summary] = field(default_factory=list)

    def pack(self) -> bytes:
        size = len(self.ids)
        head = pack(f"<{2 + 3 * size}q", 1 | self.fresh << 8, size, *self.firsts, *self.ids, *self.before)
        return head + _encode_values(self.values)

    @staticmethod
    def unpack(node: bytes) -> Branch:
        fresh, size = unpack_from("<2q", node)
        words = _words(node, size)
        return Branch(
            fresh >> 8,
            words[2 : 2 + size].tolist(),
            words[2 + size : 2 + 2 * size].tolist(),
            words[2 + 2 * size :].tolist(),
            _decode_values(memoryview(node)[8 * (2 + 3 * size) :]),
        )


def _words(node: bytes, size: int) -> memoryview[int]:
    """The numbers of an inner node of so many children."""
    return memoryview(node)[: 8 * (2 + 3 * size)].cast("q")


class _Part(NamedTuple):
    """A half of a node that overflowed."""

    first: int
    size: int
    kept: _Summary
    node: bytes


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
        if start >= end:
            return found
        if root[0]:
            tail = present(get(node_key(key, OPEN)), key)
            if word_at(tail, 8)[0] < start:  # all of the window lies in the open leaf
                root = tail
        self._find(get, key, root, start, end, cap, found)
        return found

    def _find(self, get: Get, key: bytes, node: bytes, start: int, end: int, cap: int, found: Found) -> None:
        if node[:8] == LEAF:
            self._scan(node, start, end, found)
            return
        (size,) = unpack_from("<q", node, 8)
        words = _words(node, size)
        first = max(bisect_left(words, start, 2, 2 + size) - 3, 0)
        # A late point may lie before the first time that its node was made with: the first child has it.
        last = max(bisect_left(words, end, 2, 2 + size) - 3, first)
        inside = range(first + 1, last)
        if inside:
            found.count += words[2 + 2 * size + last] - words[2 + 2 * size + first + 1]
            kept = _decode_values(memoryview(node)[8 * (2 + 3 * size) :])
        for child in (first, *inside, last) if last > first else (first,):
            if child in inside:
                if self.distinct and len(found.values) > cap:
                    continue
                values = kept[child]
                if values is not None:
                    self._merge(found.values, values)
                    continue
                count = found.count
                self._find(get, key, present(get(node_key(key, words[2 + size + child])), key), start, end, cap, found)
                found.count = count
            else:
                self._find(get, key, present(get(node_key(key, words[2 + size + child])), key), start, end, cap, found)

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
            return [leaf[i : i + 16] for i in range(at + 16 * low, at + 16 * high, 16)]
        values: list[Value] = memoryview(leaf)[at + 8 * low : at + 8 * high].cast(self.code).tolist()  # type: ignore[assignment]
        return values

    def points(self, get: Get, key: bytes) -> Iterator[tuple[int, Value]]:
        """(time, value) of all points of an entity in order of time (ties in no order)."""
        for _, node in self.nodes(get, key):
            if node[:8] == LEAF:
                yield from self._unpack(node)

    def nodes(self, get: Get, key: bytes) -> Iterator[tuple[bytes, bytes]]:
        """(key, bytes) of every node, in order of time, a node before its children."""
        return walk(get, key, lambda node: Branch.unpack(node).ids)

    def _unpack(self, leaf: bytes) -> list[tuple[int, Value]]:
        size = self._size(leaf)
        times = memoryview(leaf)[8 : 8 + 8 * size].cast("q").tolist()
        return list(zip(times, self._values(leaf, size, 0, size), strict=True))

    # Writing

    def insert(self, store: Store, key: bytes, time: int, value: Value) -> None:
        root = node_key(key, 0)
        node = store.get(root)
        if node is None:
            store.put(root, self._pack([(time, value)]))
            return
        # Most points come in order: the open leaf takes them, and nothing else is looked at.
        end = root + AT_END if node[0] else root
        last = present(store.get(end), key) if node[0] else node
        leaf = self._append(last, time, value)
        if leaf is not None:
            store.put(end, leaf)
            return
        self._insert(store, key, node, time, value)

    def _insert(self, store: Store, key: bytes, node: bytes, time: int, value: Value) -> None:
        """Add a point that is late, or that finds its leaf full; `node` is the root."""
        path: list[tuple[int, Branch, int]] = []
        number, changed = 0, 0
        while node[0]:
            branch = Branch.unpack(node)
            child = max(bisect_right(branch.firsts, time) - 1, 0)
            path.append((number, branch, child))
            number = branch.ids[child]
            node = present(store.get(node_key(key, number)), key)
        for depth, (_, branch, child) in enumerate(path):
            if self._count_in(branch, child, value):
                changed = depth + 1
        size = self._size(node)
        if size >= self.leaf and word_at(node, 8 * size)[0] <= time:
            # An overflow at the end leaves the full leaf behind as it is and begins a new one.
            full = _Part(word_at(node, 8)[0], size, self._summary(self._values(node, size, 0, size)), node)
            self._split(store, key, path, number, [full, self._part([(time, value)])])
            return
        points = self._unpack(node)
        points.insert(bisect_right(points, time, key=lambda item: item[0]), (time, value))
        if size >= self.leaf:
            cut = (size + 2) // 2
            self._split(store, key, path, number, [self._part(points[:cut]), self._part(points[cut:])])
            return
        store.put(node_key(key, number), self._pack(points))
        for above, branch, _ in path[:changed]:
            store.put(node_key(key, above), branch.pack())

    def _append(self, leaf: bytes, time: int, value: Value) -> bytes | None:
        """The leaf with a point at its end; None when it is full or the point is late."""
        size = self._size(leaf)
        at = 8 + 8 * size
        if size >= self.leaf or unpack_from("<q", leaf, at - 8)[0] > time:
            return None
        return b"".join((leaf[:at], pack("<q", time), leaf[at:], pack(f"<{self.code}", value)))

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

    def _part(self, points: list[tuple[int, Value]]) -> _Part:
        return _Part(points[0][0], len(points), self._summary([value for _, value in points]), self._pack(points))

    def _split(
        self,
        store: Store,
        key: bytes,
        path: list[tuple[int, Branch, int]],
        number: int,
        parts: list[_Part],
    ) -> None:
        """Put two halves where node `number` overflowed, splitting the nodes above it as they overflow in turn."""
        fresh = path[0][1].fresh if path else OPEN + 1
        leaves = True
        firsts, sizes, kept, nodes = (list(column) for column in zip(*parts, strict=True))
        while path:
            above, branch, child = path[-1]
            # The open leaf stays where it is: what it held so far moves away.
            numbers = (fresh, number) if number == OPEN else (number, fresh)
            for i in (0, 1):
                store.put(node_key(key, numbers[i]), nodes[i])
            branch.firsts[child : child + 1] = firsts
            branch.ids[child : child + 1] = numbers
            branch.before.insert(child + 1, branch.before[child] + sizes[0])
            if child + 2 == len(branch.ids):
                kept[1] = None  # the last child, which grows
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
            nodes = [half.pack() for half in halves]
            firsts = [half.firsts[0] for half in halves]
            kept = [self._merged(half) for half in halves]
            number, leaves = above, False
            path.pop()
        if not path:
            numbers = (fresh, OPEN if leaves else fresh + 1)
            for i in (0, 1):
                store.put(node_key(key, numbers[i]), nodes[i])
            root = Branch(fresh + 2, firsts, list(numbers), [0, sizes[0]], [kept[0], None])
            store.put(node_key(key, 0), root.pack())
            return
        path[0][1].fresh = fresh
        for above, branch, _ in path:
            store.put(node_key(key, above), branch.pack())

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
        made = [self._part(points[at : at + self.leaf]) for at in range(0, len(points), self.leaf)]
        fresh, leaves = OPEN + 1, True
        while len(made) > 1:
            above = []
            for at in range(0, len(made), self.fan):
                branch, total = Branch(0), 0
                for i, (first, size, kept, node) in enumerate(made[at : at + self.fan], start=at + 1):
                    number = OPEN if leaves and i == len(made) else fresh
                    yield node_key(key, number), node
                    branch.firsts.append(first)
                    branch.ids.append(number)
                    branch.before.append(total)
                    branch.values.append(kept)
                    total += size
                    fresh += 1
                if len(made) <= self.fan:
                    branch.fresh = fresh
                if at + self.fan >= len(made):
                    branch.values[-1] = None  # it may grow
                above.append(_Part(branch.firsts[0], total, self._merged(branch), branch.pack()))
            made, leaves = above, False
        yield node_key(key, 0), made[0][3]

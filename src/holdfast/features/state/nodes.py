"""Nodes of the sums tree (`tree`) as bytes: what a leaf and an inner node keep, and how they are searched.

Words are little-endian int64. Leaf: ``0, time[n], {0, N[n]}, {0, S[n]}, {0, Q[n]}`` with running totals from the
leaf's start; columns a series does not need are left out, Q is 16 bytes wide. Inner: ``level | next id << 8,
first[m], id[m], N[m], S[m], Q[m]``, where N, S, Q are what lies in the children *before* each; S is 16 and Q 24 bytes
wide: squares of 53-bit integers pass 64 bits at once, and their totals 128 bits after two million.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from struct import Struct
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.errors import HoldfastError
from holdfast.features.state.keys import ENTITY, SERIES

Get = Callable[[bytes], bytes | None]
Ints = NDArray[np.int64]

LEAF_POINTS = 128
LEAF_WORDS = 248
"""A node of up to so many words shares a page of LMDB with others; a larger one takes pages of its own each time."""

FAN_OUT = 128
LEAF = bytes(8)
"""How a leaf begins; an inner node begins with its level, 1 or more."""


class Totals(NamedTuple):
    """Exact integers: points, sum of values, sum of their squares."""

    n: int
    s: int
    q: int


class Point(NamedTuple):
    """What a tree adds at a time (µs): a count (1; 0 for a label's correction), a value and its square."""

    time: int
    n: int
    s: int
    q: int


NOTHING = Totals(0, 0, 0)


@dataclass(slots=True)
class Inner:
    """An inner node unpacked: for each child its first time, its number, and what lies before it in this node."""

    level: int
    fresh: int
    """In the root: the number the next new node gets."""
    firsts: list[int] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)
    n: list[int] = field(default_factory=list)
    s: list[int] = field(default_factory=list)
    q: list[int] = field(default_factory=list)

    def insert(self, at: int, first: int, number: int, before: Totals) -> None:
        self.firsts.insert(at, first)
        self.ids.insert(at, number)
        self.n.insert(at, before.n)
        self.s.insert(at, before.s)
        self.q.insert(at, before.q)

    def before(self, child: int) -> Totals:
        return Totals(self.n[child], self.s[child], self.q[child])

    def add_after(self, child: int, point: Point) -> None:
        """Count a point that went into `child` for every child after it."""
        for i in range(child + 1, len(self.ids)):
            self.n[i] += point.n
            self.s[i] += point.s
            self.q[i] += point.q

    def cut(self, at: int) -> Inner:
        """Take the children from `at` on away into a new node."""
        base = self.before(at)
        right = Inner(
            self.level,
            0,
            self.firsts[at:],
            self.ids[at:],
            [item - base.n for item in self.n[at:]],
            [item - base.s for item in self.s[at:]],
            [item - base.q for item in self.q[at:]],
        )
        for column in (self.firsts, self.ids, self.n, self.s, self.q):
            del column[at:]
        return right


@dataclass(frozen=True, slots=True)
class Shape:
    """Which columns a series keeps: `counts` where points may count 0, `sums`, and with them `squares`."""

    counts: bool
    sums: bool
    squares: bool
    leaf: int = LEAF_POINTS
    fan: int = FAN_OUT
    columns: int = field(init=False)
    """Words that each point takes in a leaf; a leaf of n points has (n + 1) times as many."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", 1 + self.counts + self.sums + 2 * self.squares)

    def size(self, words: int) -> int:
        """Points in a leaf of so many words."""
        return words // self.columns - 1

    def children(self, words: int) -> int:
        return (words - 1) // (3 + 2 * self.sums + 3 * self.squares)

    def before(self, get: Get, key: bytes, root: bytes, time: int) -> Totals:
        """Totals of an entity's points strictly before `time`; `root` is its root node."""
        n = s = q = 0
        node = root
        while node[:8] != LEAF:
            words = memoryview(node).cast("q")
            count = self.children(len(words))
            child = max(bisect_left(words, time, 1, 1 + count) - 2, 0)
            n += words[1 + 2 * count + child]
            if self.sums:
                s += wide(node, 8 + 24 * count + 16 * child, 16)
            if self.squares:
                q += wide(node, 8 + 40 * count + 24 * child, 24)
            node = present(get(node_key(key, words[1 + count + child])), key)
        words = memoryview(node).cast("q")
        size = self.size(len(words))
        at = bisect_left(words, time, 1, 1 + size) - 1
        column = 1 + size
        if self.counts:
            n += words[column + at]
            column += 1 + size
        else:
            n += at
        if self.sums:
            s += words[column + at]
            column += 1 + size
        if self.squares:
            q += wide(node, 8 * column + 16 * at, 16)
        return Totals(n, s, q)

    def before_open(self, get: Get, key: bytes, root: bytes) -> Totals:
        """Totals of what lies before an entity's open leaf; `root` is an inner node."""
        n = s = q = 0
        node = root
        while True:
            words = memoryview(node).cast("q")
            count = self.children(len(words))
            n += words[3 * count]
            if self.sums:
                s += wide(node, 8 + 40 * count - 16, 16)
            if self.squares:
                q += wide(node, 8 + 64 * count - 24, 24)
            if node[0] == 1:
                return Totals(n, s, q)
            node = present(get(node_key(key, words[2 * count])), key)

    def latest(self, get: Get, key: bytes, root: bytes, time: int) -> int | None:
        """Time of an entity's last point strictly before `time`."""
        node = root
        while node[:8] != LEAF:
            words = memoryview(node).cast("q")
            count = self.children(len(words))
            child = max(bisect_left(words, time, 1, 1 + count) - 2, 0)
            node = present(get(node_key(key, words[1 + count + child])), key)
        words = memoryview(node).cast("q")
        at = bisect_left(words, time, 1, 1 + self.size(len(words))) - 1
        return words[at] if at else None

    def append(self, leaf: bytes, point: Point) -> bytes | None:
        """The leaf with a point at its end, made by slicing; None when it is full or the point is late."""
        size = len(leaf) // (8 * self.columns) - 1
        at = 8 * size
        if size >= self.leaf or word_at(leaf, at)[0] > point.time:
            return None
        at += 8  # each column is as long as the first: a word before, and one for each point
        if self.columns == 1:
            return leaf + word(point.time)
        parts = [leaf[:at], word(point.time)]
        column = at
        if self.counts:
            parts += (leaf[column : column + at], word(word_at(leaf, column + at - 8)[0] + point.n))
            column += at
        if self.sums:
            parts += (leaf[column : column + at], word(word_at(leaf, column + at - 8)[0] + point.s))
            column += at
        if self.squares:
            parts += (leaf[column:], (wide(leaf, len(leaf) - 16, 16) + point.q).to_bytes(16, "little", signed=True))
        return b"".join(parts)

    def pack_leaf(self, points: Sequence[Point]) -> bytes:
        parts = [LEAF, *(word(item.time) for item in points)]
        if self.counts:
            parts += _running([item.n for item in points], 8)
        if self.sums:
            parts += _running([item.s for item in points], 8)
        if self.squares:
            parts += _running([item.q for item in points], 16)
        return b"".join(parts)

    def pack_columns(self, times: Ints, counts: Ints | None, values: Ints | None) -> tuple[bytes, Totals]:
        """A leaf from columns, and its totals."""
        parts, n, s, q = [LEAF, times.astype("<i8").tobytes()], len(times), 0, 0
        if self.counts and counts is not None:
            n = int(counts.sum())
            parts += (bytes(8), np.cumsum(counts).astype("<i8").tobytes())
        if self.sums and values is not None:
            s = int(values.sum())
            parts += (bytes(8), np.cumsum(values).astype("<i8").tobytes())
        if self.squares and values is not None:
            squares = [value * value for value in values.tolist()]
            q = sum(squares)
            parts += _running(squares, 16)
        return b"".join(parts), Totals(n, s, q)

    def totals(self, leaf: bytes) -> Totals:
        """Totals of all points of a leaf."""
        size = len(leaf) // (8 * self.columns) - 1
        column = 8 * (size + 1)  # bytes of each column, the first is times
        n = word_at(leaf, 2 * column - 8)[0] if self.counts else size
        s = word_at(leaf, (2 + self.counts) * column - 8)[0] if self.sums else 0
        return Totals(n, s, wide(leaf, len(leaf) - 16, 16) if self.squares else 0)

    def unpack_leaf(self, leaf: bytes) -> list[Point]:
        words = memoryview(leaf).cast("q")
        size = self.size(len(words))
        column = 1 + size
        n, s, q = [1] * size, [0] * size, [0] * size
        if self.counts:
            n = _steps(words[column : column + 1 + size].tolist())
            column += 1 + size
        if self.sums:
            s = _steps(words[column : column + 1 + size].tolist())
            column += 1 + size
        if self.squares:
            q = _steps([wide(leaf, 8 * column + 16 * i, 16) for i in range(size + 1)])
        return list(map(Point, words[1 : 1 + size].tolist(), n, s, q))

    def pack_inner(self, inner: Inner) -> bytes:
        parts = [word(inner.level | inner.fresh << 8)]
        parts += [word(item) for column in (inner.firsts, inner.ids, inner.n) for item in column]
        if self.sums:
            parts += [item.to_bytes(16, "little", signed=True) for item in inner.s]
        if self.squares:
            parts += [item.to_bytes(24, "little", signed=True) for item in inner.q]
        return b"".join(parts)

    def unpack_inner(self, node: bytes) -> Inner:
        words = memoryview(node).cast("q")
        count = self.children(len(words))
        column = words[1 : 1 + 3 * count].tolist()
        at = 8 + 24 * count
        s = [wide(node, at + 16 * i, 16) for i in range(count)] if self.sums else [0] * count
        at += 16 * count
        q = [wide(node, at + 24 * i, 24) for i in range(count)] if self.squares else [0] * count
        head = words[0]
        return Inner(head & 0xFF, head >> 8, column[:count], column[count : 2 * count], column[2 * count :], s, q)


OPEN = 1
"""Number of the leaf at the end, which most points go to."""

AT_END = b"\1"
"""What its key has more than the root's."""


def node_key(key: bytes, number: int) -> bytes:
    """Where a node of the tree `key` (series and entity) lies in the file.

    What an event touches lies together: the root (number 0) and the open leaf of all series of an entity, under the
    entity; the nodes that seldom change lie apart, under their series.
    """
    if number > OPEN:
        return key + number.to_bytes(4, "big")
    root = key[SERIES:] + key[:SERIES]
    return root + AT_END if number else root


def series_of(node: bytes) -> bytes:
    """The series whose tree a node belongs to, from `node_key`."""
    return node[:SERIES] if len(node) > ENTITY + SERIES + 1 else node[ENTITY : ENTITY + SERIES]


def present(node: bytes | None, key: bytes) -> bytes:
    if node is None:
        raise HoldfastError(
            f"the state has lost a node of series {key[:8].hex()}",
            mend="run `holdfast state rebuild`: the ledger and the history hold everything",
        )
    return node


def walk(
    get: Get, key: bytes, children: Callable[[bytes], Sequence[int]], number: int = 0
) -> Iterator[tuple[bytes, bytes]]:
    """(key, bytes) of every node of an entity, in order of time, a node before its children; none where none is."""
    at = node_key(key, number)
    node = get(at)
    if node is None and number == 0:
        return
    node = present(node, key)
    yield at, node
    if node[:8] != LEAF:
        for child in children(node):
            yield from walk(get, key, children, child)


word = Struct("<q").pack
word_at = Struct("<q").unpack_from


def wide(node: bytes, at: int, size: int) -> int:
    return int.from_bytes(node[at : at + size], "little", signed=True)


def _running(steps: Sequence[int], size: int) -> list[bytes]:
    total, parts = 0, [bytes(size)]
    for step in steps:
        total += step
        parts.append(total.to_bytes(size, "little", signed=True))
    return parts


def _steps(totals: Sequence[int]) -> list[int]:
    return [after - before for before, after in pairwise(totals)]

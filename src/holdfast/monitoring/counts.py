"""What was counted of some stretch of live traffic: exact integers, so any two may be added in any order.

A cell is one feature in one bin. Bins are those of the bundle's reference (`reference.Bins`): for numbers the profile's
edges with both ends open, for categories the contract's codes; null has a bin of its own (the first). `bundle.bins`
says which cell means what.
"""

from __future__ import annotations

import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import msgspec
import numpy as np

from holdfast.bundle.bins import OCTAVES, SPREAD, SUSPECTS, Integers, places
from holdfast.errors import HoldfastError

WORDS = 256
"""Unknown words told apart for each field; names of fields for each code of a refusal."""
REST = "…"
"""What the others count as."""
LATENCY = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)
"""Upper bounds, in seconds, of the buckets that `latency` counts; the last bucket has none."""
FORMAT = 1


def _none() -> Integers:
    return np.zeros(0, np.int64)


@dataclass
class Counts:
    """Of one version, in event time from `start` (µs UTC, included) to `end` (excluded).

    `shape` is the number of bins of each feature, in contract order, and last of the probability; `cells` all that
    was counted by them. Both are empty where no decision was, which may be added to anything.
    """

    version: str
    contract: str
    start: int
    end: int
    bundle: str = ""
    """Whose bins these are."""
    decisions: int = 0
    positive: int = 0
    """Decisions that were positive."""
    shape: tuple[int, ...] = ()
    cells: Integers = field(default_factory=_none)
    warnings: Counter[str] = field(default_factory=Counter)
    """Decisions' warnings as ``merchant_category: unknown``; the words after the colon: ``unknown``, ``placeholder``,
    ``null``, ``missing``, ``odd`` (out of bounds); any other warning counts as ``other``."""
    unknown: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(field, word) of values the vocabulary lacks, answered or refused. At most `WORDS` of a field are told apart,
    the rest count as ``…``; which ones does not depend on the order things are added in."""
    refusals: Counter[str] = field(default_factory=Counter)
    """Requests that got no answer, by the code of their first problem."""
    problems: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(code, field) of every problem of theirs, as bounded as `unknown`."""
    latency: Integers = field(default_factory=_none)
    """Replies to POST /predict by how long they took, in buckets up to each of `LATENCY`. Of the server, not of a
    version: empty in the counts of one."""
    replies: Counter[str] = field(default_factory=Counter)
    """The same by HTTP status (``200``)."""
    away: Counter[str] = field(default_factory=Counter)
    """Requests and connections turned away before any work, by reason."""

    @property
    def features(self) -> int:
        return max(0, len(self.shape) - 1)

    @property
    def bins(self) -> tuple[Integers, ...]:
        """For each feature the counts of its bins, null first."""
        return tuple(places(self.shape).bins(self.cells, at) for at in range(self.features))

    @property
    def score(self) -> Integers:
        """The same for the probability."""
        return places(self.shape).bins(self.cells, self.features) if self.shape else _none()

    @property
    def below(self) -> Integers:
        """By feature: values under the smallest of training."""
        return self._table("below", 1)[:, 0]

    @property
    def above(self) -> Integers:
        """By feature: values over the largest of training."""
        return self._table("above", 1)[:, 0]

    @property
    def octaves(self) -> Integers:
        """Shape (features, OCTAVES): of numbers how many are 0, and how many lie in each octave of size."""
        return self._table("octaves", OCTAVES)

    @property
    def spread(self) -> Integers:
        """Shape (features + 1, SPREAD): numbers by buckets of a hash, the probability last. One value fills one."""
        return places(self.shape).table(self.cells, "spread", SPREAD) if self.shape else np.zeros((0, SPREAD), np.int64)

    @property
    def suspects(self) -> Integers:
        """Shape (features, len(SUSPECTS)): how often each of `SUSPECTS` occurs."""
        return self._table("suspects", len(SUSPECTS))

    @property
    def seasons(self) -> Integers:
        """Decisions by season: 24 hours of a working day, then of a day at the weekend, UTC."""
        return self.cells[places(self.shape).at["seasons"] :] if self.shape else np.zeros(48, np.int64)

    def _table(self, name: str, width: int) -> Integers:
        if not self.shape:
            return np.zeros((0, width), np.int64)
        return places(self.shape).table(self.cells, name, width)[: self.features]

    def __add__(self, other: Counts) -> Counts:
        """Both together: of the same version, their stretches side by side or one over the other."""
        self._fits(other)
        return Counts(
            version=self.version or other.version,
            contract=self.contract or other.contract,
            start=min(self.start, other.start),
            end=max(self.end, other.end),
            bundle=self.bundle or other.bundle,
            decisions=self.decisions + other.decisions,
            positive=self.positive + other.positive,
            shape=self.shape or other.shape,
            cells=_sum(self.cells, other.cells),
            warnings=self.warnings + other.warnings,
            unknown=bounded(self.unknown + other.unknown),
            refusals=self.refusals + other.refusals,
            problems=bounded(self.problems + other.problems),
            latency=_sum(self.latency, other.latency),
            replies=self.replies + other.replies,
            away=self.away + other.away,
        )

    def _fits(self, other: Counts) -> None:
        if self.shape and other.shape and (self.shape, self.bundle) != (other.shape, other.bundle):
            raise HoldfastError(f"counts by the bins of {self.bundle} and of {other.bundle} cannot be added")

    def _take(self, other: Counts) -> None:
        """Add another to these, whose arrays nobody else has; bounds and stretch are left to the caller."""
        self._fits(other)
        self.version, self.contract = self.version or other.version, self.contract or other.contract
        self.bundle, self.shape = self.bundle or other.bundle, self.shape or other.shape
        self.decisions += other.decisions
        self.positive += other.positive
        for name in ("cells", "latency"):
            mine, theirs = getattr(self, name), getattr(other, name)
            if len(mine) and len(theirs):
                mine += theirs
            elif len(theirs):
                setattr(self, name, theirs.copy())
        for name in ("warnings", "unknown", "refusals", "problems", "replies", "away"):
            if theirs := getattr(other, name):
                getattr(self, name).update(theirs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Counts) and self.as_dict() == other.as_dict()

    __hash__ = None  # type: ignore[assignment]  # it changes

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "version": self.version,
            "contract": self.contract,
            "bundle": self.bundle,
            "start": self.start,
            "end": self.end,
            "decisions": self.decisions,
            "positive": self.positive,
            "shape": list(self.shape),
            "bins": [item.tolist() for item in self.bins],
            "score": self.score.tolist(),
            "below": self.below.tolist(),
            "above": self.above.tolist(),
            "octaves": self.octaves.tolist(),
            "spread": self.spread.tolist(),
            "suspects": self.suspects.tolist(),
            "seasons": self.seasons.tolist(),
            "warnings": dict(sorted(self.warnings.items())),
            "unknown": [[*key, n] for key, n in sorted(self.unknown.items())],
            "refusals": dict(sorted(self.refusals.items())),
            "problems": [[*key, n] for key, n in sorted(self.problems.items())],
            "latency": self.latency.tolist(),
            "replies": dict(sorted(self.replies.items())),
            "away": dict(sorted(self.away.items())),
        }

    def packed(self) -> bytes:
        """The compact form: most cells are 0, and small where they are not."""
        kind = np.min_scalar_type(int(self.cells.max(initial=0))).str
        return _encoder.encode(
            _Packed(
                FORMAT, self.version, self.contract, self.bundle, self.start, self.end, self.decisions, self.positive,
                self.shape, kind, zlib.compress(self.cells.astype(kind).tobytes(), 1), dict(self.warnings),
                [(*key, n) for key, n in self.unknown.items()], dict(self.refusals),
                [(*key, n) for key, n in self.problems.items()], self.latency.tolist(), dict(self.replies),
                dict(self.away),
            )
        )  # fmt: skip

    @classmethod
    def unpacked(cls, data: bytes | memoryview) -> Counts:
        """What `packed` made. Raises HoldfastError for a newer format."""
        found = _decoder.decode(data)
        if found.format > FORMAT:
            raise HoldfastError(f"counts of format {found.format} are newer than this Holdfast reads ({FORMAT})")
        return cls(
            version=found.version, contract=found.contract, bundle=found.bundle, start=found.start, end=found.end,
            decisions=found.decisions, positive=found.positive, shape=found.shape,
            cells=np.frombuffer(zlib.decompress(found.cells), found.kind).astype(np.int64),
            warnings=Counter(found.warnings), unknown=Counter({(a, b): n for a, b, n in found.unknown}),
            refusals=Counter(found.refusals), problems=Counter({(a, b): n for a, b, n in found.problems}),
            latency=np.array(found.latency, np.int64), replies=Counter(found.replies), away=Counter(found.away),
        )  # fmt: skip


def total(many: Iterable[Counts], version: str, start: int, end: int, contract: str = "") -> Counts:
    """All of them together, said to be of [start, end); empty where there are none. What `+` gives, in one go."""
    found = Counts(version, contract, start, end)
    for item in many:
        if not found.shape and not len(found.latency):
            found = found + item  # its own arrays from here on
        else:
            found._take(item)
    found.unknown, found.problems = bounded(found.unknown), bounded(found.problems)
    found.start, found.end = start, end
    return found


class _Packed(msgspec.Struct, array_like=True, frozen=True):
    """As it lies in a file; later versions may only append."""

    format: int
    version: str
    contract: str
    bundle: str
    start: int
    end: int
    decisions: int
    positive: int
    shape: tuple[int, ...]
    kind: str
    cells: bytes
    warnings: dict[str, int]
    unknown: list[tuple[str, str, int]]
    refusals: dict[str, int]
    problems: list[tuple[str, str, int]]
    latency: list[int]
    replies: dict[str, int]
    away: dict[str, int]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Packed)


def _sum(first: Integers, second: Integers) -> Integers:
    if not len(first) or not len(second):
        return (first if len(first) else second).copy()
    return first + second


def bounded(counted: Counter[tuple[str, str]], most: int = WORDS) -> Counter[tuple[str, str]]:
    """At most so many second words for each first; the rest count as ``…``.

    Those with the smallest hashes stay. Whatever is among them in a sum was among them in each of its parts, so every
    count that is told is exact, and the same in whichever order parts were added.
    """
    if len(counted) <= most:
        return counted
    by_first: defaultdict[str, list[str]] = defaultdict(list)
    for first, second in counted:
        if second != REST:
            by_first[first].append(second)
    for first, seconds in by_first.items():
        for second in sorted(seconds, key=_hashed)[most:]:
            counted[first, REST] += counted.pop((first, second))
    return counted


def _hashed(word: str) -> bytes:
    return blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()

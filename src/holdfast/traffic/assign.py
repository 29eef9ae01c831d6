"""Which variant an entity gets: a keyed hash into 10,000 slots, and a table that says whose each slot is.

The hash depends on the experiment's salt and the entity's values alone, so every process, every restart and every
replay finds the same slot. When weights change, only as many slots change hands as the weights ask for: who was in a
canary of 10 % is in it at 50 %.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from hashlib import blake2b

import msgspec

from holdfast.contract.model import Cell

SLOTS = 10_000
"""Weights are whole numbers of slots: 1 is 0.01 %."""

Runs = Sequence[tuple[int, int]]
"""``(first slot, place of the variant)``, rising, the first at slot 0; each run reaches to the next."""

_encode = msgspec.msgpack.Encoder().encode


def hashed(salt: bytes, cells: Sequence[Cell]) -> int:
    """64 bits of an entity under a salt (1 to 64 bytes)."""
    return int.from_bytes(blake2b(_encode(cells), digest_size=8, key=salt).digest(), "big")


def slot(salt: bytes, cells: Sequence[Cell]) -> int:
    """The entity's slot. Each of the 10,000 has the same share of 2**64 but for one part in 10**15."""
    return hashed(salt, cells) * SLOTS >> 64


def compile_assignment(salt: bytes, runs: Runs) -> Callable[[Sequence[Cell]], int]:
    """From an entity's cells to the place of its variant."""
    starts = [start for start, _ in runs]
    places = [place for _, place in runs]

    def assign(cells: Sequence[Cell]) -> int:
        number = int.from_bytes(blake2b(_encode(cells), digest_size=8, key=salt).digest(), "big")
        return places[bisect_right(starts, number * SLOTS >> 64) - 1]

    return assign


def shares(weights: Sequence[float], floor: int = 0) -> list[int]:
    """Whole slots in proportion to weights, by largest remainder, each at least `floor`; they add up to 10,000."""
    free = SLOTS - floor * len(weights)
    total = sum(weights)
    if free < 0 or total <= 0 or min(weights) < 0:
        raise ValueError(f"no shares of {weights} with at least {floor} slots each")
    exact = [free * item / total for item in weights]
    whole = [int(item) for item in exact]
    order = sorted(range(len(weights)), key=lambda at: (whole[at] - exact[at], at))
    for at in order[: free - sum(whole)]:
        whole[at] += 1
    return [floor + item for item in whole]


def deal(weights: Sequence[int]) -> list[tuple[int, int]]:
    """A first table; `weights` are slots and add up to 10,000."""
    return redeal([(0, 0)], [*weights])


def redeal(runs: Runs, weights: Sequence[int]) -> list[tuple[int, int]]:
    """The table under other weights: who has too many slots gives up its highest, who has too few takes the lowest."""
    if sum(weights) != SLOTS or min(weights) < 0:
        raise ValueError(f"weights are slots and add up to {SLOTS}, not {list(weights)}")
    owners = owners_of(runs)
    count = [0] * len(weights)
    for place in owners:
        count[place] += 1
    free = []
    for at in range(SLOTS - 1, -1, -1):
        place = owners[at]
        if count[place] > weights[place]:
            count[place] -= 1
            free.append(at)
    free.reverse()
    taken = iter(free)
    for place, wanted in enumerate(weights):
        for _ in range(wanted - count[place]):
            owners[next(taken)] = place
    return runs_of(owners)


def owners_of(runs: Runs) -> list[int]:
    """The place of each slot's variant."""
    owners: list[int] = []
    ends = [start for start, _ in runs[1:]] + [SLOTS]
    for (start, place), end in zip(runs, ends, strict=True):
        owners += [place] * (end - start)
    return owners


def runs_of(owners: Sequence[int]) -> list[tuple[int, int]]:
    """The table in as few runs as it has."""
    return [(at, place) for at, place in enumerate(owners) if at == 0 or owners[at - 1] != place]


def weights_of(runs: Runs, places: int) -> list[int]:
    """How many slots each of `places` variants has."""
    count = [0] * places
    for place in owners_of(runs):
        count[place] += 1
    return count

"""Every row of the table of integration issues: the doctor's own faults, each put into one side of a clean pair."""

from __future__ import annotations

import time
from collections.abc import Callable

from benchmarks.scorecard import frames
from benchmarks.scorecard.fault import Ask, Fault, Named, Outcome, Room
from tests.doctor import faults, places
from tests.doctor.places import Place

from holdfast.doctor.catalog import CAUSES
from holdfast.doctor.journey import doctor

Pair = Callable[[int], tuple[Place, Place]]
PAIRS: dict[str, Pair] = {
    "place-both": places.both,
    "place-same": places.same,
    "place-only-new": places.only_new,
}
"""Clean pairs: some rows in common, all of them, none."""
ASKED = frozenset(cause.code for cause in CAUSES)
SAME = ("T2a", "T2b", "T2c", "T2d", "T2e", "T2f", "T4a", "T4b", "T4c", "T7a", "T9d")
NEW = ("T1e", "T3a", "T5b", "T5c", "T6a", "T6b", "T8b", "T9a", "T9b", "T9c", "T9f")
COLUMNS = {
    "T2a": "rate", "T2b": "hour", "T2c": "rate", "T2d": "amount input.amount_text", "T2e": "amount", "T2f": "rate",
    "T4c": "score", "T5a": "hour score", "T5b": "hour score", "T5c": "kind", "T5d": "kind score", "T6a": "hour",
    "T6b": "amount input.amount_text", "T7a": "rate", "T8a": "debt", "T8b": "debt", "T9a": "amount input.amount_text",
    "T9b": "kind", "T9c": "hour", "T9d": "amount input.amount_text", "T9e": "label", "T9f": "label",
    "T1a": "score", "T1b": "score", "T1c": "score", "T1d": "score", "T1f": "score", "X1": "score", "X2": "score",
}  # fmt: skip
NOT_IN_ROWS = ("T4a", "T4b", "T7b")
"""Another split, another order, another score when asked again: two tables do not hold these."""


def diagnosed(put: Pair) -> Ask:
    """What `holdfast doctor` says of two exported folders."""

    def ask(room: Room) -> Outcome:
        began = time.perf_counter()
        ours, theirs = put(room.seed)
        research, production = ours.write(room.folder / "research"), theirs.write(room.folder / "production")
        found = doctor(str(research), str(production), room.folder).findings
        named = tuple(Named(item.code, item.says) for item in found)
        return Outcome(named, ASKED, frames.of_places(ours, theirs), time.perf_counter() - began)

    return ask


def _base(name: str) -> str:
    return "place-same" if name in SAME else "place-only-new" if name in NEW else "place-both"


FAULTS: tuple[Fault, ...] = tuple(
    Fault(
        id=name,
        bullet=name[:-1],
        what=item.what,
        expected=(item.code,),
        base=_base(name),
        ask=diagnosed(item.put),
        beside=item.beside,
        columns=tuple(COLUMNS.get(name, "").split()),
        in_the_data=name not in NOT_IN_ROWS,
        first=True,
    )
    for name, item in faults.FAULTS.items()
)

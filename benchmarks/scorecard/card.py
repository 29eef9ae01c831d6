"""Judging a fault beside its clean twin, and the whole as figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from benchmarks.scorecard.fault import Card, Fault, Judged, Outcome

WANTED = 0.95
"""Share of faults that have to be named rightly."""


def judge(fault: Fault, seen: Outcome, clean: Outcome) -> Judged:
    """Right when an expected code is named that its clean twin does not name, and nothing that it does not explain.

    What the clean twin names too is the base's own and counts neither way. Where order matters (`first`) the expected
    one stands before all others.
    """
    usual = set(clean.codes)
    named = tuple(item for item in seen.named if item.code not in usual)
    hit = [item.code in fault.expected for item in named]
    strange = tuple(item.code for item in named if item.code not in fault.expected and item.code not in fault.beside)
    right = any(hit[:1] if fault.first else hit) and not strange
    return Judged(fault, named, strange, right)


def share(judged: Iterable[Judged]) -> float:
    found = [item.right for item in judged]
    return sum(found) / len(found) if found else 0.0


def ok(card: Card) -> bool:
    """Enough of them named, and every clean run left in peace."""
    return share(card.faults) >= WANTED and all(item.ok for item in card.clean)


def advice(card: Card) -> dict[str, int]:
    """How often advice was given on clean runs, by code: it stops nobody, and is no false alarm of a required check."""
    return dict(Counter(item.code for run in card.clean for item in run.advice).most_common())


def as_dict(card: Card) -> dict[str, object]:
    """Everything, as JSON."""
    return {
        "ok": ok(card),
        "share": share(card.faults),
        "wanted": WANTED,
        "seconds": {part: round(value, 1) for part, value in card.parts.items()},
        "faults": [
            {
                "id": item.fault.id, "bullet": item.fault.bullet, "what": item.fault.what, "base": item.fault.base,
                "expected": list(item.fault.expected), "right": item.right, "by": list(item.by),
                "strange": list(item.strange), "seconds": round(item.seconds, 2), "error": item.error,
                "named": [{"code": name.code, "why": name.why, "stops": name.stops} for name in item.named],
            }
            for item in card.faults
        ],
        "clean": [
            {
                "base": item.base, "seed": item.seed, "ok": item.ok, "seconds": round(item.seconds, 2),
                "stopping": [{"code": name.code, "why": name.why} for name in item.stopping],
                "advice": [{"code": name.code, "why": name.why} for name in item.advice], "error": item.error,
            }
            for item in card.clean
        ],
    }  # fmt: skip

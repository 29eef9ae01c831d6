"""WATCH302: are there more, or fewer, positive decisions than usual at these hours?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from holdfast.monitoring.expected import DAY
from holdfast.monitoring.finding import Finding
from holdfast.monitoring.fits import apart
from holdfast.monitoring.limits import Limits
from holdfast.monitoring.seen import Seen
from holdfast.monitoring.shares import Rise, fallen, risen
from holdfast.monitoring.stretches import Stretch, before, drifted, stretches, young
from holdfast.monitoring.watch import Watch

CODE = "WATCH302"
FEWEST = 100
"""Decisions of other versions that say what people were used to."""
TIMES = 2.0


def look(seen: Seen, limits: Limits) -> Iterator[Finding]:
    looked = stretches(seen, limits)
    if (jump := _jump(seen, looked)) is not None:
        yield jump
        return
    for at, stretch in enumerate(looked):
        usual = usual_share(seen, stretch)
        natural = seen.expected.natural_decision(stretch.days, stretch.n, limits.natural_psi)
        if not 0 < usual < 1:
            continue
        change = limits.decision_rate * usual
        count = stretch.counts.positive
        found: Rise | None = risen(stretch, count, stretch.n, usual, change, tests=2, natural=natural)
        found = found or fallen(stretch, count, stretch.n, usual, change, tests=2, natural=natural)
        recent = [item for item in looked[:at] if item.n * usual >= 8][-1:]
        if found is None or any(
            (item.counts.positive / item.n - usual) * (found.share - usual) <= 0.3 * (found.share - usual) ** 2
            for item in recent
        ):
            continue
        if young(seen, limits):
            return
        spike = found.share > usual and same_below(seen, stretch)
        moved = not same_inputs(stretch, found.share - usual)
        if moved and stretch.n < 5 * limits.fast_predictions and not drifted(seen, limits):
            continue  # an input moves by more than these decisions: it will be known by its own name, in a moment
        spike = spike and not moved
        why = f"{found.share:.1%} of {stretch.told()} were decided positively, usually {usual:.1%}" + (
            "; the other scores lie as they did: more positives among the same people" if spike else ""
        )
        mend = (
            "look at what was decided positively (holdfast ledger show): an attack has a place or a card in common"
            if spike
            else "see which inputs drift; the threshold was chosen for another share of positives"
        )
        yield Finding(
            CODE, "alert", "positive_spike" if spike else "decisions", why, mend, "",
            "high" if abs(found.share / usual - 1) > 1 else "warning", found.as_dict(), stretch.start, stretch.n,
        )  # fmt: skip
        return
    if looked:
        share = looked[-1].counts.positive / looked[-1].n
        why = f"{share:.2%} of {looked[-1].told()} were decided positively, usually {usual_share(seen, looked[-1]):.2%}"
        yield Finding(CODE, "ok", "none", why, predictions=looked[-1].n, since=looked[-1].start)


def _jump(seen: Seen, looked: Sequence[Stretch]) -> Finding | None:
    """Whether this version decides more than twice as many positively as the others did in a fortnight: what training
    says of itself is no excuse for those who are stopped.
    """
    many, positive = seen.others(seen.now - 14 * DAY, seen.now + 1) if looked else (0, 0)
    if many < FEWEST:
        return None
    was = (positive + 1) / (many + 2)
    for stretch in looked:
        found = risen(stretch, stretch.counts.positive, stretch.n, was, (TIMES - 1) * was, tests=2)
        if found is not None:
            why = (
                f"{found.share:.1%} of {stretch.told()} were decided positively; other versions decided {was:.1%} so "
                "in the last fortnight"
            )
            mend = "see what this version decides by (holdfast versions), and roll back if nobody meant it"
            evidence = found.as_dict() | {"others": many, "others_share": round(was, 5)}
            return Finding(CODE, "alert", "new_version", why, mend, "", "high", evidence, stretch.start, stretch.n)
    return None


def usual_share(seen: Seen, stretch: Stretch) -> float:
    """Share of positive decisions in training, at the hours of this stretch."""
    expected, cells = seen.expected, seen.expected.cells(seen.expected.names[-1])
    overall, mixed = expected.total[cells], stretch.shares[cells]
    told = seen.bundle.profile.get("decision_share")
    share = float(told) if told is not None else _past(seen)
    tail = np.cumsum(overall[::-1])[::-1]
    top = int(np.argmin(np.abs(tail - share)))
    if top == 0 or not 0.5 < tail[top] / max(1e-9, share) < 2:
        return share
    return min(0.999, share * float(mixed[top:].sum() / max(1e-9, overall[top:].sum())))


def _past(seen: Seen) -> float:
    counts = before(seen)
    return counts.positive / counts.decisions if counts.decisions >= 500 else 0.0


def same_below(seen: Seen, stretch: Stretch) -> bool:
    """Whether the scores of those decided negatively lie as they did."""
    cells = seen.expected.cells(seen.expected.names[-1])
    edges = np.asarray(seen.expected.shapes[-1].edges)
    p, found = stretch.shares[cells][1:], stretch.found[cells][1:]
    low = np.arange(len(p)) < int(np.searchsorted(edges, min(seen.bundle.threshold.value, edges[-2]), "left") - 1)
    if len(edges) < 4 or low.sum() < 3 or p[low].sum() < 0.3 or found[low].sum() < 50:
        return False
    return apart(p[low] / p[low].sum(), found[low]) < 0.1


def same_inputs(stretch: Stretch, more: float) -> bool:
    """Whether no feature moved by more rows than there are further positives, and chance."""
    starts = stretch.expected.starts
    q = stretch.found / max(1, stretch.n)
    moved = 0.5 * np.add.reduceat(np.abs(q - stretch.shares), starts)
    chance = 0.5 * np.add.reduceat(np.sqrt(np.maximum(stretch.shares, 0) / max(1, stretch.n)), starts)
    natural = 0.5 * np.sqrt(stretch.natural)
    return bool((moved - 1.25 * chance - 2 * natural < 1.5 * abs(more) + 0.02)[:-1].all())


WATCH = Watch(CODE, "scores", "As many are decided positively as usual", look)

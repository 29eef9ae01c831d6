"""What an experiment does by itself: the next record that follows from the counts. Pure; one place calls it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import msgspec

from holdfast.ledger.records import Experiment, ExperimentAction
from holdfast.traffic import bandit, canary
from holdfast.traffic.assign import SLOTS, redeal
from holdfast.traffic.count import Counts, Span
from holdfast.traffic.course import origin
from holdfast.traffic.evidence import above, below
from holdfast.traffic.verdict import compare, decided, losses

CONDUCTOR = "holdfast"
"""Who decides, where nobody did."""


@dataclass(frozen=True, slots=True)
class Next:
    """A record to write; or a version to promote (through the desk, which then ends the experiment)."""

    record: Experiment | None = None
    promote: str = ""
    """Name of the variant that has won."""
    why: str = ""


NOTHING = Next()


def conduct(latest: Experiment, counts: Counts | None, champion: str, now: int) -> Next:
    """What follows at `now` (µs UTC). `champion` is the bundle that is champion by the ledger's promotions.

    Nothing follows from the counts of a shadow, so they need not be there.
    """
    if latest.arms[0].bundle != champion:
        return Next(following(latest, "stop", "another version was made champion meanwhile"))
    if latest.kind == "shadow" or counts is None:
        return NOTHING
    counts.mature(now)
    spans = list(counts.spans.values())
    seconds = (now - latest.received_at) / 1e6
    if latest.kind == "canary":
        return _canary(latest, counts, spans, seconds)
    wrong = _harm(latest, counts)
    if wrong:
        return Next(following(latest, "halt", wrong, evidence=told(counts)))
    if counts.plan.auto and latest.kind != "rule":
        ended = _winner(latest, counts, spans)
        if ended != NOTHING:
            return ended
    if latest.kind == "bandit" and seconds >= counts.plan.period:
        return Next(_reweighted(latest, counts, spans))
    return NOTHING


def following(
    latest: Experiment,
    action: ExperimentAction,
    why: str,
    *,
    who: str = CONDUCTOR,
    evidence: dict[str, Any] | None = None,
) -> Experiment:
    """The next record of an experiment, all else as it was."""
    return msgspec.structs.replace(
        latest,
        seq=0,
        received_at=0,
        action=action,
        started=origin(latest),
        after=latest.seq,
        who=who,
        why=why,
        evidence=evidence or {},
    )


def weighted(record: Experiment, weights: list[int]) -> Experiment:
    """The record under other weights: only as many slots change hands as needed."""
    arms = [msgspec.structs.replace(arm, weight=weight) for arm, weight in zip(record.arms, weights, strict=True)]
    return msgspec.structs.replace(record, arms=arms, slots=redeal(record.slots, weights))


def told(counts: Counts) -> dict[str, Any]:
    """The counts of every variant, for the record."""
    return {name: canary.told(counts.of(place)) for place, name in enumerate(counts.names)}


def _canary(latest: Experiment, counts: Counts, spans: list[Span], seconds: float) -> Next:
    plan = counts.plan
    advice = canary.judge(plan, spans, latest.step, seconds)
    if advice.action == "halt":
        return Next(following(latest, "halt", advice.why, evidence=advice.evidence))
    if advice.action == "advance":
        record = following(latest, "step", advice.why, evidence=advice.evidence)
        share = plan.steps[latest.step + 1]
        record = weighted(record, [SLOTS - share, share])
        return Next(msgspec.structs.replace(record, step=latest.step + 1))
    if advice.action == "done" and plan.auto:
        return Next(promote=latest.arms[canary.CHALLENGER].name, why=advice.why)
    return NOTHING


def _harm(latest: Experiment, counts: Counts) -> str:
    """A challenger that fails or is slow is no matter of taste: it ends any experiment."""
    champion = counts.of(0)
    level = counts.plan.level / max(len(latest.arms) - 1, 1)
    plan = replace(counts.plan, level=level)
    for place, arm in enumerate(latest.arms):
        if place:
            wrong = canary.harm(plan, champion, counts.of(place))
            if wrong:
                return f"{arm.name} (version {arm.version}): {'; '.join(wrong)}"
    return ""


def _winner(latest: Experiment, counts: Counts, spans: list[Span]) -> Next:
    challengers = len(latest.arms) - 1
    level = counts.plan.level / challengers
    sides = [losses(spans, place, counts.plan.centre) for place in range(1, challengers + 1)]
    if all(decided(below(side, 0.0), above(side, 0.0), level) == "undecided" for side in sides):
        return NOTHING  # the interval costs more to find than the verdict
    verdicts = [compare(spans, place, counts.plan, challengers) for place in range(1, challengers + 1)]
    winners = [place for place, item in enumerate(verdicts, 1) if item.verdict == "challenger wins"]
    if winners:
        best = min(winners, key=lambda place: (verdicts[place - 1].effect or 0.0, place))
        return Next(promote=latest.arms[best].name, why=_reason(verdicts[best - 1].as_dict()))
    if all(item.verdict == "champion wins" for item in verdicts):
        why = "the champion wins: " + "; ".join(_reason(item.as_dict()) for item in verdicts)
        return Next(following(latest, "stop", why, evidence=told(counts)))
    return NOTHING


def _reason(verdict: dict[str, Any]) -> str:
    low, high = verdict["interval"]
    return f"loss {verdict['effect']:+.4f} [{low:+.4f}, {high:+.4f}] on {sum(verdict['matured'])} matured outcomes"


def _reweighted(latest: Experiment, counts: Counts, spans: list[Span]) -> Experiment:
    weights = bandit.weights(counts.plan, spans, len(latest.arms), latest.salt, latest.step + 1)
    record = weighted(following(latest, "weights", "a period has ended", evidence=told(counts)), weights)
    return msgspec.structs.replace(record, step=latest.step + 1)

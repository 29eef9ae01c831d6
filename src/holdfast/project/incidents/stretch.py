"""Traffic before, during and after: the ledger's decisions and refusals around the time at which something began."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from holdfast.project.project import Project

if TYPE_CHECKING:
    from holdfast.ledger.records import Decision, Refusal
    from holdfast.project.incidents.case import Case

FURTHEST = 300_000
"""Records of the ledger that are looked through, the newest."""
MOST_BEFORE = 20_000
SETTLED = 2_000_000
"""µs after a mitigation until every worker follows it, with room to spare."""


@dataclass(frozen=True)
class Part:
    """A stretch of traffic, in order of seq."""

    decisions: Sequence[Decision] = ()
    refusals: Sequence[Refusal] = ()


@dataclass(frozen=True)
class Around:
    """`before` what is wrong began, `during` it until something was done about it, and `after` that."""

    before: Part
    during: Part
    after: Part


def around(project: Project, since: int, mitigated: tuple[int, int] | None = None, promoted: int = 0) -> Around:
    """Around `since` (µs UTC of event time), or the record `promoted` where a promotion began it. `mitigated` is
    (seq, received_at) of what was done about it.

    Decisions go by their event time until something was done, and by their place in the ledger from then on. Refusals
    have no event time: they go by their receipt.
    """
    from holdfast.ledger.records import Decision, Refusal

    start = max(0, project.reader.last_seq() - FURTHEST)
    parts: list[tuple[list[Decision], list[Refusal]]] = [([], []), ([], []), ([], [])]
    for record in project.reader.records(start):
        if not isinstance(record, Decision | Refusal):
            continue
        if mitigated is not None and record.seq > mitigated[0]:
            if record.received_at < mitigated[1] + SETTLED:
                continue
            place = 2
        elif promoted:
            place = int(record.seq > promoted)
        elif isinstance(record, Decision):
            place = int(record.time >= since)
        else:
            place = int(record.received_at >= since)
        if isinstance(record, Decision):
            parts[place][0].append(record)
        else:
            parts[place][1].append(record)
    before, during, after = (Part(decisions, refusals) for decisions, refusals in parts)
    return Around(Part(before.decisions[-MOST_BEFORE:], before.refusals[-MOST_BEFORE:]), during, after)


def mitigated(case: Case) -> tuple[int, int] | None:
    """(seq, received_at) of the last mitigation of an incident that is in force; None before there is one."""
    done = [item for item in case.lines if item.action in ("mitigate", "remediate")]
    return (done[-1].seq, done[-1].received_at) if done else None

"""GATE701: does a protected group fare worse, alone or where two meet? On rows the version has not seen.

Four measures that cannot all be equal where the groups differ in truth; the limits leave room, and what lies beyond
them with its whole interval fails. Whoever knows why it must be so waives it, in words.
"""

from __future__ import annotations

from holdfast.checks.check import COMPLIANCE, Answer, Check, failed, not_applicable, passed
from holdfast.checks.fairness import beyond, fared
from holdfast.checks.groups import groupings, protected
from holdfast.checks.limits import Limits
from holdfast.checks.subject import Subject
from holdfast.errors import HoldfastError

SHOWN = 6


def ask(subject: Subject, limits: Limits) -> Answer:
    if limits.favourable not in ("negative", "positive"):
        return failed(f"checks.favourable is {limits.favourable!r}", "one of: negative, positive")
    try:
        names = protected(subject, limits)
        made = groupings(subject, limits)
        found = [fared(subject, item, limits, len(made)) for item in made]
    except HoldfastError as fault:
        return failed(f"the groups cannot be made: {fault.what}", fault.mend, protected=list(limits.protected))
    if not names:
        mend = (
            "mark fields `protected=True`, or name them in checks.protected; where no person is decided about, "
            f'holdfast waive GATE701 {subject.version} --for-contract --because "…"'
        )
        return not_applicable("no field is named as protected, so nobody can say how groups fare", mend)
    few = [f"{item.name} {group.name} ({group.rows})" for item in found for group in item.groups if not group.judged]
    evidence = {
        "protected": list(names),
        "favourable": limits.favourable,
        "rows": len(subject.split.test),
        "groupings": [item.as_dict() for item in found],
        "too_few_rows": few,
    }
    if not any(len(item.judged) > 1 for item in found):
        why = f"no two groups of {', '.join(names)} have {limits.least_group_rows} test rows each"
        return not_applicable(why, "more history, or wider groups: checks.bins", **evidence)
    wrong = [line for item in found for line in beyond(item, limits)]
    told = f"; too few rows to judge {len(few)} groups" if few else ""
    if wrong:
        more = f" and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        mend = (
            "look at what the group's features say, train without what stands for the group, or waive it with a reason"
        )
        return failed("; ".join(wrong[:SHOWN]) + more + told, mend, beyond=wrong, **evidence)
    ratios = [group.impact_ratio for item in found for group in item.judged if group.impact_ratio is not None]
    least = min(ratios, key=lambda item: item.value)
    return passed(
        f"by {', '.join(names)} and where two of them meet: impact ratios from {least.value:.2f} "
        f"({least.low:.2f} to {least.high:.2f}){told}",
        **evidence,
    )


CHECK = Check("GATE701", COMPLIANCE, "Protected groups fare alike", ask)

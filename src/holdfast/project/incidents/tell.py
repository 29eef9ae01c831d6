"""The message to stakeholders, drafted from what is on record: it claims nothing that was not measured."""

from __future__ import annotations

from collections.abc import Sequence

from holdfast.contract.values import timestamp_text
from holdfast.project.incidents.case import Case
from holdfast.project.incidents.figures import Compared, shown
from holdfast.project.incidents.playbooks import playbook


def message(name: str, case: Case, figures: Sequence[Compared]) -> str:
    """A draft for people who are not engineers, by how far the incident has come."""
    book = playbook(case.playbook)
    done = case.last("mitigate")
    verified = case.last("verify")
    lines = [f"{name}: {_HEADS[case.status]} (incident {case.name})", ""]
    lines += [f"What: {book.symptom}. {case.opened.what}"]
    lines += [f"Since: {timestamp_text(case.since)}. We were alerted at {timestamp_text(case.alerted)}."]
    for item in figures:
        if item.during.value is not None and item.rose:
            usual = f", usually {shown(item.before.value)}" if item.before.value is not None else ""
            lines.append(f"Extent: {item.what}: {shown(item.during.value)}{usual}, over {item.during.of:,}.")
    if done is None:
        lines.append("Done: we are on it; nothing has been changed yet.")
    else:
        lines.append(f"Done at {timestamp_text(done.received_at)}: {done.what}.")
    if verified is not None and done is not None and verified.seq > done.seq:
        lines.append(f"Effect: {verified.what}.")
    elif done is not None:
        lines.append("Effect: not verified yet.")
    cause = case.last("diagnose")
    lines.append(f"Cause: {cause.what}" if cause is not None else "Cause: being investigated.")
    if case.closed is not None:
        lines.append(f"Closed at {timestamp_text(case.closed.received_at)}: {case.closed.what}")
    else:
        lines.append("Next word: when this changes, at the latest in an hour.")
    return "\n".join(lines)


_HEADS = {
    "open": "issue detected",
    "acknowledged": "issue detected, we are responding",
    "mitigated": "issue detected and acted on, checking the effect",
    "verified": "issue detected and mitigated, investigating the cause",
    "closed": "issue resolved",
}

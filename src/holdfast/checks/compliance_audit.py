"""GATE703: can what was decided be shown? Answers are computed again from the ledger, and who changed what said why."""

from __future__ import annotations

from typing import Any

from holdfast.checks.check import COMPLIANCE, Answer, Check, failed, passed
from holdfast.checks.limits import Limits
from holdfast.checks.subject import Subject
from holdfast.ledger.records import Decision, Experiment, Promotion, Record

SAMPLE = 50
TRAINING = ("who", "when", "settings", "data", "split", "libraries", "python")
"""What a manifest must say of how its model was made."""


def ask(subject: Subject, limits: Limits) -> Answer:
    from holdfast.project.replay import replay

    place, wrong = subject.place, []
    lacking = [name for name in TRAINING if not subject.bundle.manifest.training.get(name)]
    if lacking:
        wrong.append(f"the manifest does not say {', '.join(lacking)} of the training")
    course: list[Record] = list(place.reader.course())
    silent = [item for item in course if isinstance(item, Promotion | Experiment) and not _signed(item)]
    wrong += [f"record {item.seq} says not who decided it and why" for item in silent[:5]]
    evidence: dict[str, Any] = {
        "training": [name for name in TRAINING if name not in lacking],
        "decisions_about_versions": len(course),
        "unsigned": [item.seq for item in silent],
    }
    answered = any(isinstance(item, Decision) for item in place.reader.records())
    if answered:
        report = replay(place, sample=SAMPLE)
        evidence["replay"] = {
            "decisions": report.decisions,
            "equal_from_features": report.equal_a,
            "equal_from_records": report.equal_b,
            "erased": len(report.not_recomputable),
            "differences": [str(item) for item in report.differences[:5]],
        }
        if not report.ok:
            first = str(report.differences[0]) if report.differences else "a decision did not come out as recorded"
            wrong.append(f"replay: {first}")
    if wrong:
        return failed(
            "; ".join(wrong), "holdfast replay names every difference; find out who changed the records", **evidence
        )
    told = f"{evidence['replay']['decisions']} answers replayed to the bit" if answered else "nothing was answered yet"
    return passed(f"{told}; {len(course)} decisions about versions say who and why", **evidence)


def _signed(item: Promotion | Experiment) -> bool:
    return bool(item.who.strip() and item.why.strip())


CHECK = Check("GATE703", COMPLIANCE, "What was decided can be shown", ask)

"""GATE702: is each duty of the laws that hold for this use met by evidence? GATE704: and what only people can do?

The use chooses the packs (`checks.use_case`). A duty is met when every check that it names passed, or was waived, which
is said. Whether a law holds where you are, the gate does not know: documents of your own are asked for and stop nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holdfast.checks.check import COMPLIANCE, Answer, Check, failed, not_applicable, passed
from holdfast.checks.limits import Limits
from holdfast.checks.regulations import USES, packs
from holdfast.checks.subject import Subject

if TYPE_CHECKING:
    from holdfast.checks.verdict import Asked

DOCUMENT = "document:"
LEAST = 200
"""Characters from which on a document says something."""


def weigh(subject: Subject, limits: Limits, asked: Sequence[Asked]) -> Answer:
    if limits.use_case not in USES:
        said = f"{limits.use_case!r} is no use we know" if limits.use_case else "nobody said what the model is for"
        answer = failed if limits.use_case else not_applicable
        return answer(f"{said}, so no law can be named", f"set checks.use_case, one of: {', '.join(USES)}")
    told: list[dict[str, Any]] = []
    wrong, waived = [], set()
    for pack in packs(limits.use_case):
        for duty in pack.duties:
            found = {name: state(name, asked) for name in duty.evidence if not name.startswith(DOCUMENT)}
            lacking = {name: how for name, how in found.items() if how not in ("passed", "waived")}
            waived |= {name for name, how in found.items() if how == "waived"}
            wrong += [f"{pack.name}, {duty.name} ({duty.of}): {name} {how}" for name, how in lacking.items()]
            if found:
                told.append({"pack": pack.name, "duty": duty.name, "of": duty.of, "asks": duty.asks, **_by(found)})
    evidence = {
        "use": limits.use_case,
        "packs": [{"name": item.name, "date": item.date, "source": item.source} for item in packs(limits.use_case)],
        "duties": told,
        "waived": sorted(waived),
    }
    names = ", ".join(item.name for item in packs(limits.use_case))
    if wrong:
        more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        return failed("; ".join(wrong[:5]) + more, "mend what the named checks found, or have it waived", **evidence)
    also = f"; waived: {', '.join(sorted(waived))}" if waived else ""
    return passed(
        f"{len(told)} duties of {names} are met, as understood on {packs(limits.use_case)[0].date}{also}", **evidence
    )


def state(name: str, asked: Sequence[Asked]) -> str:
    """``passed``, ``waived``, or why the evidence is none: of one check, or of all required ones of a category."""
    members = [item for item in asked if name in (item.check.code, item.check.category.key)]
    if name.startswith("K"):
        members = [item for item in members if item.check.severity == "required" and item.check.weigh is None]
    if not members:
        return "was not asked"
    stopping = [item for item in members if item.status not in ("passed", "waived")]
    if stopping:
        first = stopping[0]
        return first.status.replace("_", " ") + ("" if first.check.code == name else f" ({first.check.code})")
    return "waived" if any(item.status == "waived" for item in members) else "passed"


def people(subject: Subject, limits: Limits) -> Answer:
    if limits.use_case not in USES:
        return not_applicable("nobody said what the model is for", f"set checks.use_case, one of: {', '.join(USES)}")
    duties: dict[str, list[str]] = {}
    for pack in packs(limits.use_case):
        for duty in pack.duties:
            for name in duty.evidence:
                if name.startswith(DOCUMENT):
                    duties.setdefault(name.removeprefix(DOCUMENT), []).append(f"{pack.name}, {duty.name} ({duty.of})")
    found = {name: _document(subject, limits.documents.get(name)) for name in duties}
    evidence = {"use": limits.use_case, "documents": found, "duties": duties}
    if lacking := [name for name, how in found.items() if how]:
        said = "; ".join(f"{name} for {duties[name][0]}: {found[name]}" for name in lacking)
        mend = "write it down, and name the file: documents." + lacking[0] + ' = "…" under [checks]'
        return failed(said, mend, **evidence)
    return passed(f"{len(duties)} documents are there: {', '.join(duties)}", **evidence)


def _document(subject: Subject, told: object) -> str:
    """What is wrong with a document; empty where it is there."""
    if not isinstance(told, str):
        return "no document is named"
    path = subject.place.folder / Path(told)
    if not path.is_file():
        return f"{told} is not there"
    return (
        ""
        if len(path.read_text(encoding="utf-8", errors="replace").strip()) >= LEAST
        else f"{told} says hardly anything"
    )


def _by(found: dict[str, str]) -> dict[str, str]:
    return {"met_by": ", ".join(name if how == "passed" else f"{name} {how}" for name, how in found.items())}


def ask(subject: Subject, limits: Limits) -> Answer:
    return weigh(subject, limits, ())


CHECK = Check("GATE702", COMPLIANCE, "Duties are met by evidence", ask, weigh=weigh)
PEOPLE = Check("GATE704", COMPLIANCE, "What only people can do is written down", people, "advised")

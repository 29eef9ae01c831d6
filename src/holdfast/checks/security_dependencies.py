"""GATE505: has a package of the locked environment a known weakness? GATE506: how old is what is known?

Judged is what Holdfast stands on; other packages that happened to be installed are told. The few advisories that come
along show how it works and are no complete list: give a file of your own, and renew it.
"""

from __future__ import annotations

from typing import Any

from holdfast.checks.advisories import SHIPPED, Advisories, hits, locked, read, used
from holdfast.checks.check import SECURITY, Answer, Check, failed, passed
from holdfast.checks.limits import Limits
from holdfast.checks.subject import Subject


def known(subject: Subject, limits: Limits) -> Advisories:
    """The project's own advisories, else those that come along. Raises HoldfastError where they cannot be read."""
    return read(subject.place.folder / limits.advisories) if limits.advisories else read(SHIPPED)


def ask(subject: Subject, limits: Limits) -> Answer:
    told = known(subject, limits)
    installed = locked((subject.folder / "environment.lock").read_text(encoding="utf-8"))
    found = hits(told, installed)
    ours = used(installed)
    judged = [hit for hit in found if hit.package in ours]
    beside = [hit for hit in found if hit.package not in ours]
    evidence: dict[str, Any] = {
        "packages": len(installed),
        "used": len(ours),
        "advisories": len(told.records),
        "date": told.day.isoformat(),
        "source": told.source,
        "found": [hit.as_dict() for hit in judged],
        "beside": [hit.as_dict() for hit in beside],
    }
    if not installed:
        return failed("the bundle locks no environment", "train the version again", **evidence)
    until = f"{len(told.records)} advisories of {told.day.isoformat()}"
    if judged:
        names = "; ".join(f"{hit.package} {hit.installed}: {hit.advisory}, {hit.summary}" for hit in judged[:5])
        fixed = (
            ", ".join(sorted({f"{hit.package}>={hit.fixed[-1]}" for hit in judged if hit.fixed})) or "another package"
        )
        return failed(f"{names} ({until})", f"install {fixed} and train again", **evidence)
    names = ", ".join(f"{hit.package} {hit.installed} ({hit.advisory})" for hit in beside)
    also = f"; installed beside, and not used: {names}" if beside else ""
    return passed(f"none of {len(ours)} packages in use is named by {until}{also}", **evidence)


def fresh(subject: Subject, limits: Limits) -> Answer:
    told = known(subject, limits)
    days = told.days()
    evidence = {
        "date": told.day.isoformat(),
        "days": days,
        "own": bool(limits.advisories),
        "advisories": len(told.records),
    }
    if days > limits.most_advisory_days:
        mend = "fetch PyPI/all.zip from osv.dev where there is a network, and name it: checks.advisories"
        return failed(f"the advisories are {days} days old ({told.day.isoformat()})", mend, **evidence)
    return passed(f"the advisories are of {told.day.isoformat()}, {days} days ago", **evidence)


CHECK = Check("GATE505", SECURITY, "No package with a known weakness", ask)
FRESH = Check("GATE506", SECURITY, "What is known of packages is fresh", fresh, "advised")

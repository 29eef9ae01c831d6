"""GATE107: does the history keep the contract, field by field: types, formats, ranges, words, nulls?

What `holdfast validate` says of every source that the contract uses, and of the thresholds its features promise.
"""

from __future__ import annotations

from pathlib import Path

from holdfast.checks.check import DATA, Answer, Check, failed, passed
from holdfast.checks.limits import Limits
from holdfast.checks.subject import Subject
from holdfast.training.train import trained_from


def ask(subject: Subject, limits: Limits) -> Answer:
    from holdfast.project.validate import thresholds, validate

    contract = subject.bundle.contract
    trained = trained_from(subject.bundle.manifest, contract)
    found = [validate(subject.place, events=item.name, features=False, contract=contract) for item in contract.sources]
    findings = [
        (Path(item.source).name, finding, item.places.get(finding.code, ()))
        for item in found
        for finding in item.findings
    ]
    findings += [("features", finding, ()) for finding in thresholds(trained, subject.table)]
    wrong = [(where, item, places) for where, item, places in findings if not item.ok]
    evidence = {
        "rows": {Path(item.source).name: item.rows for item in found},
        "asked": len(findings),
        "failed": [{"where": where, **item.as_dict(), "places": list(places)} for where, item, places in wrong],
    }
    if wrong:
        told = "; ".join(f"{where}: {item.code}: {item.why}" for where, item, _ in wrong[:5])
        return failed(told, wrong[0][1].mend or "mend the history, or state a policy in the contract", **evidence)
    rows = sum(item.rows for item in found)
    return passed(f"{len(findings)} rules of the contract hold in {rows:,} records", **evidence)


CHECK = Check("GATE107", DATA, "Types, formats and ranges", ask)

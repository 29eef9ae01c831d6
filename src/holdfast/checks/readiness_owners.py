"""GATE905: the contract says what it is for, and of each feature what it is and whose it is."""

from __future__ import annotations

from holdfast.checks.check import READINESS, Answer, Check, failed, passed
from holdfast.checks.limits import Limits
from holdfast.checks.subject import Subject


def ask(subject: Subject, limits: Limits) -> Answer:
    contract = subject.bundle.contract
    told = {item.name: item.description for item in contract.deciding.fields}
    lacking = [
        item.name
        for item in contract.features
        if not item.description and not (item.expr.op == "field" and told.get(item.expr["name"]))
    ]
    ownerless = [item.name for item in contract.features if not item.owner]
    evidence = {
        "description": contract.description,
        "features": len(contract.features),
        "without_description": lacking,
        "without_owner": ownerless,
    }
    wrong = [] if contract.description else ["the contract does not say what it is for"]
    for names, what in ((lacking, "are not described"), (ownerless, "have no owner")):
        if names:
            more = ", …" if len(names) > 3 else ""
            wrong.append(f"{len(names)} of {len(contract.features)} features {what} ({', '.join(names[:3])}{more})")
    if wrong:
        mend = 'Contract(…, description="…"), feature(…, description="…", owner="…")'
        return failed("; ".join(wrong), mend, **evidence)
    return passed(f"the contract and all {len(contract.features)} features are described and owned", **evidence)


CHECK = Check("GATE905", READINESS, "Everything is described, and somebody's", ask, "advised")

"""GATE109: does a value mean something else than it says? −1 for never, 999 for not asked, a word nobody declared.

A model reads 999 as much. What looks like a code is told with where it stands; whether it is one, only people know, so
this stops nobody. What a description lists (`-1 paid duly, 1 to 9 months late`) is all that its field may mean. A code
that the field's description speaks of, or that the contract declares, is no find.
"""

from __future__ import annotations

from holdfast.checks.check import DATA, Answer, Check, failed, passed
from holdfast.checks.limits import Limits
from holdfast.checks.placeholders import found
from holdfast.checks.subject import Subject


def ask(subject: Subject, limits: Limits) -> Answer:
    contract = subject.bundle.contract
    path = subject.place.inputs(contract)[contract.decide_on]
    codes, rows = found(contract.deciding.fields, path, limits.most_placeholders)
    undocumented = [code for code in codes if not code.documented]
    evidence = {"file": path.name, "rows": rows, "codes": [code.as_dict() for code in codes]}
    if undocumented:
        told = "; ".join(str(code) for code in undocumented[:20])
        mend = (
            "placeholders=(…,) on the field where it means null, a declared word where it is one, or a word on what it "
            "means in the field's description"
        )
        return failed(f"{path.name}: {told}", mend, **evidence)
    known = f"; {len(codes)} that descriptions speak of" if codes else ""
    return passed(f"no value in {rows:,} rows looks like an undocumented code{known}", **evidence)


CHECK = Check("GATE109", DATA, "Codes that stand for something else", ask, "advised")

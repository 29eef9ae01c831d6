"""GATE106: is this the data the version was trained on? A changed value or a lost row gives another fingerprint."""

from __future__ import annotations

from holdfast.checks.check import DATA, Answer, Check, failed, passed
from holdfast.checks.limits import Limits
from holdfast.checks.subject import Subject


def ask(subject: Subject, limits: Limits) -> Answer:
    then, now = subject.bundle.manifest.training["data"], subject.data.as_dict()
    other = [part for part in ("schema", "rows", "content") if then[part] != now[part]]
    evidence = {"recorded": then, "now": now}
    if other:
        why = "another " + ", ".join(f"{part} ({then[part]} then, {now[part]} now)" for part in other)
        return failed(why, "train again on the data as it is, or put the data back", **evidence)
    order = "" if then["order"] == now["order"] else ", in another order, which does not matter"
    return passed(f"{now['rows']:,} rows with the recorded fingerprint{order}", **evidence)


CHECK = Check("GATE106", DATA, "The data it was trained on", ask)

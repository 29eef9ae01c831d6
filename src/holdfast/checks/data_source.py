"""GATE106: is this the data the version was trained on? A changed value or a lost row gives another fingerprint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from holdfast.checks.check import DATA, Answer, Check, failed, passed
from holdfast.checks.limits import Limits
from holdfast.checks.subject import Subject
from holdfast.training.fingerprint import changed_row


def ask(subject: Subject, limits: Limits) -> Answer:
    then, now = subject.bundle.manifest.training["data"], subject.data.as_dict()
    other = [part for part in ("schema", "rows", "content") if then[part] != now[part]]
    evidence = {"recorded": then, "now": now}
    if other:
        where = _where(subject, then)
        why = "another " + ", ".join(f"{part} ({then[part]} then, {now[part]} now)" for part in other)
        return failed(where + why, "train again on the data as it is, or put the data back", **evidence)
    order = "" if then["order"] == now["order"] else ", in another order, which does not matter"
    return passed(f"{now['rows']:,} rows with the recorded fingerprint{order}", **evidence)


def _where(subject: Subject, then: Mapping[str, Any]) -> str:
    """The columns that differ, and the row where it is one; empty for versions that did not record them."""
    before, now = then.get("columns", {}), subject.data.columns
    columns = [name for name in now if before and name in before and before[name] != now[name]]
    row = changed_row(subject.whole, then.get("places", ()), subject.data.places)
    place = f"row {row}, " if row is not None else ""
    if not columns:
        return place and f"{place.rstrip(', ')} changed: "
    listed = ", ".join(columns[:10]) + (f" and {len(columns) - 10} more" if len(columns) > 10 else "")
    return f"{place}{listed} changed: "


CHECK = Check("GATE106", DATA, "The data it was trained on", ask)

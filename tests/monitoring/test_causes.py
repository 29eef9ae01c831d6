"""One cause for many symptoms, and none where only a description is known."""

from __future__ import annotations

from dataclasses import replace

from holdfast.monitoring.causes import ordered
from holdfast.monitoring.finding import Finding

ROOTS = {name: frozenset({f"payments.{name}"}) for name in ("amount", "hour", "age", "income", "word")}


def alert(code: str, cause: str, feature: str = "") -> Finding:
    return Finding(code, "alert", cause, "why", "mend", feature, "warning", {}, 0, 500)


def told(*findings: Finding) -> list[str]:
    return [f"{item.cause} {item.feature}".strip() for item in ordered(findings, ROOTS) if item.status == "alert"]


DECISIONS = replace(alert("WATCH302", "decisions"), severity="high")
MANY = alert("WATCH202", "many_features")


def test_that_many_are_stopped_is_told_beside_a_drift_which_names_no_cause() -> None:
    drift = alert("WATCH201", "drift", "hour")
    assert told(drift, DECISIONS) == ["drift hour", "decisions"]
    assert told(drift, replace(DECISIONS, severity="warning")) == ["drift hour"]
    assert told(alert("WATCH203", "units", "amount"), DECISIONS) == ["units amount"]


def test_features_that_moved_together_are_one_alert_however_each_of_them_moved() -> None:
    moved = [
        alert("WATCH203", "scale", "amount"), alert("WATCH203", "scale", "income"), alert("WATCH102", "range", "age"),
        alert("WATCH201", "drift", "hour"),
    ]  # fmt: skip
    assert told(*moved, MANY) == ["many_features"]
    assert told(*moved[:2], MANY) == ["scale amount", "scale income"], "two are two"
    named = alert("WATCH103", "placeholder", "word")
    assert told(*moved, MANY, named)[0] == "placeholder word", "a cause that is known is not hidden"

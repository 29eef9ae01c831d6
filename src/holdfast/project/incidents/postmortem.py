"""What is left of an incident when it is closed: a page to read, and a drill that would catch it next time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from holdfast.contract.values import timestamp_text
from holdfast.project.incidents.case import Case, seconds_to
from holdfast.project.incidents.figures import Compared
from holdfast.project.incidents.playbooks import playbook


def document(
    name: str, case: Case, figures: Sequence[Compared], evidence: Sequence[Mapping[str, Any]], drill: str
) -> dict[str, Any]:
    """Everything the page says, as JSON. `drill` is the path of the drill's file, seen from the project."""
    book = playbook(case.playbook)
    closed, cause, fixed = case.closed, case.last("diagnose"), case.last("remediate")
    return {
        **case.as_dict(),
        "model": name,
        "symptom": book.symptom,
        "severity": book.severity,
        "closed": timestamp_text(closed.received_at) if closed is not None else None,
        "cause": cause.what if cause is not None else "not found",
        "remedy": fixed.what if fixed is not None else "none was written down",
        "resolution": closed.what if closed is not None else "",
        "seconds": {
            "acknowledged": seconds_to(case, "acknowledge"),
            "mitigated": seconds_to(case, "mitigate"),
            "verified": seconds_to(case, "verify"),
            "closed": seconds_to(case, "close"),
        },
        "figures": [item.as_dict() for item in figures],
        "evidence": [dict(item) for item in evidence],
        "drill": drill,
        "open_questions": list(book.diagnose) if cause is None else [],
        "follow_up": list(book.remediate),
    }


def markdown(told: Mapping[str, Any]) -> str:
    """The document as a page for a repository."""
    lines = [f"# Incident {told['incident']}: {told['playbook']}, {told['model']}", ""]
    lines += [f"*{told['because']}* ({told['severity']}: {told['symptom']})", ""]
    lines += [f"**{shout}**" for shout in told["broken_glass"]]
    lines += ["## When", "", "| | seconds after the first alert |", "| --- | --- |"]
    lines += [f"| {name} | {'never' if took is None else took} |" for name, took in told["seconds"].items()]
    lines += [
        "",
        f"Began {told['since']}, first alert {told['alerted']}, opened {told['opened']} by {told['who']}.",
        "",
    ]
    lines += ["## How bad", "", "| figure | before | during | after | |", "| --- | --- | --- | --- | --- |"]
    for item in told["figures"]:
        cells = [_cell(item[part]["value"]) for part in ("before", "during", "after")]
        lines.append(f"| {item['what']} | {' | '.join(cells)} | {item['verdict']} |")
    lines += ["", "## Cause and remedy", "", f"Cause: {told['cause']}", "", f"Remedy: {told['remedy']}", ""]
    lines += [f"Closed: {told['resolution']}", "", "## Timeline", "", "| when | who | | |", "| --- | --- | --- | --- |"]
    lines += [f"| {row['when']} | {row['who']} | {row['did']} | {_plain(row['what'])} |" for row in told["timeline"]]
    lines += ["", "## Evidence", ""]
    for part in told["evidence"]:
        lines += [f"### {part['title']}", "", *(f"- {_plain(line)}" for line in part["lines"])]
        lines += [f"- not gathered: {_plain(part['lacking'])}"] if part["lacking"] else []
        lines.append("")
    lines += ["## So that it is caught next time", "", f"Drill: `{told['drill']}`", ""]
    lines += [f"- {item}" for item in (*told["open_questions"], *told["follow_up"])]
    return "\n".join(lines) + "\n"


def _cell(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4g}"


def _plain(text: str) -> str:
    """One cell of a table: words from elsewhere break neither it nor the page."""
    return " ".join(str(text).split()).replace("|", "\\|").replace("<", "&lt;")


def drill(case: Case, evidence: Sequence[Mapping[str, Any]]) -> str:
    """The parameters of a drill as TOML: what to inject so that the same is seen again, and what has to name it."""
    book = playbook(case.playbook)
    parts: dict[str, Any] = {
        "name": f"incident-{case.name}", "incident": case.opened.what, "causes": sorted(book.causes),
        "within_predictions": 500, "within_minutes": 1_440.0,
    }  # fmt: skip
    by = {item["name"]: item["figures"] for item in evidence}
    moved = [item for item in by.get("inputs", {}).get("features", []) if item["field"] and item.get("factor")]
    names = by.get("refusals", {}).get("renamed", [])
    if book.name == "schema-change":
        # Where no new name was recognised, the drill of a renamed field stands for it.
        parts |= {**book.drill, "field": names[0]["meant"], "to": names[0]["came"]} if names else _like("H7")
    elif book.name == "silent-input-change":
        told = (
            {**book.drill, "field": moved[0]["field"], "factor": round(float(moved[0]["factor"]), 6)} if moved else {}
        )
        parts |= told or _like("H8")
    else:
        parts |= book.drill
    return "".join(f"{name} = {_toml(value)}\n" for name, value in parts.items())


def _like(name: str) -> dict[str, str]:
    return {"inject": "like", "like": name}


def _toml(value: Any) -> str:
    import json

    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)

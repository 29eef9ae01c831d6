"""GATE112: does the training batch meet a Great Expectations suite that says what the contract says?

A second reader of the same rules, with a report that others know. The suite is made from the contract, so it needs no
keeping; Great Expectations is installed only by those who want it, so this stops nobody.
"""

from __future__ import annotations

from typing import Any

from holdfast.checks.check import DATA, Answer, Check, failed, not_applicable, passed
from holdfast.checks.expectations import INSTALL, batch, suite, validated
from holdfast.checks.limits import Limits
from holdfast.checks.subject import Subject


def ask(subject: Subject, limits: Limits) -> Answer:
    contract = subject.bundle.contract
    source = contract.deciding
    path = subject.place.inputs(contract)[source.name]
    rows = batch(source, path, subject.settings.seed)
    try:
        told = validated(suite(source), rows)
    except ImportError as error:
        why = f"Great Expectations is not installed ({error})"
        return not_applicable(why, f"{INSTALL}, or leave it: this is advice")
    results = [_plain(item) for item in told["results"]]
    wrong = [item for item in results if not item["success"]]
    evidence: dict[str, Any] = {
        "great_expectations": told["meta"]["great_expectations_version"],
        "rows": len(rows),
        "statistics": told["statistics"],
        "results": results,
    }
    if wrong:
        listed = "; ".join(f"{item['column'] or 'table'}: {item['expectation']} {_shown(item)}" for item in wrong[:5])
        return failed(f"{path.name}: {listed}", "mend the history, or say in the contract what may be", **evidence)
    return passed(f"{len(results)} expectations made from the contract hold in {len(rows):,} rows", **evidence)


def _plain(item: dict[str, Any]) -> dict[str, Any]:
    config, result = item["expectation_config"], item["result"]
    told = {name: value for name, value in config["kwargs"].items() if name not in ("batch_id", "column")}
    return {
        "expectation": config["type"],
        "column": config["kwargs"].get("column", ""),
        "told": told,
        "success": item["success"],
        "unexpected": result.get("unexpected_count"),
        "examples": [str(value) for value in result.get("partial_unexpected_list", [])[:5]],
    }


def _shown(item: dict[str, Any]) -> str:
    return f"{item['unexpected']} times, as {', '.join(item['examples'])}" if item["unexpected"] else "fails"


CHECK = Check("GATE112", DATA, "The contract as Great Expectations", ask, "advised")

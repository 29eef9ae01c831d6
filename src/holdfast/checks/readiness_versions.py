"""GATE902: the version says which data, code, settings and libraries it was made from, and they were committed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from holdfast.checks.check import READINESS, Answer, Check, failed, passed
from holdfast.checks.limits import Limits
from holdfast.checks.subject import Subject
from holdfast.project.project import Project
from holdfast.training.fingerprint import git

DIGEST = re.compile(r"[0-9a-f]{32,}")


def ask(subject: Subject, limits: Limits) -> Answer:
    manifest, place = subject.bundle.manifest, subject.place
    record = manifest.training
    lock = (place.bundles_path / subject.bundle.hash / "environment.lock").read_text(encoding="utf-8")
    libraries = [line for line in lock.splitlines() if "==" in line]
    code: Mapping[str, Any] = record.get("code", {})
    evidence = {
        "bundle": subject.bundle.hash,
        "model_hash": manifest.model_hash,
        "contract": manifest.contract,
        "holdfast": manifest.holdfast,
        "created_at": manifest.created_at,
        "who": record.get("who", ""),
        "data": dict(record.get("data", {})),
        "code": dict(code),
        "python": record.get("python", ""),
        "libraries_locked": len(libraries),
        "seed": record.get("settings", {}).get("seed"),
    }
    wrong = _missing(manifest.holdfast, record, libraries)
    if code:
        wrong += _unclean(place, code)
    if wrong:
        mend = "commit the project's files and train again; a version names its commit by itself"
        return failed("; ".join(wrong), mend, **evidence)
    at = f"commit {code['commit'][:12]}, nothing changed" if code else "no commit: the contract is in the bundle itself"
    data = f"data {evidence['data']['content'][:12]}"
    return passed(f"{data}, {at}, {len(libraries)} libraries locked, Holdfast {manifest.holdfast}", **evidence)


def _missing(holdfast: str, record: Mapping[str, Any], libraries: list[str]) -> list[str]:
    """What ought to be recorded and is not."""
    data = record.get("data", {})
    wrong = []
    if not all(DIGEST.fullmatch(str(data.get(part, ""))) for part in ("content", "schema")):
        wrong.append("it is not recorded which data it was trained on")
    if not libraries:
        wrong.append("it is not recorded with which libraries it was trained")
    if not holdfast or not record.get("python"):
        wrong.append("it is not recorded with which Holdfast and Python it was trained")
    if record.get("settings", {}).get("seed") is None:
        wrong.append("no seed is recorded, so that it cannot be trained again")
    return wrong


def _unclean(place: Project, code: Mapping[str, Any]) -> list[str]:
    """What is wrong with the commit it names, as the project's repository knows it now."""
    commit = str(code["commit"])
    if code["changed"]:
        return [f"files differed from commit {commit[:12]} when it was trained"]
    if git(place.folder, "cat-file", "-e", f"{commit}^{{commit}}") is None:
        return [f"the project's repository does not know commit {commit[:12]}"]
    file = place.settings.contract
    if Path(file).is_absolute() or git(place.folder, "cat-file", "-e", f"{commit}:./{file}") is None:
        return [f"commit {commit[:12]} does not hold {file}"]
    return []


CHECK = Check("GATE902", READINESS, "It says what it was made from", ask)

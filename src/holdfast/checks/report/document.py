"""The verdict as one JSON document: what was found, of which model, by which limits, and how to make it again."""

from __future__ import annotations

import inspect
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from holdfast import __version__
from holdfast.checks.report.plain import plain

if TYPE_CHECKING:
    from holdfast.bundle.manifest import Manifest
    from holdfast.checks.check import Check
    from holdfast.checks.verdict import Verdict

METRICS = ("roc_auc", "average_precision", "precision", "recall", "f1", "brier", "calibration_error")
"""Of the training's own figures, those that a reader compares with."""

LIBRARIES = ("numpy", "lightgbm", "scikit-learn", "xgboost-cpu", "mlflow", "duckdb", "pyarrow")


def document(verdict: Verdict, manifest: Manifest) -> dict[str, Any]:
    """Plain JSON values throughout; `schema` says which. Equal findings give equal documents, but for time taken."""
    told = verdict.as_dict()
    for item, asked in zip(told["checks"], verdict.asked, strict=True):
        item["question"] = question(asked.check)
    training = manifest.training
    found: dict[str, Any] = plain(
        {
            **told,
            "only": list(verdict.only),
            "limits": vars(verdict.limits),
            "model": {
                "name": manifest.name,
                "family": manifest.family,
                "model_hash": manifest.model_hash,
                "contract": manifest.contract,
            },
            "trained": {
                "who": training.get("who", ""),
                "when": training.get("when", manifest.created_at),
                "run": training.get("run", ""),
                "seed": training.get("settings", {}).get("seed"),
                "holdfast": manifest.holdfast,
                "python": training.get("python", ""),
                "platform": training.get("platform", ""),
                "libraries": training.get("libraries", {}),
                "code": training.get("code", {}),
                "data": training.get("data", {}),
                "baseline": training.get("baseline", ""),
                "metrics": {part: _metrics(training, part) for part in ("test", "baseline")},
            },
            "made_with": {
                "command": f"holdfast check {verdict.version}",
                "holdfast": __version__,
                "python": platform.python_version(),
                "platform": f"{platform.system()} {platform.machine()}",
                "libraries": _installed(),
            },
        }
    )
    return found


def question(check: Check) -> str:
    """What a check asks: the first line of its file, behind the code."""
    module = inspect.getmodule(check.weigh or check.ask)
    head, found, rest = (inspect.getdoc(module) or "").partition("\n")[0].partition(": ")
    return rest[:1].upper() + rest[1:] if found and head == check.code else check.title


def _metrics(training: Mapping[str, Any], part: str) -> dict[str, Any]:
    found = training.get("metrics", {}).get(part, {})
    return {name: found[name] for name in METRICS if name in found}


def _installed() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found

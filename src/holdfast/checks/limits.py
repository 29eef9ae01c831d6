"""The thresholds of the gate: each with what it means and where its default comes from."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from holdfast.errors import HoldfastError, Problem


def _limit(default: Any, told: str, source: str) -> Any:
    return field(default=default, metadata={"help": told, "source": source})


LIST = "the pre-deployment list"
OURS = "our own choice"


@dataclass(frozen=True)
class Limits:
    """Shares lie between 0 and 1."""

    least_rows: int = _limit(1_000, "Rows with a label, at least.", LIST)
    least_positive_share: float = _limit(0.001, "Share of positives, at least.", LIST)
    most_positive_share: float = _limit(0.5, "Share of positives, at most.", LIST)
    most_missing: float = _limit(0.5, "Share of a feature's values that may be missing.", OURS)
    most_conflicting: float = _limit(0.01, "Share of rows that have another row's features and not its label.", OURS)
    least_f1: float = _limit(0.3, "F1 on the test rows, at least.", LIST)
    least_auc: float = _limit(0.75, "ROC-AUC on the test rows, at least: below it the list retrains.", LIST)
    most_calibration_error: float = _limit(0.05, "Mean distance of said and seen shares, in ten bins.", OURS)
    most_overfit: float = _limit(0.1, "ROC-AUC on training rows beyond that on test rows, at most.", OURS)
    most_fold_spread: float = _limit(0.05, "Standard deviation of ROC-AUC over the folds, at most.", OURS)
    most_flipped: float = _limit(0.02, "Share of decisions that may change when every number moves a little.", OURS)
    most_lost: float = _limit(0.5, "Share of what ROC-AUC has over chance that one missing feature may cost.", OURS)


def limits() -> tuple[tuple[str, Any, str, str], ...]:
    """(name, default, what it means, where the default comes from) of each."""
    return tuple((item.name, item.default, item.metadata["help"], item.metadata["source"]) for item in fields(Limits))


def limits_from(told: Mapping[str, Any]) -> Limits:
    """Limits as a project sets them. Raises HoldfastError with every unknown name and wrong type."""
    known = {item.name: item for item in fields(Limits)}
    problems: list[Problem] = []
    values: dict[str, Any] = {}
    for name, value in told.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            mend = f"did you mean {near[0]}?" if near else "one of: " + ", ".join(known)
            problems.append(Problem(f"checks.{name}", "unknown_setting", "there is no such limit", mend))
        elif isinstance(value, bool) or not isinstance(value, (int, float) if known[name].type == "float" else int):
            problems.append(Problem(f"checks.{name}", "type", f"{value!r} is no number of this kind"))
        else:
            values[name] = value
    if problems:
        raise HoldfastError("the gate's limits cannot be used", problems=problems)
    return Limits(**values)

"""The thresholds of the gate: each with what it means and where its default comes from."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from holdfast.errors import HoldfastError, Problem


def _limit(default: Any, told: str, source: str) -> Any:
    if isinstance(default, dict):
        return field(default_factory=lambda: dict(default), metadata={"help": told, "source": source})
    return field(default=default, metadata={"help": told, "source": source})


LIST = "the pre-deployment list"
GUIDE = "the guide's performance benchmarks"
OURS = "our own choice"


@dataclass(frozen=True)
class Limits:
    """Shares lie between 0 and 1."""

    least_rows: int = _limit(1_000, "Rows with a label, at least.", LIST)
    least_positive_share: float = _limit(0.001, "Share of positives, at least.", LIST)
    most_positive_share: float = _limit(0.5, "Share of positives, at most.", LIST)
    most_missing: float = _limit(0.5, "Share of a feature's values that may be missing.", OURS)
    most_conflicting: float = _limit(0.01, "Share of records that equal another and have not its label.", OURS)
    least_f1: float = _limit(0.3, "F1 on the test rows, at least.", LIST)
    least_auc: float = _limit(0.75, "ROC-AUC on the test rows, at least: below it the list retrains.", LIST)
    most_calibration_error: float = _limit(0.05, "Mean distance of said and seen shares, in ten bins.", OURS)
    most_overfit: float = _limit(0.2, "ROC-AUC on training rows beyond that on test rows, at most.", OURS)
    most_fold_spread: float = _limit(0.05, "Standard deviation of ROC-AUC over the folds, at most.", OURS)
    most_flipped: float = _limit(0.02, "Share of decisions that may change when every number moves a little.", OURS)
    most_lost: float = _limit(0.5, "Share of what ROC-AUC has over chance that one missing feature may cost.", OURS)
    most_evaded: float = _limit(
        0.25, "Share of refusals that one field, moved by a hundredth of its usual span, may turn.", OURS
    )
    advisories: str = _limit(
        "", "A file, folder or .zip of OSV advisories, from the project's folder; empty: the few that come along.", OURS
    )
    most_advisory_days: int = _limit(90, "Age of the advisories, in days, from which on they are called old.", OURS)
    least_first_reason_kept: float = _limit(
        0.95, "Share of refusals whose first reason stays when amounts move by a cent, times by a minute.", OURS
    )
    protected: tuple[str, ...] = _limit(
        (), "Fields of the deciding event to measure fairness by, beside those that the contract marks.", OURS
    )
    bins: Mapping[str, Any] = _limit(
        {}, "Where a protected number is cut into groups: `bins.age = [25, 62]`. Else at its thirds.", OURS
    )
    favourable: str = _limit("negative", "The decision that people wish for: `negative` or `positive`.", OURS)
    least_group_rows: int = _limit(30, "Test rows of a group, at least, for it to be judged.", OURS)
    least_impact_ratio: float = _limit(
        0.8, "A group's share of favourable decisions, of that of the group with the most.", "29 CFR 1607.4(D)"
    )
    most_rate_gap: float = _limit(0.1, "Gap between groups in true, and in false, positive rates, at most.", OURS)
    most_group_calibration: float = _limit(
        0.05, "Distance of mean probability and share of positives in a group, beyond that of all.", OURS
    )
    use_case: str = _limit(
        "", "What the model is for: `credit`, `fraud`, `churn` or `other`. It chooses the regulation packs.", OURS
    )
    documents: Mapping[str, Any] = _limit(
        {}, 'Where the project keeps what only people can do: `documents.human_review = "review.md"`.', OURS
    )
    most_milliseconds: float = _limit(50.0, "What 95 % of single answers may take, at the wanted rate.", GUIDE)
    most_batch_seconds: float = _limit(2.0, "What 95 % of batches of 1,000 rows may take.", GUIDE)
    least_rate: float = _limit(1_000.0, "Answers a second that one server gives for as long as is asked.", GUIDE)
    peak_rate: float = _limit(5_000.0, "Answers a second that it is wished to reach for a moment.", GUIDE)
    most_memory_mb: float = _limit(4_096.0, "Memory of the server's processes, in MiB.", GUIDE)
    most_bundle_mb: float = _limit(2_048.0, "Size of the bundle, in MiB.", GUIDE)
    most_disk_gb_per_million: float = _limit(50.0, "Growth of ledger and state, in GB for a million decisions.", OURS)
    most_rollback_seconds: float = _limit(5.0, "From a rollback's record to the former version's answers.", OURS)
    most_repeated: float = _limit(0.01, "Share of records that repeat another at the same time, at most.", OURS)
    most_shared: float = _limit(0.2, "Share of a class's test rows that are copies of rows it learned from.", OURS)
    most_leaked: float = _limit(
        0.2, "Share of what ROC-AUC has over chance that a model loses without one feature, from ten features on.",
        "measured: 0.33 for bank marketing's `duration`, which leaks; 0.20 and less on clean data",
    )  # fmt: skip
    most_alone: float = _limit(0.95, "ROC-AUC that one feature may reach alone.", OURS)
    most_shift: float = _limit(
        0.5,
        "Population stability index, beyond what chance makes of it, at most.",
        "twice what is usually read as a shift: seasons turn",
    )
    most_unseen: float = _limit(0.01, "Share of test rows with a category that no training row has.", OURS)
    least_live_rows: int = _limit(1_000, "Live decisions, at least, before training is compared with them.", OURS)
    least_live_days: float = _limit(7.0, "Days that they must span: an hour of traffic represents nobody.", OURS)
    most_placeholders: float = _limit(
        0.001, "Share of rows with a value that looks like a code for something else, before it is told.", OURS
    )
    most_below_baseline: float = _limit(0.02, "ROC-AUC that the simple model may be better by.", OURS)
    least_segment_auc: float = _limit(0.55, "ROC-AUC in the worst segment and the worst slice of time.", OURS)
    most_threshold_regret: float = _limit(
        0.1, "What the threshold costs beyond the best one for unseen rows, as a share of that.", OURS
    )
    most_unseen_flipped: float = _limit(
        0.25, "Share of decisions that may change when one category is a word never seen.", OURS
    )
    most_seed_flipped: float = _limit(0.1, "Share of decisions that another seed may change.", OURS)


def limits() -> tuple[tuple[str, Any, str, str], ...]:
    """(name, default, what it means, where the default comes from) of each."""
    plain = Limits()
    return tuple(
        (item.name, getattr(plain, item.name), item.metadata["help"], item.metadata["source"])
        for item in fields(Limits)
    )


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
        elif not _fits(str(known[name].type), value):
            kind = KINDS[str(known[name].type)]
            problems.append(Problem(f"checks.{name}", "type", f"{value!r} is not {kind}", known[name].metadata["help"]))
        else:
            values[name] = (
                tuple(value) if isinstance(value, list) else dict(value) if isinstance(value, Mapping) else value
            )
    if problems:
        raise HoldfastError("the gate's limits cannot be used", problems=problems)
    return Limits(**values)


KINDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "tuple[str, ...]": "a list of texts",
    "Mapping[str, Any]": "a table",
}


def _fits(kind: str, value: object) -> bool:
    if kind == "tuple[str, ...]":
        return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
    if kind == "Mapping[str, Any]":
        return isinstance(value, Mapping)
    if kind == "str":
        return isinstance(value, str)
    return not isinstance(value, bool) and isinstance(value, (int, float) if kind == "float" else int)

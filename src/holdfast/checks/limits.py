"""The thresholds of the gate: each with what it means and where its default comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from holdfast.settings import read, setting

LIST = "the pre-deployment list"
GUIDE = "the guide's performance benchmarks"
OURS = "our own choice"


@dataclass(frozen=True)
class Limits:
    """Shares lie between 0 and 1."""

    least_rows: int = setting(1_000, "Rows with a label, at least.", LIST)
    least_positive_share: float = setting(0.001, "Share of positives, at least.", LIST)
    most_positive_share: float = setting(0.5, "Share of positives, at most.", LIST)
    most_missing: float = setting(0.5, "Share of a feature's values that may be missing.", OURS)
    most_conflicting: float = setting(0.01, "Share of records that equal another and have not its label.", OURS)
    least_f1: float = setting(0.3, "F1 on the test rows, at least.", LIST)
    least_auc: float = setting(0.75, "ROC-AUC on the test rows, at least: below it the list retrains.", LIST)
    most_calibration_error: float = setting(0.05, "Mean distance of said and seen shares, in ten bins.", OURS)
    most_overfit: float = setting(0.2, "ROC-AUC on training rows beyond that on test rows, at most.", OURS)
    most_fold_spread: float = setting(0.05, "Standard deviation of ROC-AUC over the folds, at most.", OURS)
    most_flipped: float = setting(0.02, "Share of decisions that may change when every number moves a little.", OURS)
    most_lost: float = setting(0.5, "Share of what ROC-AUC has over chance that one missing feature may cost.", OURS)
    most_evaded: float = setting(
        0.25, "Share of refusals that one field, moved by a hundredth of its usual span, may turn.", OURS
    )
    advisories: str = setting(
        "", "A file, folder or .zip of OSV advisories, from the project's folder; empty: the few that come along.", OURS
    )
    most_advisory_days: int = setting(90, "Age of the advisories, in days, from which on they are called old.", OURS)
    least_first_reason_kept: float = setting(
        0.95, "Share of refusals whose first reason stays when amounts move by a cent, times by a minute.", OURS
    )
    protected: tuple[str, ...] = setting(
        (), "Fields of the deciding event to measure fairness by, beside those that the contract marks.", OURS
    )
    bins: Mapping[str, Any] = setting(
        {}, "Where a protected number is cut into groups: `bins.age = [25, 62]`. Else at its thirds.", OURS
    )
    favourable: str = setting("negative", "The decision that people wish for: `negative` or `positive`.", OURS)
    least_group_rows: int = setting(30, "Test rows of a group, at least, for it to be judged.", OURS)
    least_impact_ratio: float = setting(
        0.8, "A group's share of favourable decisions, of that of the group with the most.", "29 CFR 1607.4(D)"
    )
    most_rate_gap: float = setting(0.1, "Gap between groups in true, and in false, positive rates, at most.", OURS)
    most_group_calibration: float = setting(
        0.05, "Distance of mean probability and share of positives in a group, beyond that of all.", OURS
    )
    use_case: str = setting(
        "", "What the model is for: `credit`, `fraud`, `churn` or `other`. It chooses the regulation packs.", OURS
    )
    documents: Mapping[str, Any] = setting(
        {}, 'Where the project keeps what only people can do: `documents.human_review = "review.md"`.', OURS
    )
    most_milliseconds: float = setting(50.0, "What 95 % of single answers may take, at the wanted rate.", GUIDE)
    most_batch_seconds: float = setting(2.0, "What 95 % of batches of 1,000 rows may take.", GUIDE)
    least_rate: float = setting(1_000.0, "Answers a second that one server gives for as long as is asked.", GUIDE)
    peak_rate: float = setting(5_000.0, "Answers a second that it is wished to reach for a moment.", GUIDE)
    most_memory_mb: float = setting(4_096.0, "Memory of the server's processes, in MiB.", GUIDE)
    most_bundle_mb: float = setting(2_048.0, "Size of the bundle, in MiB.", GUIDE)
    most_disk_gb_per_million: float = setting(50.0, "Growth of ledger and state, in GB for a million decisions.", OURS)
    most_rollback_seconds: float = setting(5.0, "From a rollback's record to the former version's answers.", OURS)
    most_repeated: float = setting(0.01, "Share of records that repeat another at the same time, at most.", OURS)
    most_shared: float = setting(0.2, "Share of a class's test rows that are copies of rows it learned from.", OURS)
    most_leaked: float = setting(
        0.2, "Share of what ROC-AUC has over chance that a model loses without one feature, from ten features on.",
        "measured: 0.33 for bank marketing's `duration`, which leaks; 0.20 and less on clean data",
    )  # fmt: skip
    most_alone: float = setting(0.95, "ROC-AUC that one feature may reach alone.", OURS)
    most_shift: float = setting(
        0.5,
        "Population stability index, beyond what chance makes of it, at most.",
        "twice what is usually read as a shift: seasons turn",
    )
    most_unseen: float = setting(0.01, "Share of test rows with a category that no training row has.", OURS)
    least_live_rows: int = setting(1_000, "Live decisions, at least, before training is compared with them.", OURS)
    least_live_days: float = setting(7.0, "Days that they must span: an hour of traffic represents nobody.", OURS)
    most_placeholders: float = setting(
        0.001, "Share of rows with a value that looks like a code for something else, before it is told.", OURS
    )
    most_below_baseline: float = setting(0.02, "ROC-AUC that the simple model may be better by.", OURS)
    least_segment_auc: float = setting(0.55, "ROC-AUC in the worst segment and the worst slice of time.", OURS)
    most_threshold_regret: float = setting(
        0.1, "What the threshold costs beyond the best one for unseen rows, as a share of that.", OURS
    )
    most_unseen_flipped: float = setting(
        0.25, "Share of decisions that may change when one category is a word never seen.", OURS
    )
    most_seed_flipped: float = setting(0.1, "Share of decisions that another seed may change.", OURS)


def limits_from(told: Mapping[str, Any]) -> Limits:
    """Limits as a project sets them. Raises HoldfastError with every unknown name and wrong type."""
    return read(Limits, told, refusal="the gate's limits cannot be used", called="limit", table="checks.")

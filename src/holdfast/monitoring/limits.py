"""What is watched for, and from where on somebody is told: `[monitor]` in holdfast.toml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from holdfast.settings import read, setting

HANDBOOK = "the handbook's monitoring"
FINTECH = "what breaks models in fintech"
GUIDE = "the deployment guide"
OURS = "our own choice"
MEASURED = "measured: `python -m benchmarks.false_alarms`"


@dataclass(frozen=True)
class Limits:
    """Each with what it means and where its default comes from. Shares lie between 0 and 1."""

    false_alarms_a_quarter: float = setting(
        0.5, "Alerts without a cause that one model may raise in 90 days, all watches and all looks together.", OURS
    )
    least_predictions: int = setting(50, "Decisions in a stretch, at least, for it to be judged.", OURS)
    fast_predictions: int = setting(200, "The shortest stretch: the last so many decisions.", OURS)
    most_fast_hours: float = setting(24.0, "Hours back that these may lie; older ones are no news.", OURS)
    drift_psi: float = setting(
        0.1, "Population stability index beyond chance and natural variation from which on a feature drifts.",
        "usually read as a moderate shift",
    )  # fmt: skip
    high_psi: float = setting(0.25, "The same from which on it is HIGH.", "usually read as a major shift")
    natural_psi: float = setting(
        0.005, "Natural variation from day to day that is taken on where the bundle has not kept its own.", MEASURED
    )
    drifted_share: float = setting(0.1, "Share of drifted features above which the model alerts.", HANDBOOK)
    drifted_features: int = setting(10, "Features that may drift at once, however many there are.", GUIDE)
    high_drifted_share: float = setting(0.3, "The same from which on it is HIGH.", HANDBOOK)
    score_psi: float = setting(0.1, "As `drift_psi`, for the score.", "usually read as a moderate shift")
    decision_rate: float = setting(
        0.3, "Change of the share of positive decisions, as a share of what is usual.", GUIDE
    )
    null_rise: float = setting(0.01, "Rise of a feature's share of nulls.", OURS)
    outside_rise: float = setting(0.02, "Rise of the share of values beyond all that training had.", OURS)
    warned_rise: float = setting(0.02, "Rise of the share of answers with one and the same warning.", OURS)
    refused_share: float = setting(0.02, "Rise of the share of requests refused for one and the same reason.", OURS)
    coverage: float = setting(0.8, "Vocabulary coverage, by value and by row, at least.", FINTECH)
    unknown_rise: float = setting(0.02, "Rise of the share of rows with a word that the vocabulary lacks.", OURS)
    frozen_share: float = setting(
        0.98, "Share of one bin of a feature that had others, from which on it is frozen.", OURS
    )
    volume: float = setting(0.3, "Change of volume by hour of the week, as a share of what is usual.", GUIDE)
    milliseconds: float = setting(100.0, "What 95 % of answers may take.", GUIDE)
    error_share: float = setting(0.01, "Share of requests that may fail.", OURS)
    skewed_share: float = setting(
        0.01, "Share of live answers that training will see otherwise, because records came late.", OURS
    )
    least_auc: float = setting(0.75, "Realised ROC-AUC of settled decisions, at least.", GUIDE)
    performance_fall: float = setting(
        0.05, "Fall of ROC-AUC, precision or recall below what training measured, from which on it is told.", OURS
    )
    least_segment_auc: float = setting(0.55, "Realised ROC-AUC in the worst segment, at least.", "as in the gate")
    prior_change: float = setting(0.3, "Change of the share of positives, as a share of what is usual.", OURS)
    calibration_slope: float = setting(
        0.3, "How far the slope of told against true logits may lie from 1 (1: probabilities mean what they say).", OURS
    )
    favourable: str = setting("negative", "The decision that people wish for: `negative` or `positive`.", OURS)
    least_impact_ratio: float = setting(
        0.8, "A group's share of favourable decisions, of that of the group with the most.", "29 CFR 1607.4(D)"
    )
    rate_gap: float = setting(0.1, "Gap between groups in true, and in false, positive rates, at most.", OURS)
    least_group_rows: int = setting(100, "Decisions about a group, at least, for it to be judged.", OURS)
    importance_change: float = setting(
        0.2, "Change of one feature's share of all importance, as permutation measures it, from which on it is told.",
        OURS,
    )  # fmt: skip
    labels_fall: float = setting(
        0.3, "How much fewer outcomes may have come, of decisions as old, than in the weeks before, as a share.", OURS
    )
    labels_late: float = setting(
        0.5, "How much longer half of the outcomes may take than in the weeks before, as a share.", OURS
    )


def limits_from(told: Mapping[str, Any]) -> Limits:
    """Limits as a project sets them. Raises HoldfastError with every unknown name and wrong type."""
    return read(Limits, told, refusal="the limits of monitoring cannot be used", called="limit", table="monitor.")

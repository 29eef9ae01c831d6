"""What is watched for, and from where on somebody is told: `[monitor]` in holdfast.toml."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from holdfast.errors import HoldfastError, Problem


def _limit(default: Any, told: str, source: str) -> Any:
    return field(default=default, metadata={"help": told, "source": source})


HANDBOOK = "the handbook's monitoring"
FINTECH = "what breaks models in fintech"
GUIDE = "the deployment guide"
OURS = "our own choice"
MEASURED = "measured: `python -m benchmarks.false_alarms`"


@dataclass(frozen=True)
class Limits:
    """Each with what it means and where its default comes from. Shares lie between 0 and 1."""

    false_alarms_a_quarter: float = _limit(
        0.5, "Alerts without a cause that one model may raise in 90 days, all watches and all looks together.", OURS
    )
    least_predictions: int = _limit(50, "Decisions in a stretch, at least, for it to be judged.", OURS)
    fast_predictions: int = _limit(200, "The shortest stretch: the last so many decisions.", OURS)
    most_fast_hours: float = _limit(24.0, "Hours back that these may lie; older ones are no news.", OURS)
    drift_psi: float = _limit(
        0.1, "Population stability index beyond chance and natural variation from which on a feature drifts.",
        "usually read as a moderate shift",
    )  # fmt: skip
    high_psi: float = _limit(0.25, "The same from which on it is HIGH.", "usually read as a major shift")
    natural_psi: float = _limit(
        0.005, "Natural variation from day to day that is taken on where the bundle has not kept its own.", MEASURED
    )
    drifted_share: float = _limit(0.1, "Share of drifted features above which the model alerts.", HANDBOOK)
    high_drifted_share: float = _limit(0.3, "The same from which on it is HIGH.", HANDBOOK)
    score_psi: float = _limit(0.1, "As `drift_psi`, for the score.", "usually read as a moderate shift")
    decision_rate: float = _limit(0.3, "Change of the share of positive decisions, as a share of what is usual.", GUIDE)
    null_rise: float = _limit(0.01, "Rise of a feature's share of nulls.", OURS)
    outside_rise: float = _limit(0.02, "Rise of the share of values beyond all that training had.", OURS)
    warned_rise: float = _limit(0.02, "Rise of the share of answers with one and the same warning.", OURS)
    refused_share: float = _limit(0.02, "Rise of the share of requests refused for one and the same reason.", OURS)
    coverage: float = _limit(0.8, "Vocabulary coverage, by value and by row, at least.", FINTECH)
    unknown_rise: float = _limit(0.02, "Rise of the share of rows with a word that the vocabulary lacks.", OURS)
    frozen_share: float = _limit(
        0.98, "Share of one bin of a feature that had others, from which on it is frozen.", OURS
    )
    volume: float = _limit(0.3, "Change of volume by hour of the week, as a share of what is usual.", GUIDE)
    milliseconds: float = _limit(100.0, "What 95 % of answers may take.", GUIDE)
    error_share: float = _limit(0.01, "Share of requests that may fail.", OURS)
    skewed_share: float = _limit(
        0.01, "Share of live answers that training will see otherwise, because records came late.", OURS
    )
    least_auc: float = _limit(0.75, "Realised ROC-AUC of settled decisions, at least.", GUIDE)
    performance_fall: float = _limit(
        0.05, "Fall of ROC-AUC, precision or recall below what training measured, from which on it is told.", OURS
    )
    least_segment_auc: float = _limit(0.55, "Realised ROC-AUC in the worst segment, at least.", "as in the gate")
    prior_change: float = _limit(0.3, "Change of the share of positives, as a share of what is usual.", OURS)
    calibration_slope: float = _limit(
        0.3, "How far the slope of told against true logits may lie from 1 (1: probabilities mean what they say).", OURS
    )
    favourable: str = _limit("negative", "The decision that people wish for: `negative` or `positive`.", OURS)
    least_impact_ratio: float = _limit(
        0.8, "A group's share of favourable decisions, of that of the group with the most.", "29 CFR 1607.4(D)"
    )
    rate_gap: float = _limit(0.1, "Gap between groups in true, and in false, positive rates, at most.", OURS)
    least_group_rows: int = _limit(100, "Decisions about a group, at least, for it to be judged.", OURS)
    importance_change: float = _limit(
        0.2, "Change of one feature's share of all importance, as permutation measures it, from which on it is told.",
        OURS,
    )  # fmt: skip
    labels_fall: float = _limit(
        0.3, "How much fewer outcomes may have come, of decisions as old, than in the weeks before, as a share.", OURS
    )
    labels_late: float = _limit(
        0.5, "How much longer half of the outcomes may take than in the weeks before, as a share.", OURS
    )


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
    for name, value in told.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            mend = f"did you mean {near[0]}?" if near else "one of: " + ", ".join(known)
            problems.append(Problem(f"monitor.{name}", "unknown_setting", "there is no such limit", mend))
        elif isinstance(value, bool) or not _fits(value, known[name].default):
            kind = {"int": "a whole number", "str": "text"}.get(str(known[name].type), "a number")
            what = f"{value!r} is not {kind}"
            problems.append(Problem(f"monitor.{name}", "type", what, known[name].metadata["help"]))
    if problems:
        raise HoldfastError("the limits of monitoring cannot be used", problems=problems)
    return Limits(**told)


def _fits(value: object, default: object) -> bool:
    return isinstance(value, int | float if isinstance(default, float) else type(default))

"""What a training is asked to do: values only, all faults at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from holdfast.errors import HoldfastError, Problem
from holdfast.settings import Setting, read, setting

Family = Literal[
    "lightgbm", "logistic_regression", "decision_tree", "random_forest", "hist_gradient_boosting", "xgboost"
]
SplitRule = Literal["time", "hash"]
ValidationRule = Literal["prequential", "stratified"]
CalibrationRule = Literal["none", "sigmoid", "isotonic"]
ThresholdRule = Literal["cost", "f1", "precision", "recall", "fixed"]
ImbalanceRule = Literal["weights", "none"]
ImportanceRule = Literal["permutation", "gain"]
Population = Literal["approved", "just_approved", "all"]

REFUSAL = "the training settings cannot be used"

FAMILIES: tuple[Family, ...] = get_args(Family)

THRESHOLD_FREE = ("average_precision", "roc_auc", "log_loss", "brier", "precision_top_1pct")
"""What folds are judged by: metrics that need no threshold."""

_CHOICES: dict[str, tuple[str, ...]] = {
    "family": FAMILIES,
    "split": get_args(SplitRule),
    "validation": get_args(ValidationRule),
    "calibration": get_args(CalibrationRule),
    "threshold": get_args(ThresholdRule),
    "imbalance": get_args(ImbalanceRule),
    "importance": get_args(ImportanceRule),
    "reasons_against": get_args(Population),
    "baseline": ("auto", *FAMILIES),
    "judged_by": THRESHOLD_FREE,
}


@dataclass(frozen=True)
class TrainingSettings:
    """Days are 86,400 s of event time; shares lie in (0, 1); costs are in any one unit."""

    family: Family = setting("lightgbm", "Model family: " + ", ".join(FAMILIES) + ".")
    params: Mapping[str, Any] = setting({}, "The library's own parameters, over ours: `params.num_leaves = 63`.")
    seed: int = setting(42, "Seed of everything that draws numbers.")
    threads: int = setting(
        1, "Threads to fit with; more help on a machine with nothing else to do. The model is the same."
    )
    without: tuple[str, ...] = setting((), "Features to leave out: what is missing in live.")
    split: SplitRule = setting("time", "Who is held out: `time` (the last window) or `hash` (a keyed hash of the id).")
    train_days: float | None = setting(None, "time: length of the training window. Unset: all there is before.")
    validation_days: float | None = setting(None, "time: length of one fold's validation window.")
    test_days: float | None = setting(None, "time: length of the test window. Unset: `test_share` of the span.")
    test_end: int | None = setting(
        None, "time: end of the test window, µs UTC. Unset: the last instant before which labels have settled."
    )
    delay_days: float | None = setting(
        None, "time: days between the last event learned from and the first one judged. Unset: what labels need."
    )
    test_share: float = setting(0.2, "Share of the span (time) or of the ids (hash) that is held out.")
    split_key: str = setting("holdfast", "hash: key of the hash. Another key, another split.")
    validation: ValidationRule = setting(
        "prequential", "Folds inside the training part: `prequential` (back in time) or `stratified`."
    )
    folds: int = setting(4, "Number of folds.")
    calibration: CalibrationRule = setting(
        "none", "`none`, `sigmoid` or `isotonic`, fitted on the folds' held-out rows."
    )
    threshold: ThresholdRule = setting(
        "f1", "How the threshold is chosen, on held-out rows: `cost`, `f1`, `precision`, `recall`, `fixed`."
    )
    target: float | None = setting(None, "The precision or recall to reach, or the fixed threshold itself.")
    cost_false_positive: float = setting(1.0, "cost: what one false alarm costs.")
    cost_false_negative: float = setting(10.0, "cost: what one missed positive costs.")
    imbalance: ImbalanceRule = setting("none", "`weights`: the rare class weighs as much as the other. `none`.")
    baseline: str = setting(
        "auto", "The simple model shown beside: a family, or `auto` (logistic regression; for that one, a small tree)."
    )
    bootstrap: int = setting(200, "Resamplings behind each interval; 0 for none.")
    importance: ImportanceRule = setting("permutation", "`permutation` (on test rows) or `gain`.")
    reasons_against: Population = setting(
        "approved",
        "Training rows that reasons compare with: `approved` (decided negatively), `just_approved` (the tenth of "
        "those nearest the threshold) or `all`.",
    )

    sweep: Mapping[str, Any] = setting(
        {},
        "What a sweep tries, by setting or library parameter: `sweep.num_leaves = [7, 31]`, or for optuna "
        "`{low = 0.01, high = 0.3, log = true}`. Unset: the family's usual values.",
    )
    trials: int = setting(20, "Trials of an optuna sweep.")
    judged_by: str = setting("average_precision", "Validation metric that chooses: " + ", ".join(THRESHOLD_FREE) + ".")

    def as_dict(self) -> dict[str, Any]:
        return vars(self) | {
            "params": dict(self.params),
            "sweep": {name: _open(within) for name, within in self.sweep.items()},
            "without": list(self.without),
        }


def _open(within: Any) -> Any:
    return dict(within) if isinstance(within, Mapping) else within


def settings_from(told: Mapping[str, Any]) -> TrainingSettings:
    """The settings in a record or a configuration table; `params.x` and a table `params` mean the same (so `sweep`).

    Raises HoldfastError with every unknown name and every value that cannot be meant.
    """
    settings = read(
        TrainingSettings, told, refusal=REFUSAL, called="training setting", where="training", wrong=_not_meant
    )
    check(settings)
    return settings


def _not_meant(item: Setting, value: object) -> tuple[str, str]:
    return f"{value!r} is not what is meant here", item.help


def check(settings: TrainingSettings, features: tuple[str, ...] | None = None) -> None:
    """Raise HoldfastError with every value that cannot be meant."""
    problems: list[Problem] = []

    def wrong(name: str, what: str, mend: str) -> None:
        problems.append(Problem(name, "setting", what, mend))

    for name, choices in _CHOICES.items():
        if getattr(settings, name) not in choices:
            wrong(name, f"{getattr(settings, name)!r} is not known", "one of: " + ", ".join(choices))
    for name in ("train_days", "validation_days", "test_days"):
        value = getattr(settings, name)
        if value is not None and value <= 0:
            wrong(name, f"{value} days hold nothing", "give a positive number of days")
    if settings.delay_days is not None and settings.delay_days < 0:
        wrong("delay_days", "a delay cannot be negative", "give 0 or more")
    if not 0 < settings.test_share < 1:
        wrong("test_share", f"{settings.test_share} is no share", "give a number between 0 and 1")
    if settings.folds < 1 or (settings.split == "hash" and settings.folds < 2):
        wrong("folds", f"{settings.folds} is too few", "give at least 2 (1 with split = time)")
    if settings.split == "hash" and settings.validation == "prequential":
        wrong("validation", "prequential folds follow time, a hash split does not", 'set validation = "stratified"')
    if settings.threshold in ("precision", "recall", "fixed") and not (
        settings.target is not None and 0 < settings.target <= 1
    ):
        wrong("target", f"threshold = {settings.threshold} needs a target in (0, 1]", "set target, 0.9 for instance")
    for name in ("cost_false_positive", "cost_false_negative"):
        if not getattr(settings, name) > 0:
            wrong(name, f"{getattr(settings, name)} is no cost", "give a positive cost")
    if settings.threads < 1:
        wrong("threads", f"{settings.threads} threads cannot work", "give 1 or more")
    if settings.trials < 1:
        wrong("trials", f"{settings.trials} trials find nothing", "give 1 or more")
    if settings.bootstrap < 0:
        wrong("bootstrap", "a count cannot be negative", "give 0 (no intervals) or more")
    if features is not None:
        for name in settings.without:
            if name not in features:
                wrong("without", f"there is no feature {name!r}", "one of: " + ", ".join(features))
        if features and set(settings.without) >= set(features):
            wrong("without", "no feature is left", "leave at least one in")
    if problems:
        raise HoldfastError(REFUSAL, where="training", problems=problems)

"""What a training is asked to do: values only, all faults at once."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, Literal, get_args

from holdfast.errors import HoldfastError, Problem

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


def _told(text: str) -> dict[str, str]:
    return {"help": text}


def _nothing() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclass(frozen=True)
class TrainingSettings:
    """Days are 86,400 s of event time; shares lie in (0, 1); costs are in any one unit."""

    family: Family = field(default="lightgbm", metadata=_told("Model family: " + ", ".join(FAMILIES) + "."))
    params: Mapping[str, Any] = field(
        default_factory=_nothing, metadata=_told("The library's own parameters, over ours: `params.num_leaves = 63`.")
    )
    seed: int = field(default=42, metadata=_told("Seed of everything that draws numbers."))
    threads: int = field(
        default=1,
        metadata=_told("Threads to fit with; more help on a machine with nothing else to do. The model is the same."),
    )
    without: tuple[str, ...] = field(default=(), metadata=_told("Features to leave out: what is missing in live."))
    split: SplitRule = field(
        default="time", metadata=_told("Who is held out: `time` (the last window) or `hash` (a keyed hash of the id).")
    )
    train_days: float | None = field(
        default=None, metadata=_told("time: length of the training window. Unset: all there is before.")
    )
    validation_days: float | None = field(default=None, metadata=_told("time: length of one fold's validation window."))
    test_days: float | None = field(
        default=None, metadata=_told("time: length of the test window. Unset: `test_share` of the span.")
    )
    test_end: int | None = field(
        default=None,
        metadata=_told(
            "time: end of the test window, µs UTC. Unset: the last instant before which labels have settled."
        ),
    )
    delay_days: float | None = field(
        default=None,
        metadata=_told(
            "time: days between the last event learned from and the first one judged. Unset: what labels need."
        ),
    )
    test_share: float = field(
        default=0.2, metadata=_told("Share of the span (time) or of the ids (hash) that is held out.")
    )
    split_key: str = field(default="holdfast", metadata=_told("hash: key of the hash. Another key, another split."))
    validation: ValidationRule = field(
        default="prequential",
        metadata=_told("Folds inside the training part: `prequential` (back in time) or `stratified`."),
    )
    folds: int = field(default=4, metadata=_told("Number of folds."))
    calibration: CalibrationRule = field(
        default="none", metadata=_told("`none`, `sigmoid` or `isotonic`, fitted on the folds' held-out rows.")
    )
    threshold: ThresholdRule = field(
        default="f1",
        metadata=_told("How the threshold is chosen, on held-out rows: `cost`, `f1`, `precision`, `recall`, `fixed`."),
    )
    target: float | None = field(
        default=None, metadata=_told("The precision or recall to reach, or the fixed threshold itself.")
    )
    cost_false_positive: float = field(default=1.0, metadata=_told("cost: what one false alarm costs."))
    cost_false_negative: float = field(default=10.0, metadata=_told("cost: what one missed positive costs."))
    imbalance: ImbalanceRule = field(
        default="none", metadata=_told("`weights`: the rare class weighs as much as the other. `none`.")
    )
    baseline: str = field(
        default="auto",
        metadata=_told(
            "The simple model shown beside: a family, or `auto` (logistic regression; for that one, a small tree)."
        ),
    )
    bootstrap: int = field(default=200, metadata=_told("Resamplings behind each interval; 0 for none."))
    importance: ImportanceRule = field(default="permutation", metadata=_told("`permutation` (on test rows) or `gain`."))
    reasons_against: Population = field(
        default="approved",
        metadata=_told(
            "Training rows that reasons compare with: `approved` (decided negatively), `just_approved` (the tenth of "
            "those nearest the threshold) or `all`."
        ),
    )

    sweep: Mapping[str, Any] = field(
        default_factory=_nothing,
        metadata=_told(
            "What a sweep tries, by setting or library parameter: `sweep.num_leaves = [7, 31]`, or for optuna "
            "`{low = 0.01, high = 0.3, log = true}`. Unset: the family's usual values."
        ),
    )
    trials: int = field(default=20, metadata=_told("Trials of an optuna sweep."))
    judged_by: str = field(
        default="average_precision",
        metadata=_told("Validation metric that chooses: " + ", ".join(THRESHOLD_FREE) + "."),
    )

    def as_dict(self) -> dict[str, Any]:
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return values | {
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
    known = {item.name: item for item in fields(TrainingSettings)}
    problems: list[Problem] = []
    values: dict[str, Any] = {}
    opened: dict[str, dict[str, Any]] = {"params": {}, "sweep": {}}
    for name, value in told.items():
        head, dot, rest = name.partition(".")
        if dot and head in opened:
            opened[head][rest] = value
        elif name in opened and isinstance(value, Mapping):
            opened[name] |= value
        elif name not in known:
            near = difflib.get_close_matches(name, known, 1)
            mend = f"did you mean {near[0]}?" if near else "one of: " + ", ".join(known)
            problems.append(Problem(name, "unknown_setting", "there is no such training setting", mend))
        elif not _fits(name, value):
            problems.append(Problem(name, "type", f"{value!r} is not what is meant here", known[name].metadata["help"]))
        else:
            values[name] = value
    if problems:
        raise HoldfastError("the training settings cannot be used", where="training", problems=problems)
    values |= {name: MappingProxyType(items) for name, items in opened.items()}
    values["without"] = tuple(values.get("without", ()))
    settings = TrainingSettings(**values)
    check(settings)
    return settings


_WHOLE = ("seed", "threads", "folds", "bootstrap", "test_end", "trials")
_NUMBERS = ("train_days", "validation_days", "test_days", "delay_days", "test_share", "target")
_COSTS = ("cost_false_positive", "cost_false_negative")
_OPTIONAL = ("train_days", "validation_days", "test_days", "delay_days", "target", "test_end")


def _fits(name: str, value: object) -> bool:
    if value is None:
        return name in _OPTIONAL
    if name in _WHOLE:
        return type(value) is int
    if name in _NUMBERS or name in _COSTS:
        return type(value) in (int, float)
    if name == "without":
        return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
    return isinstance(value, str) and name not in ("params", "sweep")


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
        raise HoldfastError("the training settings cannot be used", where="training", problems=problems)

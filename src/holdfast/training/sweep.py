"""Many settings on the same folds, compared side by side; validation alone chooses."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any, Literal

from holdfast.contract.model import Contract
from holdfast.errors import HoldfastError, Problem
from holdfast.training.learn import Progress, recipe, silent
from holdfast.training.narrow import without
from holdfast.training.rows import Rows, Table, rows_of
from holdfast.training.settings import TrainingSettings, check, settings_from
from holdfast.training.split import split
from holdfast.training.validate import validate

How = Literal["grid", "optuna"]
Report = Callable[["Trial"], None]

LOWER_IS_BETTER = ("log_loss", "brier")

DEFAULT_SPACE: dict[str, dict[str, Any]] = {
    "lightgbm": {"num_leaves": [7, 15, 31], "learning_rate": [0.03, 0.1], "min_data_in_leaf": [20, 100]},
    "xgboost": {"max_depth": [3, 6], "learning_rate": [0.05, 0.1], "min_child_weight": [1, 20]},
    "hist_gradient_boosting": {"max_leaf_nodes": [7, 31], "learning_rate": [0.05, 0.1], "l2_regularization": [0, 10]},
    "random_forest": {"max_depth": [6, 10, 16], "min_samples_leaf": [1, 20]},
    "decision_tree": {"max_depth": [2, 4, 6, 10], "min_samples_leaf": [20, 100]},
    "logistic_regression": {"C": [0.01, 0.1, 1.0, 10.0]},
}


@dataclass(frozen=True)
class Trial:
    """One set of changes and what the folds said: mean and standard deviation of each metric."""

    number: int
    changes: Mapping[str, Any]
    summary: Mapping[str, Mapping[str, float]]
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "changes": dict(self.changes),
            "validation": {name: dict(found) for name, found in self.summary.items()},
            "seconds": round(self.seconds, 2),
        }


@dataclass(frozen=True)
class Swept:
    """Every trial, the best first, and the settings of the best."""

    judged_by: str
    trials: tuple[Trial, ...]
    best: TrainingSettings

    def columns(self) -> list[str]:
        """Headings of `rows`."""
        return ["trial", *self._names(), self.judged_by, "± sd", "seconds"]

    def rows(self) -> list[list[Any]]:
        """The comparison table: one line for each trial, the best first."""
        return [
            [
                trial.number,
                *(trial.changes.get(name) for name in self._names()),
                trial.summary[self.judged_by]["mean"],
                trial.summary[self.judged_by]["sd"],
                round(trial.seconds, 2),
            ]
            for trial in self.trials
        ]

    def _names(self) -> list[str]:
        return list(dict.fromkeys(name for trial in self.trials for name in trial.changes))


def sweep(
    contract: Contract,
    table: Table,
    settings: TrainingSettings,
    how: How = "grid",
    *,
    report: Report | None = None,
    progress: Progress = silent,
) -> Swept:
    """Try `settings.sweep` (values by name; the family's usual ones when empty) and rank by `settings.judged_by`.

    A name is a training setting or else a parameter of the library. grid takes every combination of lists; optuna
    makes `settings.trials` trials, and also takes ranges ``{low, high, log}``. Test rows are not looked at.
    """
    rows, _ = rows_of(table, contract)
    check(settings, rows.names)
    space = dict(settings.sweep) or DEFAULT_SPACE[settings.family]
    _usable(space, how)
    narrowed, rows = without(contract, settings.without), rows.without(settings.without)
    trials: list[Trial] = []

    def attempt(changes: Mapping[str, Any]) -> float:
        begun = time.perf_counter()
        summary = _validated(narrowed, rows, changed(settings, changes))
        trial = Trial(len(trials) + 1, dict(changes), summary, time.perf_counter() - begun)
        trials.append(trial)
        if report is not None:
            report(trial)
        value = summary[settings.judged_by]["mean"]
        progress(f"trial {trial.number}: {settings.judged_by} {value:.4f}")
        return -value if settings.judged_by in LOWER_IS_BETTER else value

    if how == "grid":
        values = [attempt(changes) for changes in _grid(space)]
    else:
        values = _optuna(space, settings, attempt)
    ranked = sorted(range(len(trials)), key=lambda i: (-values[i], i))
    best = changed(settings, trials[ranked[0]].changes)
    return Swept(settings.judged_by, tuple(trials[i] for i in ranked), best)


def changed(settings: TrainingSettings, changes: Mapping[str, Any]) -> TrainingSettings:
    """The settings with a trial's changes."""
    known = {item.name for item in fields(TrainingSettings)}
    told = settings.as_dict()
    own = {name: value for name, value in changes.items() if name in known}
    params = {**settings.params, **{name: value for name, value in changes.items() if name not in known}}
    return settings_from({**told, **own, "params": params})


def _validated(contract: Contract, rows: Rows, settings: TrainingSettings) -> Mapping[str, Mapping[str, float]]:
    made = split(rows, contract.target, settings)
    return MappingProxyType(validate(recipe(contract, rows, settings), rows, made).summary())


def _grid(space: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for values in itertools.product(*space.values()):
        yield dict(zip(space, values, strict=True))


def _optuna(
    space: Mapping[str, Any], settings: TrainingSettings, attempt: Callable[[Mapping[str, Any]], float]
) -> list[float]:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=settings.seed))
    values: list[float] = []

    def objective(trial: optuna.Trial) -> float:
        changes = {name: _suggest(trial, name, within) for name, within in space.items()}
        values.append(attempt(changes))
        return values[-1]

    study.optimize(objective, n_trials=settings.trials, n_jobs=1)
    return values


def _suggest(trial: Any, name: str, within: Any) -> Any:
    if isinstance(within, list | tuple):
        return trial.suggest_categorical(name, list(within))
    low, high, log = within["low"], within["high"], bool(within.get("log", False))
    if isinstance(low, int) and isinstance(high, int):
        return trial.suggest_int(name, low, high, log=log)
    return trial.suggest_float(name, float(low), float(high), log=log)


def _usable(space: Mapping[str, Any], how: str) -> None:
    problems = []
    if how not in ("grid", "optuna"):
        problems.append(Problem("sweep", "setting", f"{how!r} is no way to sweep", "grid or optuna"))
    for name, within in space.items():
        listed = isinstance(within, list | tuple) and len(within) > 0
        ranged = isinstance(within, Mapping) and {"low", "high"} <= set(within) <= {"low", "high", "log"}
        if not listed and not (ranged and how == "optuna"):
            mend = "give a list of values" + (", or {low, high, log}" if how == "optuna" else "")
            problems.append(Problem(f"sweep.{name}", "setting", f"{within!r} cannot be tried", mend))
    if problems:
        raise HoldfastError("the sweep cannot be made", where="training.sweep", problems=problems)

"""Many settings, one table, chosen by validation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.training.tables import contract, table

from holdfast.errors import HoldfastError
from holdfast.training.settings import settings_from
from holdfast.training.sweep import sweep

TREE = {
    "threads": 1,
    "family": "decision_tree",
    "folds": 2,
    "sweep.max_depth": [1, 4],
    "sweep.imbalance": ["none", "weights"],
}


def test_a_grid_tries_every_combination_and_ranks_by_validation() -> None:
    heard: list[int] = []
    found = sweep(contract(), table(1_200), settings_from(TREE), report=lambda trial: heard.append(trial.number))
    assert heard == [1, 2, 3, 4]
    assert found.columns() == ["trial", "max_depth", "imbalance", "average_precision", "± sd", "seconds"]
    means = [row[3] for row in found.rows()]
    assert means == sorted(means, reverse=True)
    assert found.best.params["max_depth"] == found.trials[0].changes["max_depth"]
    assert found.best.imbalance == found.trials[0].changes["imbalance"]
    assert {(row[1], row[2]) for row in found.rows()} == {(a, b) for a in (1, 4) for b in ("none", "weights")}


def test_test_rows_have_no_say_in_the_choice() -> None:
    given, settings = table(1_200), settings_from({**TREE, "test_share": 0.2})
    cut = np.quantile(given.times, 0.83)
    labels = replace(given.labels, values=np.where(given.times > cut, 1 - given.labels.values, given.labels.values))
    here, there = (sweep(contract(), item, settings) for item in (given, replace(given, labels=labels)))
    assert [trial.summary for trial in here.trials] == [trial.summary for trial in there.trials]


def test_the_lowest_loss_wins_where_low_is_good() -> None:
    found = sweep(contract(), table(1_200), settings_from({**TREE, "judged_by": "log_loss"}))
    means = [row[3] for row in found.rows()]
    assert means == sorted(means)


def test_optuna_takes_ranges_and_is_seeded() -> None:
    told = {
        **TREE,
        "trials": 5,
        "sweep": {"max_depth": {"low": 1, "high": 8}, "ccp_alpha": {"low": 1e-5, "high": 1e-2, "log": True}},
    }
    told = {name: value for name, value in told.items() if not name.startswith("sweep.")}
    settings = settings_from(told)
    first, second = (sweep(contract(), table(1_200), settings, "optuna") for _ in range(2))
    assert [dict(trial.changes) for trial in first.trials] == [dict(trial.changes) for trial in second.trials]
    assert all(1 <= trial.changes["max_depth"] <= 8 for trial in first.trials)


def test_what_cannot_be_tried_is_refused_all_at_once() -> None:
    settings = settings_from({"sweep.a": [], "sweep.b": {"low": 1, "high": 2}, "sweep.c": 3})
    with pytest.raises(HoldfastError) as fault:
        sweep(contract(), table(200), settings)
    assert [problem.field for problem in fault.value.problems] == ["sweep.a", "sweep.b", "sweep.c"]

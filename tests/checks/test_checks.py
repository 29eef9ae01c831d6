"""Each check passes clean data and finds its fault, and no other check takes that fault for its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from tests.checks.unsound import Broken
from tests.training.tables import Labels, Table, contract, table

from holdfast.bundle.bundle import Bundle
from holdfast.bundle.load import load
from holdfast.checks.catalog import CHECKS
from holdfast.checks.limits import Limits
from holdfast.checks.subject import Subject
from holdfast.checks.verdict import Verdict, examine
from holdfast.training.settings import TrainingSettings
from holdfast.training.train import train

QUICK = TrainingSettings(folds=2, bootstrap=0, threads=1, params={"n_estimators": 30, "num_leaves": 7})
BY_HEART = TrainingSettings(
    folds=2, bootstrap=0, threads=1, params={"n_estimators": 200, "num_leaves": 255, "min_data_in_leaf": 1}
)


def subject(folder: Path, data: Table, settings: TrainingSettings = QUICK, now: Table | None = None) -> Subject:
    """A version trained on `data`; its data is `now` when the gate looks."""
    done = train(contract(), data, settings, folder / "bundle", author="ada")
    return Subject("1", load(folder / "bundle", expect=done.bundle), data if now is None else now)


HERE = ("K1", "K2", "K3")
"""The other categories serve, back up, explain and ask for people: they want a project, and have tests of their own."""
ELSEWHERE = ("GATE107", "GATE109", "GATE110", "GATE112")
"""These read the project's history, see `test_history`."""


def judged(what: Subject, limits: Limits | None = None) -> Verdict:
    asked = [item for item in CHECKS if item.category.key in HERE and item.code not in ELSEWHERE]
    return examine(what, asked, limits or Limits(), clock=lambda: 1_800_000_000.0)


def changed(data: Table, column: int, values: Any) -> Table:
    matrix = data.matrix.copy()
    matrix[:, column] = values
    return replace(data, matrix=matrix)


def shuffled_labels(data: Table) -> Table:
    values = np.random.default_rng(5).permutation(data.labels.values)
    return replace(data, labels=Labels(values, data.labels.valid, data.labels.received_at))


def few_positives(data: Table) -> Table:
    values = np.zeros_like(data.labels.values)
    values[::300] = 1  # in every part, and fewer than asked for
    return replace(data, labels=Labels(values, data.labels.valid, data.labels.received_at))


def repeated(data: Table) -> Table:
    """Every second row has the features of the one before, and half of those another label."""
    matrix, values = data.matrix.copy(), data.labels.values.copy()
    matrix[1::2] = matrix[0:-1:2]
    values[1::4] = 1 - values[0:-1:4]
    return replace(data, matrix=matrix, labels=Labels(values, data.labels.valid, data.labels.received_at))


def turned_in_the_middle(data: Table) -> Table:
    """In one stretch of the history the labels say the opposite: one fold judges otherwise."""
    values = data.labels.values.copy()
    values[1_200:1_500] = (np.arange(300) % 12 == 0).astype(values.dtype)
    return replace(data, labels=Labels(values, data.labels.valid, data.labels.received_at))


def by_the_last_digit(data: Table) -> Table:
    """The label is whether the amount's cents are odd: learned by heart, and turned by the smallest change."""
    cents = np.random.default_rng(3).integers(0, 200, len(data.times))
    values = (cents % 2).astype(data.labels.values.dtype)
    odd = changed(data, 0, cents / 100)
    return replace(odd, labels=Labels(values, data.labels.valid, data.labels.received_at))


def by_one_feature(data: Table) -> Table:
    values = (data.matrix[:, 0] > np.quantile(data.matrix[:, 0], 0.9)).astype(data.labels.values.dtype)
    return replace(data, labels=Labels(values, data.labels.valid, data.labels.received_at))


def mostly_by_one_feature(data: Table) -> Table:
    """One time in six it is otherwise."""
    sure = by_one_feature(data).labels.values
    chance = np.random.default_rng(6)
    values = np.where(chance.random(len(sure)) < 1 / 6, chance.random(len(sure)) < 0.1, sure)
    return replace(data, labels=Labels(values.astype(sure.dtype), data.labels.valid, data.labels.received_at))


def one_cent(data: Table) -> Table:
    matrix = data.matrix.copy()
    matrix[1_234, 0] += 0.01
    return replace(data, matrix=matrix)


def test_clean_data_passes_every_check_with_any_seed(tmp_path: Path) -> None:
    for seed in range(5):
        verdict = judged(subject(tmp_path / str(seed), table(seed=seed)))
        assert [(item.check.code, item.answer.why) for item in verdict.stopping] == []
        assert {item.status for item in verdict.asked if item.check.severity == "required"} == {"passed"}


Make = Callable[[Path], Subject]
FAULTS: dict[str, tuple[str, Make]] = {
    "too few rows": ("GATE101", lambda folder: subject(folder, table(900))),
    "too few positives": ("GATE101", lambda folder: subject(folder, few_positives(table(3_000)))),
    "a feature is mostly missing": (
        "GATE102",
        lambda folder: subject(folder, changed(table(), 3, [1.0 if i % 3 == 0 else np.nan for i in range(3_000)])),
    ),
    "a feature never changes": ("GATE102", lambda folder: subject(folder, changed(table(), 3, 7.0))),
    "a feature is the target": ("GATE105", lambda folder: subject(folder, by_one_feature(table()))),
    "equal rows, other labels": ("GATE104", lambda folder: subject(folder, repeated(table()))),
    "a cent was changed since": ("GATE106", lambda folder: subject(folder, table(), now=one_cent(table()))),
    "the labels say nothing": ("GATE201", lambda folder: subject(folder, shuffled_labels(table()))),
    "it is sure of everything": ("GATE204", lambda folder: subject(folder, shuffled_labels(table()), BY_HEART)),
    "one stretch is otherwise": ("GATE302", lambda folder: subject(folder, turned_in_the_middle(table()))),
    "a last digit decides": ("GATE303", lambda folder: subject(folder, by_the_last_digit(table()), BY_HEART)),
    "it knows its rows by heart": ("GATE301", lambda folder: subject(folder, shuffled_labels(table()), BY_HEART)),
}
BESIDE = {
    "a last digit decides": {"GATE202", "GATE101", "GATE204", "GATE301", "GATE302"},
    "too few positives": {"GATE202", "GATE201", "GATE301", "GATE302"},
    "equal rows, other labels": {"GATE202", "GATE201", "GATE301"},
    "the labels say nothing": {"GATE202", "GATE301", "GATE302"},
    "it is sure of everything": {"GATE202", "GATE201", "GATE301", "GATE302"},
    "it knows its rows by heart": {"GATE202", "GATE201", "GATE204", "GATE302"},
    "one stretch is otherwise": {"GATE202", "GATE301"},
}
"""What else follows from the fault."""


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_by_its_check(tmp_path: Path, fault: str) -> None:
    code, make = FAULTS[fault]
    verdict = judged(make(tmp_path), replace(Limits(), least_positive_share=0.005))
    wrong = {item.check.code for item in verdict.stopping}
    assert code in wrong
    assert wrong <= {code} | BESIDE.get(fault, set())
    (answer,) = (item.answer for item in verdict.asked if item.check.code == code)
    assert answer.status == "failed"
    assert answer.mend
    assert answer.evidence


def test_a_missing_feature_and_an_example_of_a_conflict_are_named(tmp_path: Path) -> None:
    mostly = changed(table(), 1, [1.0 if i % 3 == 0 else np.nan for i in range(3_000)])
    (answer,) = (item.answer for item in judged(subject(tmp_path / "a", mostly)).asked if item.check.code == "GATE102")
    assert "rate is missing in 66" in answer.why
    (answer,) = (
        item.answer for item in judged(subject(tmp_path / "b", repeated(table()))).asked if item.check.code == "GATE104"
    )
    assert {"p000000", "p000001"} <= set(answer.evidence["examples"])


def test_a_feature_that_carries_it_alone_is_told_and_stops_nobody(tmp_path: Path) -> None:
    verdict = judged(subject(tmp_path, mostly_by_one_feature(table())))
    (asked,) = (item for item in verdict.asked if item.check.code == "GATE304")
    assert asked.status == "failed"
    assert asked.answer.why.startswith("without amount ROC-AUC falls from")
    assert verdict.stopping == ()


def test_an_answer_that_is_no_probability_is_found_with_what_was_asked(tmp_path: Path) -> None:
    sound = subject(tmp_path, table())
    verdict = judged(replace(sound, bundle=cast(Bundle, Broken(sound.bundle))))
    (asked,) = (item for item in verdict.asked if item.check.code == "GATE305")
    assert asked.status == "failed"
    assert "the largest of all numbers is answered with nan" in asked.answer.why
    assert "amount = 1e+12 is answered with nan" in asked.answer.why
    assert asked.answer.evidence["probability"]["amount = 1e+12"] is None

"""Who learns and who judges."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.training.tables import START, contract, table

from holdfast.contract.model import DAY
from holdfast.errors import HoldfastError
from holdfast.training.rows import Rows, rows_of
from holdfast.training.settings import TrainingSettings
from holdfast.training.split import hashed, labels_at, split

TIME = TrainingSettings(test_days=7, train_days=14, folds=3)


def _rows(seed: int = 1) -> Rows:
    return rows_of(table(seed=seed), contract())[0]


def test_nothing_learned_from_was_unknown_when_the_test_window_began() -> None:
    rows, target = _rows(), contract().target
    made = split(rows, target, TIME)
    start = made.record["test"][0]
    assert (rows.known[made.train.index] <= start).all()
    assert (rows.times[made.train.index] < start - 2 * DAY).all()
    assert (rows.times[made.test.index] >= start).all()
    assert (rows.times[made.test.index] < made.record["test"][1]).all()
    assert len(made.train) > 300
    assert len(made.test) > 200


def test_each_fold_keeps_the_delay_and_ends_before_the_test_window_learns() -> None:
    rows, target = _rows(), contract().target
    made = split(rows, target, TIME)
    start = made.record["test"][0]
    seen: set[int] = set()
    assert len(made.folds) == 3
    for fold in made.folds:
        begin = rows.times[fold.validation.index].min()
        assert (rows.known[fold.train.index] <= begin).all()
        assert rows.times[fold.validation.index].max() < start - 2 * DAY
        assert not seen & set(fold.validation.index.tolist())
        seen |= set(fold.validation.index.tolist())
        assert not set(fold.validation.index.tolist()) & set(made.test.index.tolist())


def test_the_gap_waits_until_a_missing_outcome_became_a_negative() -> None:
    """Younger rows with a label are all positive: learning from them would teach that everything recent is."""
    wait = contract(absent=False, final_after=10 * DAY)
    rows = rows_of(table(), wait)[0]
    made = split(rows, wait.target, TIME)
    assert made.record["delay"] == 10 * DAY
    assert rows.times[made.train.index].max() < made.record["test"][0] - 10 * DAY
    with pytest.raises(HoldfastError, match="shorter than the 10 days"):
        split(rows, wait.target, replace(TIME, delay_days=2))


def test_an_outcome_later_than_its_deadline_was_a_negative_to_a_trainer_of_that_time() -> None:
    wait = contract(absent=False, final_after=10 * DAY)
    rows = rows_of(table(), wait)[0]
    known = rows.known.copy()
    positive = int(np.flatnonzero(rows.y == 1)[0])
    known[positive] = rows.times[positive] + 30 * DAY
    late = replace(rows, known=known)
    deadline = int(rows.times[positive]) + 10 * DAY
    assert labels_at(late, wait.target, deadline - 1)[positive] == -1
    assert labels_at(late, wait.target, deadline)[positive] == 0
    assert labels_at(late, wait.target, int(known[positive]))[positive] == 1


def test_rows_without_a_settled_label_do_not_judge() -> None:
    rows = _rows()
    y = rows.y.copy()
    y[rows.times > START + 55 * DAY] = -1
    made = split(replace(rows, y=y), contract().target, TIME)
    assert made.record["test"][1] <= START + 58 * DAY
    assert (made.test.y >= 0).all()


def test_the_split_is_the_same_whatever_the_order_of_rows() -> None:
    for settings in (TIME, TrainingSettings(split="hash", validation="stratified")):
        here = split(_rows(), contract().target, settings)
        rows = rows_of(table().shuffled(5), contract())[0]
        there = split(rows, contract().target, settings)
        assert (here.test.index == there.test.index).all()
        for a, b in zip(here.folds, there.folds, strict=True):
            assert (a.validation.index == b.validation.index).all()


def test_an_id_keeps_its_side_when_other_ids_come_and_go() -> None:
    ids = np.asarray([f"c{i}" for i in range(2_000)])
    whole, half = hashed(ids, "k"), hashed(ids[::2], "k")
    assert (whole[::2] == half).all()
    assert not (hashed(ids, "other") == whole).any()
    assert 0.17 < (whole < 0.2).mean() < 0.23


def test_stratified_folds_share_positives_evenly_and_cover_each_row_once() -> None:
    settings = TrainingSettings(split="hash", validation="stratified", folds=5)
    made = split(_rows(), contract().target, settings)
    counts = [fold.validation.positives for fold in made.folds]
    assert max(counts) - min(counts) <= 1
    covered = np.concatenate([fold.validation.index for fold in made.folds])
    assert sorted(covered.tolist()) == sorted(made.train.index.tolist())


def test_a_part_with_one_class_only_is_refused_with_what_there_is() -> None:
    rows = _rows()
    none = replace(rows, y=np.zeros_like(rows.y))
    with pytest.raises(HoldfastError, match="one class only") as fault:
        split(none, contract().target, TIME)
    assert "the rows span" in fault.value.mend

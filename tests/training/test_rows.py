"""Canonical order, and what counts as a label."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.training.tables import START, Labels, Table, contract, table

from holdfast.contract.model import DAY
from holdfast.errors import HoldfastError
from holdfast.training.rows import NEVER_KNOWN, canonical_order, rows_of


def test_rows_are_the_same_whatever_order_they_came_in() -> None:
    given = table(500)
    tied = replace(given, times=given.times // DAY * DAY)
    here, _ = rows_of(tied, contract())
    there, _ = rows_of(tied.shuffled(7), contract())
    assert (here.ids == there.ids).all()
    assert here.X.tobytes() == there.X.tobytes()
    assert (here.y == there.y).all()
    assert (here.known == there.known).all()


def test_an_id_that_stands_twice_at_one_time_is_refused() -> None:
    ids, times = np.asarray(["a", "b", "a"]), np.asarray([5, 5, 5])
    with pytest.raises(HoldfastError, match="'a' stands in two rows"):
        canonical_order(ids, times)


def test_a_table_of_other_features_is_refused() -> None:
    with pytest.raises(HoldfastError, match="the table holds the features"):
        rows_of(replace(table(50), names=("amount", "rate", "noise", "kind")), contract())


def _three(received: int) -> Table:
    times = np.asarray([START, START + DAY, START + 20 * DAY])
    labels = Labels(np.asarray([1, 0, 0]), np.asarray([True, False, False]), np.asarray([received, 0, 0]))
    return Table(np.asarray(["a", "b", "c"]), times, np.zeros((3, 4)), ("amount", "rate", "kind", "noise"), labels)


def test_a_missing_outcome_is_a_negative_only_after_its_deadline() -> None:
    rows, _ = rows_of(_three(START + 3 * DAY), contract(absent=False, final_after=10 * DAY))
    assert rows.y.tolist() == [1, 0, -1]
    assert rows.known.tolist() == [START + 3 * DAY, START + 11 * DAY, NEVER_KNOWN]


def test_a_missing_outcome_stays_unknown_where_the_contract_says_so() -> None:
    rows, _ = rows_of(_three(START + 3 * DAY), contract())
    assert rows.y.tolist() == [1, -1, -1]


def test_an_outcome_that_came_early_is_known_only_after_the_labels_delay() -> None:
    rows, _ = rows_of(_three(START + 1), contract(known_after=2 * DAY))
    assert rows.known[0] == START + 2 * DAY

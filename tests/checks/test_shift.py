"""The stability index that the gate reads: what chance makes of it is taken off, and nothing more."""

from __future__ import annotations

import numpy as np
import pytest

from holdfast.checks.shift import shift


@pytest.mark.parametrize("words", [2, 3, 8])
def test_of_equal_words_hardly_ever_a_shift_is_left(words: int) -> None:
    dice = np.random.default_rng(words)
    left = sum(
        shift(*(dice.integers(0, words, size).astype(np.float64) for size in (900, 600)), category=True).beyond > 0
        for _ in range(2_000)
    )
    assert left <= 8  # two are expected, one in a thousand


def test_of_equal_numbers_hardly_ever_a_shift_is_left() -> None:
    dice = np.random.default_rng(7)
    left = sum(shift(dice.normal(size=900), dice.normal(size=600), category=False).beyond > 0 for _ in range(2_000))
    assert left <= 8


def test_a_shift_is_left_and_nearly_whole_where_rows_are_many() -> None:
    dice = np.random.default_rng(8)
    found = shift(dice.normal(size=200_000), dice.normal(1.0, size=200_000), category=False)
    assert found.value == pytest.approx(0.9, abs=0.1)  # of normal values a deviation apart it is 1, less for its bins
    assert found.value - found.beyond < 0.001


def test_what_is_missing_is_told_and_a_group_of_its_own() -> None:
    then = np.arange(1_000.0)
    now = np.where(then < 100, np.nan, then)  # the lowest tenth, whose place nulls must not take
    found = shift(then, now, category=False)
    assert found.missing == (0.0, 0.1)
    assert found.beyond > 0.5
    assert shift(then, np.zeros(0), category=False).value == 0.0

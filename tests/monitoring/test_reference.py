"""The reference: bins of either format of profile, and what to expect of a mix of hours."""

from __future__ import annotations

import numpy as np
from tests.training.tables import START, contract, table

from holdfast.bundle.bins import season
from holdfast.contract.model import DAY
from holdfast.monitoring.reference import Bins
from holdfast.training.profile import profile
from holdfast.training.rows import rows_of

NEW = ("seasons", "sizes", "daily", "hourly", "volume", "score")


def test_training_itself_is_what_is_expected_of_its_own_mix_of_hours() -> None:
    rows, _ = rows_of(table(4_000), contract())
    told = profile(contract(), rows, np.linspace(0, 1, 4_000), rows.y, 0.5)
    bins = Bins(contract(), told, "b")
    placed = bins.place(rows.X, np.linspace(0, 1, 4_000))
    weights = np.bincount(season(rows.times), minlength=48).astype(np.float64)
    for at, share in enumerate(bins.shares(weights)):
        assert abs(share.sum() - 1) < 1e-9
        assert np.allclose(share, np.bincount(placed[:, at], minlength=len(share)) / 4_000, atol=0.01)
    expected = bins.expected()
    assert expected.rows_an_hour > 0
    assert expected.names == (*rows.names, "score")
    assert all(shape.daily is not None and shape.seasons is not None for shape in expected.shapes)


def test_a_profile_of_the_first_format_is_watched_with_less() -> None:
    rows, _ = rows_of(table(2_000), contract())
    told = profile(contract(), rows, np.linspace(0, 1, 2_000), rows.y, 0.5)
    old = {name: value for name, value in told.items() if name not in NEW} | {"format": 1}
    bins = Bins(contract(), old, "b")
    assert bins.layout.shape == Bins(contract(), told, "b").layout.shape
    assert [shape.rows for shape in bins.shapes()] == [2_000] * 5
    assert all(shape.seasons is None and shape.daily is None for shape in bins.shapes())
    (found,) = bins.count("1", rows.X, np.full(2_000, 0.5), rows.y.astype(float), np.full(2_000, START)).values()
    assert [int(item.sum()) for item in found.bins] == [2_000] * 4


def test_without_a_profile_there_is_null_and_not_null_and_the_vocabulary() -> None:
    bins = Bins(contract(), {}, "b")
    assert bins.layout.shape == (2, 2, 5, 2, 2)
    assert bins.words("kind") == ("(null)", "(unknown)", "a", "b", "c")
    X = np.array([[1.0, np.nan, 0.0, 5.0], [1e300, np.nan, 1.0, -5.0]])
    (found,) = bins.count("1", X, np.array([0.1, 0.2]), np.zeros(2), np.array([DAY, DAY])).values()
    assert [item.tolist() for item in found.bins] == [[0, 2], [2, 0], [1, 1, 0, 0, 0], [0, 2]]
    assert found.below.sum() == found.above.sum() == 0

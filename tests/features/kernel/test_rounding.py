"""Rounding is half-even of the exact decimal value, one by one and over arrays."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.features.kernel.rounding import round_all, round_one


def by_definition(x: float, digits: int) -> float:
    with localcontext() as context:
        context.prec = 400
        return float(Decimal(x).quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_EVEN))


@pytest.mark.parametrize(
    ("x", "digits", "expected"),
    [
        (2.675, 2, 2.67),
        (0.125, 2, 0.12),
        (0.375, 2, 0.38),
        (0.5, 0, 0.0),
        (1.5, 0, 2.0),
        (2.5, 0, 2.0),
        (-2.5, 0, -2.0),
        (1.005, 2, 1.0),
        (4503599627370495.5, 0, 4503599627370496.0),
        (4503599627370497.5, 0, 4503599627370498.0),
        (1e300, 3, 1e300),
        (5e-324, 22, 0.0),
    ],
)
def test_rounding_at_its_edges(x: float, digits: int, expected: float) -> None:
    assert round_one(x, digits) == expected
    assert round_all(np.array([x]), digits).tolist() == [expected]


@settings(max_examples=1500, deadline=None)
@given(
    x=st.one_of(
        st.floats(allow_nan=False, allow_infinity=False),
        st.floats(-1e6, 1e6),
        st.integers(-(10**9), 10**9).map(lambda k: k / 1000),
        st.integers(-(10**6), 10**6).map(lambda k: k / 1024),
    ),
    digits=st.integers(0, 22),
)
def test_rounding_is_the_nearest_double_to_the_rounded_exact_decimal(x: float, digits: int) -> None:
    expected = by_definition(x, digits)
    assert round_one(x, digits) == expected
    assert round_all(np.array([x]), digits).tolist() == [expected]


def test_rounding_gives_the_same_bits_over_500_000_values_near_ties() -> None:
    rng = np.random.default_rng(7)
    for digits in (0, 1, 2, 3, 6):
        ties = (rng.integers(-(10**7), 10**7, 100_000) + 0.5) / 10**digits
        x = np.nextafter(ties, ties + rng.choice([-1.0, 0.0, 1.0], len(ties)))
        one = np.array([round_one(v, digits) for v in x.tolist()])
        assert np.array_equal(one.view(np.uint64), round_all(x, digits).view(np.uint64))


def test_a_null_stays_null_when_rounded() -> None:
    assert np.isnan(round_all(np.array([np.nan, 1.0]), 2)).tolist() == [True, False]

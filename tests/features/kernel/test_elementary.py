"""exp, log, power and sigmoid: the same bits for one and for many, and close to the truth."""

from __future__ import annotations

import math
from decimal import Context, Decimal, localcontext

import numpy as np
import pytest

from holdfast.features.kernel import elementary, elementary_columns
from holdfast.features.kernel.elementary_columns import Floats
from holdfast.features.kernel.sigmoid import sigmoid

MANY = 500_000
EDGES = [0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 0.5, 3.0, 5e-324, 1e-310, 1e300, -1e300, 1.7976931348623157e308, 2.0**60]
EDGES += [math.nan, math.inf, -math.inf, 709.782712893384, 709.7827128933841, -745.1332191019412, -745.2, 1 + 2**-52]
PRECISE = Context(prec=60, Emax=10**8, Emin=-(10**8))


def differing(one: list[float], many: Floats) -> int:
    """How many bits patterns differ; any NaN equals any other."""
    left = np.array(one)
    return int(((left.view(np.uint64) != many.view(np.uint64)) & ~(np.isnan(left) & np.isnan(many))).sum())


def test_exp_gives_the_same_bits_over_500_000_values() -> None:
    rng = np.random.default_rng(1)
    x = np.concatenate([rng.uniform(-750, 715, MANY // 2), rng.normal(0, 3, MANY // 2), EDGES])
    assert differing([elementary.exp(v) for v in x.tolist()], elementary_columns.exp(x)) == 0


def test_log_gives_the_same_bits_over_500_000_values() -> None:
    rng = np.random.default_rng(2)
    x = np.concatenate([np.ldexp(rng.uniform(0.5, 1, MANY), rng.integers(-1073, 1024, MANY)), EDGES])
    assert differing([elementary.log(v) for v in x.tolist()], elementary_columns.log(x)) == 0


def test_power_gives_the_same_bits_over_500_000_values() -> None:
    rng = np.random.default_rng(3)
    half = MANY // 2
    pairs = np.array([(a, b) for a in EDGES for b in EDGES]).T
    signs = rng.choice([1.0, -1.0], half)
    x = np.concatenate([np.exp(rng.uniform(-5, 5, half)) * signs, np.exp(rng.uniform(-300, 300, half)), pairs[0]])
    y = np.concatenate([rng.integers(-60, 60, half).astype(float), rng.uniform(-3, 3, half), pairs[1]])
    one = [elementary.power(a, b) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    assert differing(one, elementary_columns.power(x, y)) == 0


def test_sigmoid_gives_the_same_bits_over_500_000_values() -> None:
    x = np.concatenate([np.random.default_rng(4).normal(0, 8, MANY), EDGES])
    many = sigmoid(x)
    assert differing([sigmoid(v) for v in x.tolist()], many) == 0
    assert np.nanmin(many) >= 0.0
    assert np.nanmax(many) <= 1.0


def ulps(value: float, true: Decimal) -> float:
    return float(abs(Decimal(value) - true) / Decimal(math.ulp(value)))


def test_exp_log_and_power_are_within_one_unit_of_the_last_place() -> None:
    rng = np.random.default_rng(5)
    with localcontext(PRECISE):
        for x in rng.uniform(-744, 709.7, 1500).tolist() + rng.normal(0, 1, 1500).tolist():
            assert ulps(elementary.exp(x), Decimal(x).exp()) < 0.65
        for x in np.exp(rng.uniform(-744, 709, 1500)).tolist() + rng.uniform(0.5, 2, 1500).tolist():
            assert ulps(elementary.log(x), Decimal(x).ln()) < 0.9
        for x, t in zip(
            np.exp(rng.uniform(-300, 300, 1500)).tolist(), rng.uniform(-700, 700, 1500).tolist(), strict=True
        ):
            y = t / math.log(x)
            assert ulps(elementary.power(x, y), (Decimal(y) * Decimal(x).ln()).exp()) < 0.65


def test_whole_powers_that_are_doubles_are_exact() -> None:
    for base in range(2, 100):
        for exponent in range(1, 8):
            assert elementary.power(float(base), float(exponent)) == base**exponent
            assert elementary.power(float(-base), float(exponent)) == (-base) ** exponent
    assert elementary.power(9.0, 0.5) == 3.0


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        (0.0, 0.0, 1.0),
        (0.0, 2.0, 0.0),
        (-0.0, 3.0, 0.0),
        (5.0, 0.0, 1.0),
        (1.0, 1e300, 1.0),
        (-1.0, 3.0, -1.0),
        (-1.0, 2.0**53, 1.0),
        (2.0, -1074.0, 5e-324),
        (0.5, 1e300, 0.0),
        (2.0, 1023.0, 2.0**1023),
    ],
)
def test_power_at_its_edges(x: float, y: float, expected: float) -> None:
    assert elementary.power(x, y) == expected


@pytest.mark.parametrize(
    ("x", "y"),
    [(0.0, -1.0), (-8.0, 1 / 3), (2.0, 1024.0), (10.0, 400.0), (math.nan, 0.0), (1.0, math.nan), (math.inf, 1.0)],
)
def test_power_is_null_where_it_has_no_finite_value(x: float, y: float) -> None:
    assert math.isnan(elementary.power(x, y))


def test_exp_and_log_are_null_where_they_have_no_finite_value() -> None:
    for value in (elementary.exp(709.7827128933841), elementary.exp(math.inf), elementary.exp(math.nan)):
        assert math.isnan(value)
    for x in (0.0, -0.0, -1.0, math.inf, -math.inf, math.nan):
        assert math.isnan(elementary.log(x))
    assert elementary.exp(0.0) == 1.0
    assert elementary.exp(-746.0) == 0.0
    assert elementary.log(1.0) == 0.0

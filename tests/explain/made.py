"""Loans that are refused or not: a contract with everything explanations touch, a trained model, its bundle."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.bundle.bundle import Bundle
from holdfast.bundle.calibration import Calibration
from holdfast.bundle.golden import choose_golden
from holdfast.bundle.load import load
from holdfast.bundle.pack import pack
from holdfast.bundle.threshold import Threshold
from holdfast.contract import Contract, Events, boolean, category, days, decimal, feature, integer, text, timestamp
from holdfast.contract.model import Contract as Frozen
from holdfast.explain.reference import measure
from holdfast.training.fit import Fitted, Recipe, fit
from holdfast.training.profile import profile
from holdfast.training.rows import Rows

ROWS = 4_000
THRESHOLD = 0.4


@lru_cache
def contract() -> Frozen:
    loans = Events(
        "loans",
        id="loan_id",
        time="asked_at",
        fields={
            "loan_id": text(generated=True),
            "asked_at": timestamp(generated=True),
            "person_id": text(personal=True),
            "amount": decimal(scale=2, at_least=100, at_most=100_000, unit="EUR", changeable="down"),
            "months": integer(at_least=1, at_most=120, changeable="up", placeholders=(99,)),
            "income": decimal(scale=2, at_least=0, at_most=50_000, unit="EUR", personal=True, changeable="any"),
            "purpose": category("car", "home", "holiday", changeable="any"),
            "insured": boolean(changeable="any"),
            "years_employed": integer(at_least=0, at_most=60),
        },
    )
    default = loans.label("default", known_after=days(90))
    person = loans.per("person_id")
    return Contract(
        "loans",
        decide_on=loans,
        label=default,
        positive="refuse",
        features={
            "amount": feature(loans.amount, description="amount asked for", unit="EUR"),
            "months": loans.months,
            "income": feature(loans.income, unit="EUR"),
            "instalment_to_income": feature(loans.amount / loans.months / loans.income, group="affordability"),
            "amount_to_income": feature(loans.amount / loans.income, group="affordability"),
            "purpose": loans.purpose,
            "insured": loans.insured,
            "years_employed": feature(loans.years_employed, description="years in this employment"),
            "loans_30d": person.count(over=days(30)),
            "borrowed_30d": person.sum(loans.amount, over=days(30)),
            "borrowed_365d": person.sum(loans.amount, over=days(365), including_current=True),
        },
    ).freeze()


@lru_cache
def rows() -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    """Feature rows as the contract would make them, and who defaulted."""
    random = np.random.default_rng(5)
    amount = random.integers(10_000, 3_000_000, ROWS) / 100
    months = random.integers(6, 97, ROWS).astype(np.float64)
    income = random.integers(80_000, 900_000, ROWS) / 100
    employed = random.integers(0, 30, ROWS).astype(np.float64)
    purpose, insured = random.integers(2, 5, ROWS).astype(np.float64), random.integers(0, 2, ROWS).astype(np.float64)
    loans = random.poisson(0.5, ROWS).astype(np.float64)
    borrowed = loans * 2_000
    matrix = np.column_stack(
        [
            amount,
            months,
            income,
            amount / months / income,
            amount / income,
            purpose,
            insured,
            employed,
            loans,
            borrowed,
            3 * borrowed + amount,
        ]
    )
    risk = 6 * matrix[:, 3] + 0.15 * matrix[:, 4] + 0.5 * loans - 0.06 * employed + 0.8 * (purpose == 4) - 0.5 * insured
    y = risk + random.logistic(0, 0.7, ROWS) > 2.0
    return matrix, y.astype(np.int8)


@lru_cache
def fitted(family: Any = "lightgbm", **params: Any) -> Fitted:
    """The model that every bundle of a test process shares."""
    matrix, y = rows()
    return fit(Recipe(family, params, 1, 1, False, (5,)), matrix, y)


def packed(home: Path, *, reference: str | None = "approved", family: str = "lightgbm") -> str:
    """The bundle of the model, under its hash in the project's folder; answers the hash."""
    made, (matrix, y) = fitted(family, **({"n_estimators": 60} if family == "lightgbm" else {})), rows()
    calibration, times = Calibration(), np.arange(ROWS, dtype=np.int64)
    probability = calibration.apply(made.predictor.scores(matrix), made.spec.link)
    names = tuple(item.name for item in contract().features)
    learned = Rows(np.array([f"l{i}" for i in range(ROWS)]), times, matrix, y, times, names)
    categories = [item.expr.kind == "category" for item in contract().features]
    against = (
        measure(made.predictor, matrix, probability, THRESHOLD, categories, reference, rows=200) if reference else None
    )
    place = home / "bundles" / "packing"
    name = pack(
        place,
        contract=contract(),
        model=made.spec,
        calibration=calibration,
        threshold=Threshold(THRESHOLD),
        golden_rows=choose_golden(matrix, 50),
        profile=profile(contract(), learned, probability, y, THRESHOLD),
        environment="",
        card="",
        training={},
        reference=against,
    )
    place.rename(home / "bundles" / name)
    return name


def bundle(home: Path, **more: Any) -> Bundle:
    (home / "bundles").mkdir(parents=True, exist_ok=True)
    name = packed(home, **more)
    return load(home / "bundles" / name, expect=name)


def loan(number: int, **changes: Any) -> dict[str, Any]:
    """A body; the numbers spread over what the model was trained on."""
    random = np.random.default_rng(number)
    body: dict[str, Any] = {
        "loan_id": f"loan-{number}",
        "person_id": f"person-{number}",
        "amount": int(random.integers(500_000, 3_000_000)) / 100,
        "months": int(random.integers(6, 60)),
        "income": int(random.integers(80_000, 400_000)) / 100,
        "purpose": ("car", "home", "holiday")[int(random.integers(3))],
        "insured": bool(random.integers(2)),
        "years_employed": int(random.integers(0, 10)),
    }
    return body | changes

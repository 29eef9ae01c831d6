"""A lender under test: a project with protected fields that are no features, amounts that can be asked for otherwise,
one window, and a version that is registered. Made once in a process; tests that write take a copy."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from holdfast.checks.check import Answer, Check
from holdfast.checks.journey import subject_of
from holdfast.checks.limits import Limits
from holdfast.checks.subject import Subject
from holdfast.checks.verdict import Asked, examine
from holdfast.project.project import Project
from holdfast.project.train import train

CONTRACT = """
from holdfast.contract import Contract, Events, category, days, decimal, feature, integer, text, timestamp

loans = Events(
    "loans",
    id="loan_id",
    time="asked_at",
    fields={
        "loan_id": text(generated=True),
        "asked_at": timestamp(generated=True),
        "person": text(personal=True),
        "e_mail": text(personal=True, nullable=True),
        "income": decimal(scale=2, above=0, unit="EUR"),
        "amount": decimal(scale=2, above=0, unit="EUR", changeable="down"),
        "months": integer(at_least=1, at_most=120, changeable="up"),
        "purpose": category("car", "home", "other"),
        "sex": category("female", "male", protected=True),
        "age": integer(at_least=18, at_most=100, protected=True),
    },
)
default = loans.label("default", known_after=days(30))
person = loans.per("person")
contract = Contract(
    "lender",
    decide_on=loans,
    label=default,
    description="Whether a loan will not be paid back.",
    positive="refuse",
    features={
        "income": feature(loans.income, description="income in a year", unit="EUR"),
        "amount": feature(loans.amount, description="amount asked for", unit="EUR"),
        "rate": feature(loans.amount / loans.months, description="instalment of a month", unit="EUR"),
        "purpose": feature(loans.purpose, description="what it is for"),
        "asked_before": feature(person.count(over=days(90)), description="loans asked for in 90 days"),
    },
)
"""
SETTINGS = """
name = "lender"
contract = "contract.py"
[inputs]
loans = "data/loans.parquet"
[training]
family = "lightgbm"
params = { num_iterations = 40, num_leaves = 7, min_data_in_leaf = 40 }
split = "hash"
validation = "stratified"
folds = 2
bootstrap = 20
threshold = "cost"
cost_false_positive = 1.0
cost_false_negative = 4.0
seed = 5
[checks]
use_case = "credit"
"""


def loans(rows: int = 3_000, seed: int = 1) -> pa.Table:
    """Sex and age have nothing to do with the outcome."""
    chance = np.random.default_rng(seed)
    income = np.round(np.exp(chance.normal(10.3, 0.5, rows)), 2)
    amount = np.round(np.exp(chance.normal(9.0, 0.7, rows)), 2)
    months = chance.integers(6, 97, rows)
    purpose = chance.choice(["car", "home", "other"], rows)
    strain = np.log(12 * amount / months / income) + 0.6 * (purpose == "other") + chance.normal(0, 0.7, rows)
    start = datetime(2025, 1, 1, tzinfo=UTC)
    return pa.table(
        {
            "loan_id": [f"l{at:05d}" for at in range(rows)],
            "asked_at": pa.array(
                [start + timedelta(seconds=int(at)) for at in np.sort(chance.integers(0, 200 * 86_400, rows))],
                type=pa.timestamp("us", tz="UTC"),
            ),
            "person": [f"person-{at}" for at in chance.integers(0, rows // 3, rows)],
            "e_mail": [f"p{at}@example.org" for at in range(rows)],
            "income": pa.array([f"{value:.2f}" for value in income]),
            "amount": pa.array([f"{value:.2f}" for value in amount]),
            "months": months,
            "purpose": purpose,
            "sex": chance.choice(["female", "male"], rows),
            "age": chance.integers(18, 80, rows),
            "default": strain > np.quantile(strain, 0.8),
        }
    )


def make(folder: Path, data: pa.Table, contract: str = CONTRACT, settings: str = SETTINGS) -> Project:
    """A project with version 1."""
    (folder / "data").mkdir(parents=True)
    (folder / "contract.py").write_text(contract)
    (folder / "holdfast.toml").write_text(settings)
    pq.write_table(data, folder / "data" / "loans.parquet")
    project = Project.open(folder)
    train(project)
    return project


@cache
def made(seed: int = 1) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="lender-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    make(folder / "lender", loans(seed=seed))
    return folder / "lender"


@cache
def clean() -> Subject:
    """Version 1 as it was made; look, and write nothing."""
    return subject_of(Project.open(made()), "1")


def copied(folder: Path) -> Subject:
    """The same in a folder of the test's own. Its registry is still the first one's store of artifacts."""
    shutil.copytree(made(), folder / "lender")
    return subject_of(Project.open(folder / "lender"), "1")


def asked(subject: Subject, *checks: Check, limits: Limits | None = None) -> list[Asked]:
    return list(examine(subject, checks, limits or Limits(), clock=lambda: 1_800_000_000.0).asked)


def answer(subject: Subject, check: Check, limits: Limits | None = None, beside: Sequence[Check] = ()) -> Answer:
    """What one check says, asked with others beside it."""
    (found,) = (item.answer for item in asked(subject, *beside, check, limits=limits) if item.check is check)
    return found

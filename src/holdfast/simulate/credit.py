"""Loan applications with 189 fields and whether each was repaid: wide, with gaps, and of middling difficulty."""

from __future__ import annotations

import numpy as np

from holdfast.errors import HoldfastError
from holdfast.simulate.table import DAY, Cells, Table, names, only, this_minute

CONTRACTS = ("cash", "revolving")
SEXES = ("female", "male")
EDUCATIONS = ("lower_secondary", "secondary", "incomplete_higher", "higher", "academic")
FAMILIES = ("single", "married", "civil_union", "separated", "widowed")
HOUSINGS = ("own", "rented", "with_parents", "municipal", "office")
INCOMES = ("employed", "self_employed", "pensioner", "public_service", "student", "unemployed")
OCCUPATIONS = ("labour", "sales", "office", "management", "technical", "medical", "driving", "security", "other")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

VOCABULARIES = {
    "contract_type": CONTRACTS,
    "sex": SEXES,
    "education": EDUCATIONS,
    "family_status": FAMILIES,
    "housing": HOUSINGS,
    "income_type": INCOMES,
    "occupation": OCCUPATIONS,
    "weekday": WEEKDAYS,
}
"""8 categories."""

MONEY = ("income", "credit", "annuity", "goods_price")
COUNTS = ("children", "family_members", "hour_of_application", "region_rating")
AGES = ("age_days", "employed_days", "registered_days", "id_published_days", "phone_changed_days")
"""Days before the application."""
EXTERNAL = ("external_score_1", "external_score_2", "external_score_3")
"""From 0 to 1, higher is safer; often missing."""
FLAGS = (
    "owns_car",
    "owns_home",
    "has_mobile",
    "has_work_phone",
    "has_home_phone",
    "has_email",
    "lives_elsewhere",
    "works_elsewhere",
)
DOCUMENTS = tuple(f"document_{number:02d}" for number in range(1, 21))
BUILDING = tuple(
    f"building_{part}_{statistic}"
    for part in (
        "apartments",
        "basement",
        "built_years",
        "common_area",
        "elevators",
        "entrances",
        "floors",
        "land_area",
        "living_area",
        "other_area",
    )
    for statistic in ("mean", "median", "mode")
)
HISTORY = tuple(
    f"{origin}_{measure}_{statistic}"
    for origin in ("bureau", "previous", "instalments", "cards", "cash")
    for measure in ("amount", "overdue", "days", "share_paid")
    for statistic in ("mean", "max", "min", "sum", "last")
)
"""100 summaries of what other lenders and earlier loans tell; missing for who has none."""
ENQUIRIES = tuple(f"enquiries_{span}" for span in ("hour", "day", "week", "month", "quarter", "year"))
CAR = ("car_age_years",)

FIELDS = (*VOCABULARIES, *MONEY, *COUNTS, *AGES, *EXTERNAL, *FLAGS, *DOCUMENTS, *BUILDING, *HISTORY, *ENQUIRIES, *CAR)
"""The 189 fields, in the order of the contract."""


def applications(rows: int = 20_000, *, days: int = 730, end: int | None = None, seed: int = 11) -> Table:
    """Applications over the `days` before `end` (µs UTC), in order of time, about 8 % not repaid.

    `default` is known for applications older than 90 days and null for newer ones.
    """
    if rows < 1 or days < 1:
        raise HoldfastError("cannot simulate that", where="simulate.credit", mend="rows and days >= 1")
    rng = np.random.default_rng(seed)
    stop = this_minute() if end is None else end
    moment = np.sort(stop - rng.integers(1, days * 86_400, rows) * 1_000_000)
    risk = rng.normal(0, 1, rows)  # never shown: only its traces are
    columns: dict[str, Cells] = {"application_id": names("app", np.arange(1, rows + 1), 7), "applied_at": moment}
    columns |= _categories(rng, risk)
    columns |= _money(rng, risk)
    columns |= _person(rng, risk)
    columns |= _traces(rng, risk)
    odds = -3.3 + 1.6 * risk + 0.35 * (columns["credit"] / columns["income"] - 3.0).clip(-3, 6) / 3
    default = rng.random(rows) < 1 / (1 + np.exp(-odds))
    known = moment + 90 * DAY
    columns["default"] = default.astype(object)
    columns["default_received_at"] = known
    table = Table(columns, dict.fromkeys(MONEY, 2), frozenset({"applied_at", "default_received_at"}))
    return table.known("default", stop)


def _categories(rng: np.random.Generator, risk: Cells) -> dict[str, Cells]:
    columns: dict[str, Cells] = {}
    for name, words in VOCABULARIES.items():
        pull = 0.0 if name in ("sex", "weekday") else 0.25
        place = (rng.beta(1.5, 2.5, len(risk)) + pull * np.tanh(risk) / 4).clip(0, 0.999)
        columns[name] = np.array(words, dtype=object)[(place * len(words)).astype(np.int64)]
    columns["occupation"] = only(rng.random(len(risk)) >= 0.3, columns["occupation"])
    return columns


def _money(rng: np.random.Generator, risk: Cells) -> dict[str, Cells]:
    rows = len(risk)
    income = rng.lognormal(10.4, 0.5, rows) * np.exp(-0.10 * risk)
    credit = income * rng.lognormal(1.0, 0.6, rows) * np.exp(0.06 * risk)
    annuity = credit / rng.uniform(10, 30, rows)
    price = credit * rng.uniform(0.8, 1.0, rows)
    amounts = zip(MONEY, (income, credit, annuity, price), strict=True)
    return {name: np.rint(value * 100).astype(np.int64) for name, value in amounts}


def _person(rng: np.random.Generator, risk: Cells) -> dict[str, Cells]:
    rows = len(risk)
    children = rng.poisson(0.5, rows)
    age = (rng.uniform(21, 68, rows) - 1.5 * np.tanh(risk)).clip(20, 70) * 365
    worked = (rng.exponential(6, rows) * np.exp(-0.2 * risk) * 365).clip(0, age - 18 * 365)
    columns: dict[str, Cells] = {
        "children": children,
        "family_members": children + rng.integers(1, 3, rows),
        "hour_of_application": rng.binomial(23, 0.52, rows),
        "region_rating": 1 + rng.binomial(2, 0.5, rows),
        "age_days": age.astype(np.int64),
        "employed_days": worked.astype(np.int64),
        "registered_days": rng.integers(0, 9_000, rows),
        "id_published_days": rng.integers(0, 6_000, rows),
        "phone_changed_days": rng.integers(0, 4_000, rows),
    }
    for name, shown, missing in zip(EXTERNAL, (0.55, 0.75, 0.65), (0.55, 0.02, 0.2), strict=True):
        score = 1 / (1 + np.exp(shown * risk + rng.normal(0, 1, rows)))
        columns[name] = np.where(rng.random(rows) < missing, np.nan, score.round(6))
    for name in FLAGS:
        columns[name] = rng.random(rows) < rng.uniform(0.1, 0.9)
    for name in DOCUMENTS:
        columns[name] = rng.random(rows) < rng.uniform(0.001, 0.2)
    return columns


def _traces(rng: np.random.Generator, risk: Cells) -> dict[str, Cells]:
    rows = len(risk)
    columns: dict[str, Cells] = {}
    without = rng.random(rows) < 0.5
    for name in BUILDING:
        columns[name] = np.where(without, np.nan, rng.beta(2, 5, rows).round(4))
    for origin in ("bureau", "previous", "instalments", "cards", "cash"):
        absent = rng.random(rows) < 0.2
        for name in (field for field in HISTORY if field.startswith(f"{origin}_")):
            value = np.exp(rng.uniform(-0.05, 0.3) * risk + rng.normal(0, 1, rows) + 3).round(3)
            columns[name] = np.where(absent, np.nan, value)
    for name in ENQUIRIES:
        columns[name] = rng.poisson(np.exp(0.15 * risk) * rng.uniform(0.05, 1.5))
    columns["car_age_years"] = np.where(rng.random(rows) < 0.66, np.nan, rng.integers(0, 40, rows).astype(float))
    return columns

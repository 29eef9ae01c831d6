"""What the credit model may know: 189 facts of one application and five ratios made of them."""

from typing import Literal

from holdfast.contract import Contract, Events, boolean, category, days, decimal, integer, real, text, timestamp

VOCABULARIES = {
    "contract_type": ("cash", "revolving"),
    "sex": ("female", "male"),
    "education": ("lower_secondary", "secondary", "incomplete_higher", "higher", "academic"),
    "family_status": ("single", "married", "civil_union", "separated", "widowed"),
    "housing": ("own", "rented", "with_parents", "municipal", "office"),
    "income_type": ("employed", "self_employed", "pensioner", "public_service", "student", "unemployed"),
    "occupation": (
        "labour", "sales", "office", "management", "technical", "medical", "driving", "security", "other",
    ),
    "weekday": ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
}  # fmt: skip
MONEY = ("income", "credit", "annuity", "goods_price")
ASKED: dict[str, Literal["any", "down"]] = {"credit": "down", "annuity": "any", "goods_price": "down"}
"""What an applicant could ask for otherwise; all else is as life has made it."""
COUNTS = ("children", "family_members", "hour_of_application", "region_rating")
AGES = ("age_days", "employed_days", "registered_days", "id_published_days", "phone_changed_days")
EXTERNAL = ("external_score_1", "external_score_2", "external_score_3")
FLAGS = (
    "owns_car", "owns_home", "has_mobile", "has_work_phone", "has_home_phone", "has_email", "lives_elsewhere",
    "works_elsewhere", *(f"document_{number:02d}" for number in range(1, 21)),
)  # fmt: skip
PARTS = (
    "apartments", "basement", "built_years", "common_area", "elevators", "entrances", "floors", "land_area",
    "living_area", "other_area",
)  # fmt: skip
BUILDING = [f"building_{part}_{statistic}" for part in PARTS for statistic in ("mean", "median", "mode")]
HISTORY = [
    f"{origin}_{measure}_{statistic}"
    for origin in ("bureau", "previous", "instalments", "cards", "cash")
    for measure in ("amount", "overdue", "days", "share_paid")
    for statistic in ("mean", "max", "min", "sum", "last")
]
ENQUIRIES = [f"enquiries_{span}" for span in ("hour", "day", "week", "month", "quarter", "year")]

facts = {
    **{
        name: category(*words, nullable=True, on_unknown="unknown", protected=name == "sex")
        for name, words in VOCABULARIES.items()
    },
    **{
        name: decimal(scale=2, above=0, unit="EUR", rounding="half_even", changeable=ASKED.get(name, ""))
        for name in MONEY
    },
    **{name: integer(at_least=0, at_most=1_000, nullable=True) for name in COUNTS},
    **{name: integer(at_least=0, nullable=True, placeholders=(365_243,), unit="days") for name in AGES},
    **{name: real(at_least=0, at_most=1, nullable=True) for name in EXTERNAL},
    **{name: boolean() for name in FLAGS},
    **{name: real(nullable=True) for name in (*BUILDING, *HISTORY)},
    **{name: integer(at_least=0, nullable=True) for name in ENQUIRIES},
    "car_age_years": real(at_least=0, nullable=True),
}

applications = Events(
    "applications",
    id="application_id",
    time="applied_at",
    fields={"application_id": text(generated=True), "applied_at": timestamp(generated=True), **facts},
)
default = applications.label("default", known_after=days(90), received_at="default_received_at")

contract = Contract(
    "credit",
    decide_on=applications,
    label=default,
    positive="reject",
    probability="default_probability",
    features={
        **{name: applications[name] for name in facts},
        "credit_to_income": applications["credit"] / applications["income"],
        "annuity_to_income": applications["annuity"] / applications["income"],
        "years_to_repay": applications["credit"] / (applications["annuity"] * 12),
        "employed_share_of_life": applications["employed_days"] / applications["age_days"],
        "income_per_head": applications["income"] / applications["family_members"],
    },
)

"""Who will not repay: what a German bank knew of an applicant in the 1970s, in the codes of the data's description.

Class 2, bad, is the positive. The codes (A11 …) are kept as the data has them; the description tells what they mean.
"""

from holdfast.contract import Contract, Events, category, days, feature, integer, text, timestamp
from holdfast.contract.fields import FieldSpec


def codes(attribute: int, last: int, *, protected: bool = False, description: str = "") -> FieldSpec:
    """An attribute's codes: A11, A12 … for attribute 1."""
    words = [f"A{attribute}{at}" for at in range(0 if attribute in (3, 4) else 1, last + 1)]
    return category(*words, on_unknown="unknown", protected=protected, description=description)


FACTS = {
    "checking_status": codes(1, 4, description="balance of the checking account; A14 none"),
    "credit_history": codes(3, 4, description="credits taken and repaid before"),
    "purpose": codes(4, 10, description="what the credit is for"),
    "savings": codes(6, 5, description="savings; A65 unknown or none"),
    "employment": codes(7, 5, description="employed since"),
    "other_debtors": codes(10, 3, description="co-applicant or guarantor"),
    "property": codes(12, 4, description="the most valuable property"),
    "other_installment_plans": codes(14, 3),
    "housing": codes(15, 3),
    "job": codes(17, 4),
    "telephone": codes(19, 2),
    "duration": integer(above=0, at_most=120, unit="months"),
    "credit_amount": integer(above=0, unit="DM", changeable="down"),
    "installment_rate": integer(at_least=1, at_most=4, description="instalment of disposable income, in four steps"),
    "residence_since": integer(at_least=1, at_most=4),
    "existing_credits": integer(at_least=1, at_most=9),
    "num_dependents": integer(at_least=1, at_most=9),
}

applications = Events(
    "applications",
    id="id",
    time="decided_at",
    fields={
        "id": text(),
        "decided_at": timestamp(),
        **FACTS,
        "personal_status_sex": codes(9, 5, protected=True, description="A92 and A95 female, the others male"),
        "age": integer(at_least=18, at_most=120, protected=True, unit="years"),
        "foreign_worker": codes(20, 2, protected=True, description="A201 yes"),
    },
)
bad = applications.label("bad", known_after=days(365))

contract = Contract(
    "german_credit",
    decide_on=applications,
    label=bad,
    positive="refuse",
    probability="bad_probability",
    features={
        # Sex and marital status, age and being foreign stay out: no decision should stand on them.
        **{name: applications[name] for name in FACTS},
        "amount_a_month": feature(applications.credit_amount / applications.duration, unit="DM"),
    },
)

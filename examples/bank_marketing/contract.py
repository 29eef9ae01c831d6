"""Who will take a term deposit when called: what a Portuguese bank knew of a client before each call.

`duration`, how long the call took, is in the data and is no field: it is known when the call is over, and with it the
answer. `pdays` -1 stands for a client never called before and is read as missing.
"""

from holdfast.contract import Contract, Events, category, hours, integer, text, timestamp, when

JOBS = (
    "admin.", "blue-collar", "entrepreneur", "housemaid", "management", "retired", "self-employed", "services",
    "student", "technician", "unemployed", "unknown",
)  # fmt: skip

calls = Events(
    "calls",
    id="id",
    time="decided_at",
    fields={
        "id": text(),
        "decided_at": timestamp(),
        "job": category(*JOBS, on_unknown="unknown", description="unknown: not told"),
        "education": category(
            "primary", "secondary", "tertiary", "unknown", on_unknown="unknown", description="unknown: not told"
        ),
        "balance": integer(unit="EUR", description="mean balance over the year"),
        "default": category("no", "yes", description="has credit in default"),
        "housing": category("no", "yes", description="has a housing loan"),
        "loan": category("no", "yes", description="has a personal loan"),
        "contact": category("cellular", "telephone", "unknown", description="unknown: not written down"),
        "campaign": integer(at_least=1, description="calls of this campaign, with this one"),
        "pdays": integer(at_least=0, nullable=True, placeholders=(-1,), unit="days"),
        "previous": integer(at_least=0, description="calls before this campaign"),
        "poutcome": category(
            "failure", "other", "success", "unknown", description="of the campaign before; unknown: there was none"
        ),
        "age": integer(at_least=16, at_most=120, protected=True, unit="years"),
        "marital": category("divorced", "married", "single", protected=True),
    },
)
subscribed = calls.label("subscribed", known_after=hours(24))

contract = Contract(
    "bank_marketing",
    decide_on=calls,
    label=subscribed,
    positive="call",
    probability="subscription_probability",
    features={
        # Age and marital status stay out: what they add is not what an offer should stand on.
        "job": calls.job,
        "education": calls.education,
        "balance": calls.balance,
        "in_default": calls["default"],
        "housing": calls.housing,
        "loan": calls.loan,
        "contact": calls.contact,
        "campaign": calls.campaign,
        "days_since_call": calls.pdays,
        "previous": calls.previous,
        "poutcome": calls.poutcome,
        "in_debt": when(calls.balance < 0, 1).otherwise(0),
        "calls_before": calls.previous + calls.campaign,
    },
)

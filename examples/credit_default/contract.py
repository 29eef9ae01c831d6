"""Who will not pay next month: what a bank knew of a card customer at the end of September 2005.

The data has codes its description does not know (EDUCATION 0, 5, 6; MARRIAGE 0): they are read as unknown, with a
warning, and never silently as something else. PAY_n is the repayment status n months back; its description lists -1 and
1 to 9, and the data has -2 and 0 besides (nothing to pay, and the minimum paid, as its readers found out).
"""

from holdfast.contract import (
    Contract,
    Events,
    category,
    coalesce,
    days,
    feature,
    greatest,
    integer,
    text,
    timestamp,
    when,
)

MONTHS = (0, 2, 3, 4, 5, 6)  # the data calls September 0 and August 2
LATEST = range(1, 7)
STATUS = "-1 paid duly, 1 to 9 so many months late"  # all that the data's description says

customers = Events(
    "customers",
    id="ID",
    time="decided_at",
    fields={
        "ID": text(),
        "decided_at": timestamp(),
        "LIMIT_BAL": integer(above=0, unit="TWD"),
        "SEX": category("1", "2", protected=True, description="1 male, 2 female"),
        "EDUCATION": category("1", "2", "3", "4", on_unknown="unknown"),
        "MARRIAGE": category("1", "2", "3", on_unknown="unknown", protected=True),
        "AGE": integer(at_least=18, at_most=120, protected=True),
        **{f"PAY_{month}": integer(at_least=-2, at_most=9, description=STATUS) for month in MONTHS},
        **{f"BILL_AMT{month}": integer(unit="TWD") for month in LATEST},
        **{f"PAY_AMT{month}": integer(at_least=0, unit="TWD") for month in LATEST},
    },
)
default = customers.label("default payment next month", known_after=days(31))

status = [customers[f"PAY_{month}"] for month in MONTHS]
bills = [customers[f"BILL_AMT{month}"] for month in LATEST]
paid = [customers[f"PAY_AMT{month}"] for month in LATEST]
limit = customers.LIMIT_BAL

contract = Contract(
    "credit_default",
    decide_on=customers,
    label=default,
    positive="will_default",
    probability="default_probability",
    features={
        # Sex, marriage and age stay out: what they add is not what a decision should stand on.
        "limit": feature(limit, description="credit line", unit="TWD"),
        "education": customers.EDUCATION,
        **{f"status_{month}": item for month, item in zip(MONTHS, status, strict=True)},
        **{f"bill_{month}": item for month, item in zip(LATEST, bills, strict=True)},
        **{f"paid_{month}": item for month, item in zip(LATEST, paid, strict=True)},
        "worst_status": greatest(*status),
        "months_late": sum(
            (when(item > 0, 1).otherwise(0) for item in status[1:]), when(status[0] > 0, 1).otherwise(0)
        ),
        "use_of_limit": bills[0] / limit,
        "use_of_limit_before": bills[5] / limit,
        "growth_of_debt": (bills[0] - bills[5]) / limit,
        "paid_of_bill": coalesce(paid[0] / bills[1], 1),
        "paid_of_limit": (paid[0] + paid[1] + paid[2] + paid[3] + paid[4] + paid[5]) / limit,
        "lateness_of_limit": greatest(*status) * bills[0] / limit,
    },
)

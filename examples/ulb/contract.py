"""The fraud detection handbook's 15 features of a card payment, each with the time it could first be known.

Customers' windows hold the payment itself; terminals' windows end seven days before it, because that is how long a
fraud takes to be found.
"""

from holdfast.contract import Contract, Events, days, decimal, integer, text, timestamp

payments = Events(
    "payments",
    id="TRANSACTION_ID",
    time="TX_DATETIME",
    fields={
        "TRANSACTION_ID": text(),
        "TX_DATETIME": timestamp(zone="UTC"),
        "CUSTOMER_ID": integer(personal=True),
        "TERMINAL_ID": integer(),
        "TX_AMOUNT": decimal(scale=2),  # 42 payments of the data are not above zero
    },
)
fraud = payments.label("TX_FRAUD", known_after=days(7))

customer = payments.per("CUSTOMER_ID")
terminal = payments.per("TERMINAL_ID")
amount = payments.TX_AMOUNT
week = days(7)

contract = Contract(
    "ulb",
    decide_on=payments,
    label=fraud,
    features={
        "TX_AMOUNT": amount,
        "TX_DURING_WEEKEND": payments.TX_DATETIME.weekday() >= 5,
        "TX_DURING_NIGHT": payments.TX_DATETIME.hour() <= 6,
        "CUSTOMER_ID_NB_TX_1DAY_WINDOW": customer.count(over=days(1), including_current=True),
        "CUSTOMER_ID_AVG_AMOUNT_1DAY_WINDOW": customer.mean(amount, over=days(1), including_current=True),
        "CUSTOMER_ID_NB_TX_7DAY_WINDOW": customer.count(over=days(7), including_current=True),
        "CUSTOMER_ID_AVG_AMOUNT_7DAY_WINDOW": customer.mean(amount, over=days(7), including_current=True),
        "CUSTOMER_ID_NB_TX_30DAY_WINDOW": customer.count(over=days(30), including_current=True),
        "CUSTOMER_ID_AVG_AMOUNT_30DAY_WINDOW": customer.mean(amount, over=days(30), including_current=True),
        "TERMINAL_ID_NB_TX_1DAY_WINDOW": terminal.count(over=days(1), ending=week),
        "TERMINAL_ID_RISK_1DAY_WINDOW": terminal.mean(fraud, over=days(1), ending=week, otherwise=0),
        "TERMINAL_ID_NB_TX_7DAY_WINDOW": terminal.count(over=days(7), ending=week),
        "TERMINAL_ID_RISK_7DAY_WINDOW": terminal.mean(fraud, over=days(7), ending=week, otherwise=0),
        "TERMINAL_ID_NB_TX_30DAY_WINDOW": terminal.count(over=days(30), ending=week),
        "TERMINAL_ID_RISK_30DAY_WINDOW": terminal.mean(fraud, over=days(30), ending=week, otherwise=0),
    },
)

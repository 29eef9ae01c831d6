"""Our own view of the same payments: a customer's habits, how this amount departs from them, the terminal's past.

Frauds of three kinds are in the data: very large amounts, terminals that stay compromised for weeks, and customers
whose stolen card is used at several times the usual amounts.
"""

from holdfast.contract import Contract, Events, coalesce, days, decimal, hours, integer, log, text, timestamp

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

usual = customer.mean(amount, over=days(90))
before = customer.mean(amount, over=days(120), ending=days(14))
spread_before = customer.std(amount, over=days(120), ending=days(14), at_least=5)
most_3d = customer.max(amount, over=days(3), including_current=True)
most_7d = customer.max(amount, over=days(7), including_current=True)
spread = customer.std(amount, over=days(90), at_least=5)
latest = customer.mean(amount, over=days(7))
large = amount > 220

contract = Contract(
    "ulb_best",
    decide_on=payments,
    label=fraud,
    features={
        "amount": amount,
        "is_large": large,
        "hour": payments.TX_DATETIME.hour(),
        # The customer's habits, and this payment against them.
        "customer_payments_1d": customer.count(over=days(1)),
        "customer_payments_7d": customer.count(over=days(7)),
        "customer_payments_30d": customer.count(over=days(30)),
        "customer_usual": usual,
        "customer_spread": spread,
        "customer_largest_90d": customer.max(amount, over=days(90)),
        "customer_largest_14d_before": customer.max(amount, over=days(60), ending=days(14)),
        "amount_to_usual": amount / usual,
        "amount_deviation": (amount - usual) / spread,
        "amount_to_largest_before": amount / customer.max(amount, over=days(60), ending=days(14)),
        "amount_to_before": amount / before,
        "amount_deviation_before": (amount - before) / spread_before,
        "most_3d_deviation": (most_3d - before) / spread_before,
        "most_7d_deviation": (most_7d - before) / spread_before,
        "mean_3d_to_before": customer.mean(amount, over=days(3), including_current=True) / before,
        "customer_payments_today": customer.count(over=hours(24), including_current=True),
        "log_amount_to_usual": log(coalesce(amount / usual, 1)),
        # The last two weeks against the time before: a stolen card is used for two weeks.
        "customer_amount_1d": customer.mean(amount, over=days(1), including_current=True),
        "customer_amount_3d": customer.mean(amount, over=days(3), including_current=True),
        "customer_amount_7d": latest,
        "customer_largest_3d": customer.max(amount, over=days(3), including_current=True),
        "customer_largest_7d": customer.max(amount, over=days(7), including_current=True),
        "customer_largest_14d": customer.max(amount, over=days(14), including_current=True),
        "week_to_before": latest / customer.mean(amount, over=days(60), ending=days(14)),
        "largest_to_before": customer.max(amount, over=days(14), including_current=True)
        / customer.max(amount, over=days(60), ending=days(14)),
        "deviation_14d": customer.std(amount, over=days(14), including_current=True)
        / customer.std(amount, over=days(60), ending=days(14)),
        "customer_seconds_since_last": customer.seconds_since_last(over=days(30)),
        # The terminal: frauds that were known by now, and how recent.
        "terminal_frauds_1d": terminal.sum(fraud, over=days(1), ending=week),
        "terminal_frauds_3d": terminal.sum(fraud, over=days(3), ending=week),
        "terminal_frauds_7d": terminal.sum(fraud, over=days(7), ending=week),
        "terminal_frauds_14d": terminal.sum(fraud, over=days(14), ending=week),
        "terminal_frauds_21d": terminal.sum(fraud, over=days(21), ending=week),
        "terminal_frauds_60d": terminal.sum(fraud, over=days(60), ending=week),
        "terminal_risk_3d": terminal.mean(fraud, over=days(3), ending=week),
        "terminal_risk_7d": terminal.mean(fraud, over=days(7), ending=week),
        "terminal_risk_14d": terminal.mean(fraud, over=days(14), ending=week),
        "terminal_risk_21d": terminal.mean(fraud, over=days(21), ending=week),
        "terminal_labelled_3d": terminal.count(fraud, over=days(3), ending=week),
        "terminal_labelled_21d": terminal.count(fraud, over=days(21), ending=week),
        "terminal_frauds_before_21d": terminal.sum(fraud, over=days(35), ending=days(28)),
        "terminal_risk_before_21d": terminal.mean(fraud, over=days(60), ending=days(28)),
        "terminal_payments_1d": terminal.count(over=days(1)),
        "terminal_payments_7d": terminal.count(over=days(7)),
        "terminal_payments_30d": terminal.count(over=days(30)),
        "terminal_amount_7d": terminal.mean(amount, over=days(7)),
        "terminal_seconds_since_last": terminal.seconds_since_last(over=days(30)),
        "terminal_payments_6h": terminal.count(over=hours(6)),
        # The customer's own frauds that are known, and at terminals visited.
        "customer_frauds_14d": customer.sum(fraud, over=days(14), ending=week),
        "customer_frauds_30d": customer.sum(fraud, over=days(30), ending=week),
        "customer_risk_30d": customer.mean(fraud, over=days(30), ending=week),
    },
)

"""What the card model may know, and when: customers have habits, terminals have histories, frauds are told late."""

from holdfast.contract import Contract, Events, category, days, decimal, hours, minutes, text, timestamp

payments = Events(
    "payments",
    id="payment_id",
    time="occurred_at",
    fields={
        "payment_id": text(),
        "occurred_at": timestamp(),
        "customer_id": text(personal=True),
        "terminal_id": text(),
        "merchant_category": category("grocery", "restaurant", "retail", "online", "travel", on_unknown="unknown"),
        "entry_mode": category("chip", "contactless", "swipe", "online", on_unknown="unknown", changeable="any"),
        "amount": decimal(scale=2, above=0, at_most=50_000, unit="USD", changeable="down"),
    },
)
is_fraud = payments.label(
    "is_fraud", known_after=days(7), absent=False, final_after=days(14), received_at="is_fraud_received_at"
)

customer = payments.per("customer_id")
terminal = payments.per("terminal_id")
pair = payments.per("customer_id", "terminal_id")

usual = customer.mean(payments.amount, over=days(30), at_least=3)

contract = Contract(
    "cards",
    decide_on=payments,
    label=is_fraud,
    features={
        "amount": payments.amount,
        "hour": payments.occurred_at.hour(),
        "weekday": payments.occurred_at.weekday(),
        "merchant_category": payments.merchant_category,
        "entry_mode": payments.entry_mode,
        # How the card is used now.
        "customer_payments_10m": customer.count(over=minutes(10)),
        "customer_payments_1d": customer.count(over=days(1)),
        "customer_payments_30d": customer.count(over=days(30)),
        "customer_amount_1h": customer.sum(payments.amount, over=hours(1)),
        "customer_amount_1d": customer.sum(payments.amount, over=days(1)),
        "customer_seconds_since_last": customer.seconds_since_last(over=days(30)),
        "customer_terminals_7d": customer.distinct(payments.terminal_id, over=days(7)),
        # How it is used otherwise.
        "customer_usual_amount": usual,
        "customer_amount_deviation": customer.std(payments.amount, over=days(30), at_least=5),
        "customer_largest_30d": customer.max(payments.amount, over=days(30)),
        "amount_to_usual": payments.amount / usual,
        "customer_at_terminal_30d": pair.count(over=days(30)),
        # What has happened at this terminal.
        "terminal_payments_1d": terminal.count(over=days(1)),
        "terminal_usual_amount": terminal.mean(payments.amount, over=days(30), at_least=3),
        "terminal_fraud_rate_7d": terminal.mean(is_fraud, over=days(7), ending=days(7), otherwise=0.0),
        "terminal_fraud_rate_28d": terminal.mean(is_fraud, over=days(28), ending=days(7), otherwise=0.0),
    },
)

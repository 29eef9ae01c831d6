"""What the fraud model may know, and when."""

from holdfast.contract import Contract, Events, category, days, decimal, integer, text, timestamp

payments = Events(
    "payments",
    id="payment_id",
    time="occurred_at",
    fields={
        "payment_id": text(generated=True),
        "occurred_at": timestamp(generated=True),
        "amount": decimal(scale=2, above=0, at_most=50_000, unit="USD", rounding="half_even", changeable="down"),
        "hour": integer(at_least=0, at_most=23, description="hour of the day"),
        "day_of_week": integer(at_least=0, at_most=6, description="0 is Monday"),
        "merchant_category": category("grocery", "restaurant", "retail", "online", "travel"),
    },
)
is_fraud = payments.label(
    "is_fraud", known_after=days(7), absent=False, final_after=days(14), received_at="is_fraud_received_at"
)

merchant = payments.per("merchant_category")
usual = merchant.mean(payments.amount, over=days(30), at_least=10)

contract = Contract(
    "fraud",
    decide_on=payments,
    label=is_fraud,
    probability="fraud_probability",
    features={
        "amount": payments.amount,
        "hour": payments.hour,
        "day_of_week": payments.day_of_week,
        "merchant_category": payments.merchant_category,
        "merchant_average_amount": usual,
        "merchant_payments": merchant.count(over=days(30)),
        "merchant_fraud_rate": merchant.mean(is_fraud, over=days(30), ending=days(7), at_least=10),
        "amount_to_average": payments.amount / usual,
    },
)

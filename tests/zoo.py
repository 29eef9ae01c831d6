"""Contracts that other tests share, written in the language itself: small, real, and one that uses every construct."""

from __future__ import annotations

from functools import cache

from holdfast.contract import (
    Contract,
    Events,
    boolean,
    category,
    coalesce,
    days,
    decimal,
    exp,
    feature,
    greatest,
    hours,
    integer,
    least,
    log,
    minutes,
    model,
    real,
    seconds,
    sqrt,
    text,
    timestamp,
    when,
)


@cache
def fraud_contract() -> model.Contract:
    """Four request fields, no windows; id and time are made up by the server when left out."""
    payments = Events(
        "payments",
        id="payment_id",
        time="occurred_at",
        fields={
            "payment_id": text(generated=True),
            "occurred_at": timestamp(generated=True),
            "amount": decimal(scale=2, above=0, unit="USD"),
            "hour": integer(at_least=0, at_most=23),
            "day_of_week": integer(at_least=0, at_most=6),
            "merchant_category": category("grocery", "restaurant", "retail", "online", "travel"),
        },
    )
    is_fraud = payments.label("is_fraud", known_after=days(7), absent=False, final_after=days(30))
    return Contract(
        "fraud",
        decide_on=payments,
        label=is_fraud,
        features={
            "amount": feature(payments.amount, description="what is paid", unit="USD", at_least=0),
            "hour": payments.hour,
            "day_of_week": payments.day_of_week,
            "merchant_category": payments.merchant_category,
        },
    ).freeze()


@cache
def cards_contract() -> model.Contract:
    """Payments of customers at terminals, with windows over both and a terminal's delayed fraud rate."""
    payments = Events(
        "payments",
        id="payment_id",
        time="occurred_at",
        fields={
            "payment_id": text(),
            "occurred_at": timestamp(),
            "customer_id": text(personal=True),
            "terminal_id": text(),
            "amount": decimal(scale=2, at_least=0, at_most=1_000_000, unit="EUR"),
        },
    )
    is_fraud = payments.label("is_fraud", known_after=days(7), absent=False, final_after=days(30))
    customer = payments.per("customer_id")
    terminal = payments.per("terminal_id")
    usual = customer.mean(payments.amount, over=days(30), including_current=True)
    return Contract(
        "cards",
        decide_on=payments,
        label=is_fraud,
        features={
            "amount": payments.amount,
            "at_night": payments.occurred_at.hour() <= 6,
            "at_weekend": payments.occurred_at.weekday() >= 5,
            "customer_payments_1d": customer.count(over=days(1), including_current=True),
            "customer_amount_1d": customer.mean(payments.amount, over=days(1), including_current=True),
            "customer_payments_7d": customer.count(over=days(7), including_current=True),
            "customer_amount_7d": customer.mean(payments.amount, over=days(7), including_current=True),
            "customer_payments_30d": customer.count(over=days(30), including_current=True),
            "customer_amount_30d": usual,
            "amount_to_usual": payments.amount / usual,
            "terminal_payments_1d": terminal.count(over=days(1), ending=days(7)),
            "terminal_risk_1d": terminal.mean(is_fraud, over=days(1), ending=days(7), otherwise=0),
            "terminal_payments_7d": terminal.count(over=days(7), ending=days(7)),
            "terminal_risk_7d": terminal.mean(is_fraud, over=days(7), ending=days(7), otherwise=0),
            "terminal_payments_30d": terminal.count(over=days(30), ending=days(7)),
            "terminal_risk_30d": terminal.mean(is_fraud, over=days(30), ending=days(7), otherwise=0),
        },
    ).freeze()


@cache
def everything_contract() -> model.Contract:
    """Every field type, mark, policy, operation and aggregate of the language, over two sources."""
    return everything().freeze()


def everything() -> Contract:
    """The same, before freezing."""
    payments = Events(
        "payments",
        id="payment_id",
        time="occurred_at",
        lag=minutes(5),
        fields={
            "payment_id": text(max_length=64),
            "occurred_at": timestamp(former=("created_at",)),
            "card_id": text(personal=True, description="the card's token"),
            "channel": category("web", "shop", "phone", on_unknown="unknown", nullable=True),
            "country": category("DE", "FR", "US", on_unknown="missing", impute="DE", placeholders=("N/A",)),
            "amount": decimal(
                scale=2, above=0, at_most=50_000, former=("amt", "value"), on_odd="keep", unit="USD", float32=True
            ),
            "fee": decimal(scale=4, nullable=True, rounding="half_even", at_least="-1.5", below="1000"),
            "items": integer(at_least=1, impute=1, placeholders=(999, -1), on_odd="impute"),
            "age": integer(at_least=18, at_most=120, protected=True, nullable=True, on_odd="missing"),
            "risk": real(nullable=True, description="a score from elsewhere"),
            "recurring": boolean(impute=False),
            "email": text(nullable=True, personal=True),
            "local_time": timestamp(zone="America/New_York", fold=0, nullable=True),
            "count": integer(nullable=True),
        },
    )
    logins = Events(
        "logins",
        id="login_id",
        time="at",
        known_at="arrived_at",
        fields={
            "login_id": text(),
            "at": timestamp(),
            "card": text(personal=True),
            "channel": category("web", "shop", "phone", on_unknown="unknown", nullable=True),
            "device": text(),
            "failed": boolean(),
            "speed": real(nullable=True),
            "since": timestamp(nullable=True),
        },
    )
    is_fraud = payments.label("is_fraud", known_after=days(7), absent=False, final_after=days(30))
    disputed = payments.label("disputed", known_after=hours(12), received_at="disputed_at")
    hijacked = logins.label("hijacked", known_after=days(1))

    card = payments.per("card_id")
    pair = payments.per("card_id", "channel")
    elsewhere = logins.per("card", on="card_id")
    device = logins.per("card", "channel", on={"card": "card_id"})
    usual = card.mean(payments.amount, over=days(30), at_least=3, otherwise=0.0)
    large = (payments.amount > 100) & ~payments.recurring
    berlin = "Europe/Berlin"
    return Contract(
        "everything",
        description="Every construct of the language, once.",
        decide_on=payments,
        label=is_fraud,
        positive="fraudulent",
        probability="fraud_probability",
        features={
            # fields as they are
            "amount": feature(
                payments.amount,
                description="what is paid",
                owner="payments team",
                unit="USD",
                at_least=0,
                at_most=50_000,
                max_null_share=0.01,
            ),
            "fee": payments.fee,
            "items": payments.items,
            "risk": payments.risk,
            "recurring": payments.recurring,
            "channel": payments.channel,
            "country": payments["country"],
            "counted": payments["count"],
            # arithmetic and rounding
            "arithmetic": (payments.amount + 1) * 2 - payments.fee / payments.items,
            "reflected": 1 - (2 / (3 + (4 * payments.amount))),
            "negated": -abs(payments.fee - 5),
            "power": payments.items**2 + 2 ** least(payments.items, 10),
            "logarithm": log(payments.amount) + exp(-payments.risk) + sqrt(payments.fee),
            "rounded": round(payments.amount / 3, 2) + payments.fee.floor() + payments.fee.ceil(),
            "binned": payments.amount.bin([10, 100, 1_000.5]),
            "extremes": greatest(payments.amount, payments.items, 10) - least(payments.fee, 0.5),
            # comparison, logic, choice, nulls
            "compared": (payments.amount >= 10) | (payments.amount < 5) | (payments.items != 3) | (payments.items <= 2),
            "equal": payments.channel == "web",
            "unequal": payments.channel != "web",
            "same_text": payments.email == "a@example.org",
            "after": payments.occurred_at > "2024-01-01T00:00:00Z",
            "among": payments.country.is_in(["DE", "FR"]) & payments.items.is_in([1, 2]) & payments.email.is_in(["x"]),
            "unknown_age": payments.age.is_null(),
            "filled": coalesce(payments.fee, payments.risk, 0),
            "chosen": when(payments.amount > 1_000, 2).when(payments.amount > 100, 1).otherwise(None),
            "chosen_category": when(payments.recurring, payments.channel).otherwise("phone"),
            "chosen_flag": when(payments.items > 1, payments.recurring).otherwise(True),
            "filled_category": coalesce(payments.channel, "shop"),
            # text
            "email_length": payments.email.length(),
            "free_mail": payments.email.lower().ends_with("@mail.test") | payments.email.contains("free"),
            "test_card": payments.card_id.starts_with("test-"),
            "email_kind": payments.email.to_category(["a@example.org", "b@example.org"]),
            # time
            "hour": payments.occurred_at.hour(),
            "local_parts": payments.occurred_at.hour(zone=berlin) * 60 + payments.occurred_at.minute(zone=berlin),
            "weekday": payments.occurred_at.weekday(zone="Asia/Kolkata"),
            "calendar": payments.occurred_at.day() + payments.occurred_at.month() * 100,
            "year": payments.occurred_at.year() * 1_000 + payments.occurred_at.day_of_year(),
            "clock_gap": payments.occurred_at.seconds_since(payments.local_time),
            "clock_gap_again": payments.occurred_at - payments.local_time,
            # aggregates
            "count_1h": card.count(over=hours(1)),
            "count_now": card.count(over=hours(1), including_current=True),
            "count_fee": card.count(payments.fee, over=days(2), at_least=2),
            "count_large": card.count(over=days(7), where=large),
            "sum_fee": card.sum(payments.fee, over=days(3), ending=hours(6)),
            "sum_recurring": card.sum(payments.recurring, over=days(3), including_current=True),
            "usual": usual,
            "to_usual": payments.amount / usual,
            "mean_items": pair.mean(payments.items, over=days(14), including_current=True, at_least=2, otherwise=-1),
            "std_amount": card.std(payments.amount, over=days(30)),
            "std_items": pair.std(payments.items, over=days(30), including_current=True, where=payments.items > 1),
            "min_amount": card.min(payments.amount, over=days(30), otherwise=0),
            "max_risk": card.max(payments.risk, over=days(30), including_current=True),
            "min_fee": pair.min(payments.fee, over=days(30), ending=seconds(30), at_least=2),
            "first_amount": card.first(payments.amount, over=days(90)),
            "first_country": card.first(payments.country, over=days(90), otherwise="FR"),
            "last_fee": card.last(payments.fee, over=days(90)),
            "last_risk": card.last(payments.risk, over=days(90), skip_nulls=True, otherwise=-1),
            "last_channel": card.last(payments.channel, over=days(90)),
            "last_recurring": card.last(payments.recurring, over=days(90), otherwise=False),
            "same_channel": card.last(payments.channel, over=days(90)) == payments.channel,
            "since_last": card.seconds_since_last(over=days(30), otherwise=-1),
            "since_large": card.seconds_since_last(over=days(30), ending=hours(1), where=large),
            "channels": card.distinct(payments.channel, over=days(30), including_current=True),
            "amounts": card.distinct(payments.amount, over=days(30), cap=3, where=payments.channel == "web"),
            "emails": card.distinct(payments.email, over=days(30), at_least=2, otherwise=0),
            # labels
            "fraud_rate": card.mean(is_fraud, over=days(90), ending=days(7), at_least=2, otherwise=0.02),
            "frauds": card.sum(is_fraud, over=days(90), ending=days(0)),
            "known_frauds": pair.count(is_fraud, over=days(30), ending=days(3), where=payments.amount > 50),
            "disputes": card.mean(disputed, over=days(30), ending=hours(12)),
            # another source
            "logins_1d": elsewhere.count(over=days(1)),
            "failed_share": elsewhere.mean(logins.failed, over=days(7), otherwise=0),
            "devices": elsewhere.distinct(logins.device, over=days(7)),
            "hijack_rate": elsewhere.mean(hijacked, over=days(60), ending=days(1)),
            "speed_as_of": elsewhere.as_of(logins.speed, within=days(2)),
            "channel_as_of": elsewhere.as_of(logins.channel, within=days(2), otherwise="web"),
            "failed_as_of": device.as_of(logins.failed, within=hours(6), where=logins.speed > 0),
            "account_age": payments.occurred_at - elsewhere.as_of(logins.since, within=days(30)),
            "max_speed": device.max(logins.speed, over=days(7)),
        },
    )


if __name__ == "__main__":
    for made in (fraud_contract(), cards_contract(), everything_contract()):
        print(made.name, made.hash, len(made.features), len(made.aggregates))

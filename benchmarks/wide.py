"""A contract of 200 features over the payments of `cards`: 188 windows in 8 widths over three entities, 12 others."""

from __future__ import annotations

from typing import Any

from holdfast.contract import (
    Contract,
    Events,
    category,
    days,
    decimal,
    greatest,
    hours,
    log,
    minutes,
    text,
    timestamp,
)
from holdfast.contract.model import Contract as Frozen

WIDTHS = {
    "10m": minutes(10),
    "1h": hours(1),
    "6h": hours(6),
    "1d": days(1),
    "3d": days(3),
    "7d": days(7),
    "30d": days(30),
    "60d": days(60),
}


def contract() -> Frozen:
    """Frozen, as a file would make it."""
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
            "entry_mode": category("chip", "contactless", "swipe", "online", on_unknown="unknown"),
            "amount": decimal(scale=2, above=0, at_most=50_000, unit="USD"),
        },
    )
    is_fraud = payments.label("is_fraud", known_after=days(7), absent=False, final_after=days(14))
    customer, terminal = payments.per("customer_id"), payments.per("terminal_id")
    pair = payments.per("customer_id", "terminal_id")
    amount = payments.amount
    online = payments.entry_mode == "online"
    features: dict[str, Any] = {}
    for name, per in (("customer", customer), ("terminal", terminal), ("pair", pair)):
        for width, over in WIDTHS.items():
            features[f"{name}_count_{width}"] = per.count(over=over)
            features[f"{name}_sum_{width}"] = per.sum(amount, over=over)
            features[f"{name}_mean_{width}"] = per.mean(amount, over=over)
            features[f"{name}_std_{width}"] = per.std(amount, over=over)
            features[f"{name}_max_{width}"] = per.max(amount, over=over)
            features[f"{name}_min_{width}"] = per.min(amount, over=over)
    for name, per in (("customer", customer), ("terminal", terminal)):
        for width, over in WIDTHS.items():
            features[f"{name}_online_count_{width}"] = per.count(over=over, where=online)
            features[f"{name}_online_sum_{width}"] = per.sum(amount, over=over, where=online)
        for number in (1, 7, 28, 60):
            features[f"{name}_fraud_rate_{number}d"] = per.mean(
                is_fraud, over=days(number), ending=days(7), otherwise=0.0
            )
    for width in ("1d", "3d", "7d", "30d"):
        features[f"customer_terminals_{width}"] = customer.distinct(payments.terminal_id, over=WIDTHS[width])
    usual = customer.mean(amount, over=days(30))
    features |= {
        "amount": amount,
        "log_amount": log(amount),
        "hour": payments.occurred_at.hour(),
        "weekday": payments.occurred_at.weekday(),
        "day": payments.occurred_at.day(),
        "month": payments.occurred_at.month(),
        "merchant_category": payments.merchant_category,
        "entry_mode": payments.entry_mode,
        "online": online,
        "amount_to_usual": amount / usual,
        "amount_to_terminal": amount / terminal.mean(amount, over=days(30)),
        "above_usual": greatest(amount - usual, 0),
    }
    return Contract("wide", decide_on=payments, label=is_fraud, features=features).freeze()

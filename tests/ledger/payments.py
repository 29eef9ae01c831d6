"""A small world for the ledger's and the state's tests: payments, a contract over them, and what customers do."""

from __future__ import annotations

import json
import random
from pathlib import Path

from holdfast.contract import Contract, Events, category, days, decimal, hours, text, timestamp
from holdfast.contract.model import SECOND
from holdfast.contract.model import Contract as Frozen
from holdfast.contract.values import read_strict, timestamp_text
from holdfast.features.plan import plan
from holdfast.features.state.state import State
from holdfast.ledger.ids import body_digest
from holdfast.ledger.log import Log
from holdfast.ledger.records import Decision, Event, Outcome
from holdfast.ledger.writer import LedgerWriter

START = 1_700_000_000 * SECOND

payments = Events(
    "payments",
    id="payment_id",
    time="occurred_at",
    fields={
        "payment_id": text(),
        "occurred_at": timestamp(),
        "card": text(),
        "shop": category("food", "books", on_unknown="unknown"),
        "amount": decimal(scale=2, nullable=True),
    },
)
fraud = payments.label("fraud", known_after=days(1), absent=False, final_after=days(3), received_at="fraud_at")
card = payments.per("card")
shop = payments.per("shop")

contract: Frozen = Contract(
    "payments",
    decide_on=payments,
    label=fraud,
    features={
        "amount": payments.amount,
        "card_count": card.count(over=hours(6)),
        "card_mean": card.mean(payments.amount, over=days(2)),
        "card_std": card.std(payments.amount, over=days(2)),
        "card_max": card.max(payments.amount, over=days(1)),
        "card_last": card.last(payments.amount, over=days(2)),
        "card_books": card.count(over=days(2), where=payments.shop == "books"),
        "card_shops": card.distinct(payments.shop, over=days(2)),
        "shop_rate": shop.mean(fraud, over=days(5), ending=days(1)),
    },
).freeze()
wider: Frozen = Contract(
    "payments",
    decide_on=payments,
    label=fraud,
    features={
        "amount": payments.amount,
        "card_mean": card.mean(payments.amount, over=days(2)),
        "card_min": card.min(payments.amount, over=days(2)),
        "card_rate": card.mean(fraud, over=days(9), ending=days(1)),
        "shop_sum": shop.sum(payments.amount, over=days(1)),
        "card_first": card.first(payments.amount, over=days(2)),
    },
).freeze()
"""A later contract: it shares some series with `contract` and needs others."""


def event(number: int, *, amount: str | None = None, time: int | None = None) -> Event:
    """Payment `number`, the same in every process."""
    dice = random.Random(number)
    moment = START + number * 600 * SECOND - dice.choice([0, 0, 0, 7_200 * SECOND]) if time is None else time
    body = json.dumps(
        {
            "payment_id": f"p{number}",
            "occurred_at": timestamp_text(moment),
            "card": f"c{dice.randrange(7)}",
            "shop": dice.choice(["food", "books", "toys"]),
            "amount": None if dice.random() < 0.1 else float(amount or dice.randrange(10_000) / 100),
        }
    ).encode()
    return Event(
        source="payments", event_id=f"p{number}", time=moment, body=body, digest=body_digest(read_strict(body))
    )


def decision(number: int) -> Decision:
    """Payment `number` as a request that was answered."""
    from_event = event(number)
    return Decision(
        read_seq=0,
        source="payments",
        event_id=from_event.event_id,
        time=from_event.time,
        body=from_event.body,
        digest=from_event.digest,
        contract="c" * 32,
        model="payments",
        version="1",
        variant="champion",
        features=bytes(8),
        score=0.25,
        probability=0.5,
        threshold=0.5,
        decision=True,
    )


def outcome(number: int, value: int = 1, version: int = 1) -> Outcome:
    return Outcome(source="payments", label="fraud", event_id=f"p{number}", version=version, value=value)


def opened(folder: Path, *, contracts: tuple[Frozen, ...] = (contract,)) -> tuple[State, LedgerWriter]:
    """State and ledger in `folder`, with the series of these contracts."""
    state = State.open(folder / "state")
    state.register({item.key: item for each in contracts for item in plan(each).series}.values())
    return state, LedgerWriter(Log(folder / "ledger"), state)

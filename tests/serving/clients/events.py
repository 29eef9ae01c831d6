"""Events whose amounts have no exact double, decided through `/predict`, and how to see that nothing was kept."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.serving.shop import Server, payment, stamp

AMOUNTS = (0.07, 19.99, 1234.1, 49_999.99, 3.0)
CATEGORIES = ("online", "travel", "grocery")


def events(prefix: str, n: int = len(AMOUNTS)) -> list[dict[str, Any]]:
    """Distinct payments of one card, so that windows differ too."""
    return [
        payment(
            f"{prefix}-{at}",
            card_id=f"card-{prefix}",
            amount=AMOUNTS[at % len(AMOUNTS)],
            hour=at % 24,
            merchant_category=CATEGORIES[at % 3],
            occurred_at=stamp(timedelta(minutes=5 * (n - at))),
        )
        for at in range(n)
    ]


def predicted(server: Server, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What `/predict` answers, one by one."""
    replies = [server.post("/predict", row) for row in rows]
    assert [reply.status_code for reply in replies] == [200] * len(rows), [reply.text for reply in replies]
    return [reply.json() for reply in replies]


def bits(answers: list[dict[str, Any]]) -> list[str]:
    return [answer["probability"].hex() for answer in answers]


def kept(server: Server, event: dict[str, Any]) -> bool:
    """Whether this event's id was decided: only then has it an explanation."""
    reply = server.post("/explain", {"event_id": event["payment_id"]})
    assert reply.status_code in (200, 404), reply.text
    return reply.status_code == 200

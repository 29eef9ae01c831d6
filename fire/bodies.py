"""X10: bodies that break careless servers, to every route that takes one. No 5xx, and nothing invalid is accepted."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

from tests.serving.shop import payment

from fire.crowd import call
from fire.experiment import Plan, Result
from fire.server import Running, new_shop

ROUTES = ("/predict", "/predict/batch", "/events", "/outcomes", "/explain")
RAW: tuple[tuple[str, bytes], ...] = (
    ("nothing", b""),
    ("not UTF-8", b'{"card_id": "\xff\xfe"}'),
    ("a byte order mark", b"\xef\xbb\xbf{}"),
    ("UTF-16", '{"a": 1}'.encode("utf-16")),
    ("NUL", b'{"a": "\x00"}'),
    ("a comment", b'{"a": 1 /* b */}'),
    ("a comma too many", b'{"a": 1,}'),
    ("half an object", b'{"a": 1'),
    ("two objects", b'{"a": 1}{"a": 2}'),
    ("a list", b"[]"),
    ("null", b"null"),
    ("deep lists", b"[" * 100_000 + b"]" * 100_000),
    ("deep objects", b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    ("deep inside", b'{"amount": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    ("a big number", b'{"amount": ' + b"9" * 5_000 + b"}"),
    ("a big exponent", b'{"amount": 1e400}'),
    ("a small exponent", b'{"amount": 1e-99999999999}'),
)
VALUES = (
    b"NaN", b"Infinity", b"-Infinity", b"1e400", b"-1e400", b"9" * 5_000, b"-" + b"9" * 5_000, b"1e99999999999999",
    b"0." + b"1" * 5_000, b"01", b"+1", b".5", b"1.", b"0x10", b"'a'", b'"\\ud800"', b'"\\udc00\\ud800"', b'"\\x41"',
    b'"' + b"a" * 70_000 + b'"', b"[1]", b'{"a": 1}', b"tru", b"true", b"null", b'""', b'"\\u0000"', b"-1", b"1e-9",
    "\"\u202e\"".encode(), b'"2999-01-01T00:00:00Z"', b'"0000-00-00"', b'"12.5; DROP TABLE"',
)  # fmt: skip
"""What stands in the place of a field's value; the contract of the shop accepts none of them for `amount`."""


def invalid(dice: random.Random, many: int) -> Iterator[tuple[str, bytes]]:
    """Bodies of one event that must all be refused, with what is wrong with them."""
    yield from RAW
    sound = {name: json.dumps(value).encode() for name, value in payment("x").items()}
    for number in range(many):
        parts = {**sound, "payment_id": b'"bad-%d"' % number}
        value = VALUES[number % len(VALUES)]
        parts["amount"] = value
        members = [b'"%s": %s' % (name.encode(), part) for name, part in parts.items()]
        dice.shuffle(members)
        yield f"amount {value[:20]!r}", b"{" + b", ".join(members) + b"}"
        twice = [*members, b'"amount": 1.5']
        dice.shuffle(twice)
        yield "a key twice", b"{" + b", ".join(twice) + b"}"


def wrapped(route: str, body: bytes) -> bytes:
    """The event where the route looks for it."""
    if route == "/predict/batch":
        return b'{"rows": [' + body + b"]}"
    if route == "/events":
        return b'{"source": "payments", "event": ' + body + b"}"
    return body


def run(plan: Plan) -> Result:
    home, dice = new_shop(plan.place("shop")), plan.dice
    statuses: Counter[int] = Counter()
    wrong: list[str] = []
    naive = sent = 0
    with Running(home) as server:
        for what, body in invalid(dice, plan.much(600, 40)):
            naive += accepted_by_the_standard_library(body)
            for route in ROUTES:
                status, reply = call(server.port, "POST", route, wrapped(route, body))
                sent += 1
                statuses[status] += 1
                inside = json.loads(reply).get("accepted") if status == 200 else None
                if status >= 500 or (status == 200 and inside != 0):
                    wrong.append(f"{route} {what}: {status} {reply[:200]!r}")
        for route, size in (("/predict", 300_000), ("/events", 40_000_000)):
            status, _ = call(server.port, "POST", route, b'{"a": "' + b"x" * size + b'"}')
            sent += 1
            statuses[status] += 1
            if status != 413:
                wrong.append(f"{route}: {size} bytes were answered {status}")
        status, _ = call(server.port, "POST", "/predict", json.dumps(payment("sound")).encode())
        if status != 200:
            wrong.append(f"a sound body afterwards: {status}")
    figures: dict[str, Any] = {
        "bodies": sent,
        "5xx": sum(n for status, n in statuses.items() if status >= 500),
        "invalid accepted": sum(": 200 " in item for item in wrong),
        "statuses": ", ".join(f"{status}: {n}" for status, n in sorted(statuses.items())),
    }
    control = f"Python's own json.loads takes {naive} of these bodies"
    return Result(figures, not wrong, control, naive > 0, wrong)


def accepted_by_the_standard_library(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), dict)
    except (ValueError, RecursionError):
        return False

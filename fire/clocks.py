"""X9: clocks that jump, records that come late, out of order or twice, and keys that are used again."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

from tests.ledger.payments import event, opened, outcome
from tests.serving.shop import payment, stamp

from fire.audit import audit
from fire.crowd import call
from fire.experiment import Plan, Result
from fire.server import Running, new_shop
from holdfast.features.state.rows import Row, rows
from holdfast.ledger.log import Log
from holdfast.ledger.records import Record
from holdfast.ledger.writer import LedgerWriter

JUMPING = """
import time
real = time.time_ns
def jumping():
    try:
        with open(sys.argv[1] + "/offset") as file:
            return real() + int(file.read() or 0)
    except (OSError, ValueError):
        return real()
time.time_ns = jumping
"""
"""A server whose clock is as far from the machine's as a file says; the machine's own is not touched."""
HOUR = 3_600 * 10**9
OCCURRED = stamp(timedelta(hours=40))


def run(plan: Plan) -> Result:
    wrong: list[str] = []
    differs, missing = orders(plan, wrong)
    asked, conflicts, double = keys(plan, wrong)
    figures = {
        "records out of order, late, twice": plan.much(6_000, 600),
        "state rows that differ from a sorted replay": differs,
        "requests under a jumping clock": asked,
        "decided twice": double,
        "same key, other body → 409": conflicts,
    }
    control = f"leaving one record out, {missing} rows differ"
    return Result(figures, not wrong and differs == double == 0, control, missing > 0, wrong)


def orders(plan: Plan, wrong: list[str]) -> tuple[int, int]:
    """Rows of state that differ between a careless delivery under a jumping clock and a sorted one; and the control."""
    dice, size = plan.dice, plan.much(2_000, 200)
    records: list[Record] = [event(number) for number in range(size)]
    records += [outcome(number, number % 2, version) for number in range(0, size, 2) for version in (1, 2)]
    careless = [copy.deepcopy(dice.choice(records)) for _ in range(size)] + [copy.deepcopy(item) for item in records]
    dice.shuffle(careless)
    now = [1_700_000_000_000_000]

    def jumping() -> int:
        now[0] += dice.choice([1, 1_000, -3_600_000_000, 3_600_000_000, 0])
        return now[0]

    one = fed(plan.place("careless"), careless, jumping, dice, wrong)
    other = fed(plan.place("sorted"), records, lambda: 1_700_000_000_000_000, None, wrong)
    short = fed(plan.place("short"), records[1:], lambda: 1_700_000_000_000_000, None, wrong)
    return len(set(one) ^ set(other)), len(set(one) ^ set(short))


def fed(
    place: Path, records: Sequence[Record], clock: Callable[[], int], dice: random.Random | None, wrong: list[str]
) -> list[str]:
    """Rows of the state after these records, in batches of any size; whoever is told an order is told a rising one."""
    state, writer = opened(place)
    writer.close()
    writer = LedgerWriter(Log(place / "ledger"), state, clock=clock)
    try:
        at = 0
        while at < len(records):
            count = dice.randrange(1, 40) if dice is not None else 500
            writer.settle([copy.deepcopy(item) for item in records[at : at + count]])
            at += count
        found = [repr(without_order(item)) for item in rows(state)]
    finally:
        writer.close()
        state.close()
    wrong += audit(place, []).breaks
    return found


def without_order(row: Row) -> Row:
    """A row of state without the numbers that only say in which order records came."""
    if row[0] != "event":
        return row
    kind, key, _, time, body, digest, _, labels = row
    return kind, key, time, body, digest, tuple(label[:-1] for label in labels)  # type: ignore[attr-defined]


def keys(plan: Plan, wrong: list[str]) -> tuple[int, int, int]:
    """A server whose clock jumps by hours, asked the same thing again and again by many, and with other bodies."""
    home = new_shop(plan.place("shop"))
    dice = plan.dice
    asked = conflicts = 0
    answers: dict[str, set[str]] = {}
    for start in range(2):  # across a restart, too
        with Running(home, before=JUMPING, workers=2 - start) as server, ThreadPoolExecutor(8) as pool:
            for number in range(plan.much(100, 12)):
                (home / "offset").write_text(str(dice.choice([0, HOUR, -HOUR, 30 * HOUR, -30 * HOUR])))
                key = f"k{number}"
                data = json.dumps(payment(key, occurred_at=OCCURRED)).encode()
                shuffled = json.dumps(dict(reversed(list(json.loads(data).items()))), indent=1).encode()
                replies = list(pool.map(lambda one: call(server.port, "POST", "/predict", one), [data, shuffled] * 4))
                asked += len(replies)
                answers.setdefault(key, set()).update(reply.decode() for _, reply in replies)
                status, _ = call(
                    server.port, "POST", "/predict", json.dumps({**json.loads(data), "amount": 99.99}).encode()
                )
                conflicts += status == 409
                if {status for status, _ in replies} != {200} or status != 409:
                    wrong.append(f"{key}: {sorted({status for status, _ in replies})}, other body {status}")
    wrong += [f"{key}: {len(found)} different answers" for key, found in answers.items() if len(found) != 1]
    found = audit(home, [f"pk{number}" for number in range(plan.much(100, 12))], rebuilt_at=plan.place("again"))
    wrong += found.wrong
    return asked, conflicts, len(found.duplicates)

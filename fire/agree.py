"""Parity over HTTP: what two workers answered to clients on the same few cards is what batch makes of the records."""

from __future__ import annotations

import json
import random
import threading
from typing import Any

import msgspec
from tests.serving.shop import first, payment, stamp

from fire.audit import audit, no_history, recomputed
from fire.crowd import Crowd, call, wait_for
from fire.experiment import Plan, Result
from fire.server import Running, new_shop
from holdfast.ledger.read import LedgerReader
from holdfast.ledger.recompute import Recomputer
from holdfast.ledger.records import Decision
from holdfast.ledger.replay import differing, unpack

CARDS = 7


def run(plan: Plan) -> Result:
    wanted = plan.much(20_000, 1_200)
    home = new_shop(plan.place("shop"))
    chance = random.Random(plan.seed)
    lock = threading.Lock()
    number = iter(range(10**9))

    def same_cards(client: int, at: int) -> dict[str, Any]:
        with lock:
            which = next(number)
            body = payment(
                f"a{which}", card_id=f"card-{chance.randrange(CARDS)}", amount=chance.randrange(1, 9_999) / 100
            )
        return {**body, "occurred_at": stamp()}

    stop = threading.Event()

    def tell(port: int) -> None:
        """Meanwhile outcomes of what was decided, corrections, and notices about merchants come in."""
        dice = random.Random(plan.seed + 1)
        for notice in iter(range(10**9)):
            if stop.is_set():
                return
            known = list(told.answered)[-200:]
            outcomes = [
                {"event_id": event, "value": dice.random() < 0.3, "version": version}
                for event in dice.sample(known, min(5, len(known)))
                for version in (2 * notice + 1,)
            ]
            if outcomes:
                call(port, "POST", "/outcomes", json.dumps({"outcomes": outcomes}).encode())
            notices = {"notice_id": f"n{notice}", "told_at": stamp(), "risk": dice.randrange(10)}
            notices["merchant_category"] = dice.choice(["online", "grocery", "travel"])
            call(port, "POST", "/events", json.dumps({"source": "merchants", "event": notices}).encode())

    with Running(home, workers=2) as server, Crowd(server.port, 16, same_cards) as told:
        teller = threading.Thread(target=tell, args=(server.port,))
        teller.start()
        wait_for(lambda: len(told.answered) >= wanted, 600, "enough answers")
        stop.set()
        teller.join()
    found = audit(home, told.answered)
    report = recomputed(home)
    everything = list(LedgerReader(home / "ledger").records())
    decisions = [item for item in everything if isinstance(item, Decision)]
    late = Recomputer(no_history, lambda: everything, "received")(first(), decisions)
    skewed = sum(
        any(differing(was, now) for was, now in zip(unpack(item.features), row, strict=True))
        for item, row in zip(decisions, late, strict=True)
    )
    figures = {
        "decisions": report.decisions,
        "feature values": report.features,
        "differing bits at the recorded cut-offs": report.differing_bits,
        "arrival skew (decisions)": skewed,
    }
    shifted = [msgspec.structs.replace(item, read_seq=max(item.read_seq - 40, 0)) for item in decisions[-200:]]
    bits = recomputed(home, shifted).differing_bits
    wrong = [str(item) for item in report.differences] + found.wrong + told.broken
    held = report.ok and found.sound and not told.failed and report.decisions >= wanted
    return Result(figures, held, f"at cut-offs moved by 40 records {bits} bits differ", bits > 0, wrong)

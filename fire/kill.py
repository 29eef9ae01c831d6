"""X1: `kill -9` at random moments under load, two workers. Whatever was acknowledged is in the ledger, once."""

from __future__ import annotations

import time

import psutil

from fire.audit import audit
from fire.crowd import Crowd, wait_for
from fire.experiment import Plan, Result, share
from fire.server import THROUGH_THE_APP, Running, new_shop

EARLY = f"""{THROUGH_THE_APP}
import asyncio
from holdfast.serving import predict
real = predict.Predict.answer
kept = set()
async def early(self, body, reasons):
    kept.add(asyncio.ensure_future(real(self, body, reasons)))
    return b'{{"early": true}}'
predict.Predict.answer = early
"""
"""A server that answers before the record is written."""


def run(plan: Plan) -> Result:
    kills = plan.much(100, 3)
    home = new_shop(plan.place("two"))
    acknowledged = plan.folder / "acknowledged"
    recovered: list[float] = []
    dice = plan.dice
    with Running(home, workers=2) as server, Crowd(lambda: server.port, 6, file=acknowledged) as told:
        for number in range(kills):
            wait_for(lambda: len(told.answered) > 20 * (number + 1), 60, "an answer between two kills")
            time.sleep(dice.uniform(0.0, 0.4))
            recovered.append(strike(server, dice.choice(("one", "one", "one", "both", "all")), number))
    ids = acknowledged.read_text().split()
    found = audit(home, ids, rebuilt_at=plan.place("again"))
    figures = {
        "kills": kills,
        "acknowledged": len(ids),
        "lost": len(found.lost),
        "duplicates": len(found.duplicates),
        "chain breaks": len(found.breaks),
        "answered twice differently": len(told.changed),
        "kill → ready again p95 s": round(share(recovered, 0.95), 2),
    }
    enough = len(ids) > 20 * kills
    lost = control(plan)
    return Result(
        figures,
        found.sound and not told.changed and not told.failed and enough,
        f"answering before the record is written loses {lost}",
        lost > 0,
        found.wrong + told.changed + [f"{n} answers {status}" for status, n in told.failed.items()],
    )


def strike(server: Running, whom: str, number: int) -> float:
    """Kill one worker, both, or the whole server; seconds until as many answer as before."""
    began = time.monotonic()
    if whom == "all":
        server.kill()
        server.start()
        return time.monotonic() - began
    before = server.workers()
    chosen = before if whom == "both" else [before[number % len(before)]]
    told = server.log.read_text().count("answers again")
    for process in chosen:
        process.kill()
    psutil.wait_procs(chosen, 10)
    wait_for(lambda: server.log.read_text().count("answers again") >= told + len(chosen), 60, "the new worker")
    return time.monotonic() - began


def control(plan: Plan) -> int:
    """The same clients and the same judge, with a server that answers too early."""
    home = new_shop(plan.place("early"))
    acknowledged = plan.folder / "acknowledged-early"
    with Running(home, before=EARLY) as server, Crowd(lambda: server.port, 6, file=acknowledged) as told:
        for number in range(plan.much(5, 2)):
            wait_for(lambda: len(told.answered) > 100 * (number + 1), 30, "an answer")
            server.kill()
            server.start()
    return len(audit(home, acknowledged.read_text().split()).lost)

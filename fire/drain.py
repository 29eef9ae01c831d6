"""X16: SIGTERM under load, again and again. Whatever was sent is answered, whatever was answered is in the ledger."""

from __future__ import annotations

import signal
import time

from fire.audit import audit
from fire.crowd import Crowd, wait_for
from fire.experiment import Plan, Result, share
from fire.server import Running, new_shop
from fire.slow import PLAIN

ABRUPT = (
    PLAIN
    + """
import uvicorn
async def shutdown(self, sockets=None):
    await uvicorn.Server.shutdown(self, sockets)
server.Server.shutdown = shutdown
"""
)
"""The same server with uvicorn's own way to end: idle connections and the queue of the socket are closed at once."""


def run(plan: Plan) -> Result:
    signals = plan.much(50, 4)
    home = new_shop(plan.place("shop"))
    drains: list[float] = []
    codes: list[int] = []
    dice = plan.dice
    with Running(home, workers=2) as server, Crowd(lambda: server.port, 8) as told:
        for number in range(signals):
            before = len(told.answered)
            wait_for(lambda: len(told.answered) > before + 30, 60, "answers")
            time.sleep(dice.uniform(0, 0.2))
            began = time.monotonic()
            server.signal(signal.SIGTERM)
            codes.append(server.wait())
            drains.append(time.monotonic() - began)
            if number < signals - 1:
                server.start()
    found = audit(home, told.answered)
    figures = {
        "SIGTERMs": signals,
        "answered": len(told.answered),
        "in flight failed": len(told.broken),
        "unlogged": len(found.lost),
        "drain p95 s": round(share(drains, 0.95), 2),
        "other answers": told.failed or 0,
    }
    held = not told.broken and not told.failed and found.sound and set(codes) == {0}
    broken = abruptly(plan, 10)
    control = f"uvicorn's own end leaves {broken} sent requests without an answer"
    ended = [] if set(codes) == {0} else [f"it ended with {sorted(set(codes))}"]
    return Result(figures, held, control, broken > 0, told.broken + found.wrong + ended)


def abruptly(plan: Plan, signals: int) -> int:
    """The same with uvicorn's own end: requests that were sent and not answered.

    Whether one is on its way at that instant is chance; in a hurry the first is enough.
    """
    home = new_shop(plan.place("abrupt"))
    with Running(home, before=ABRUPT) as server, Crowd(lambda: server.port, 8) as told:
        for number in range(signals):
            before = len(told.answered)
            wait_for(lambda: len(told.answered) > before + 30, 60, "answers")
            server.signal(signal.SIGTERM)
            server.wait()
            if number == signals - 1 or (plan.short and told.broken):
                break
            server.start()
    return len(told.broken)

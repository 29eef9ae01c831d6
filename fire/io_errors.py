"""X3: errors injected into a running server's writes and syncs (strace): no 200 follows a failed commit."""

from __future__ import annotations

import json
import time
from pathlib import Path

from tests.serving.shop import payment

from fire.audit import audit
from fire.crowd import call
from fire.experiment import Plan, Result, skipped
from fire.server import Running, new_shop
from fire.trace import TRACED, steps, tracer, unsynced

INJECTED = (
    ("fdatasync:error=EIO", "when=4+3"),
    ("fdatasync:error=ENOSPC", "when=4+5"),
    ("pwrite64:error=ENOSPC", "when=60+37"),
    ("pwrite64:error=EIO", "when=61+53"),
)
"""What fails, and how often. The first writes are left whole, so that the server starts; failures of single writes are
farther apart than one commit has writes (up to a dozen, of state's pages), or no commit could ever succeed."""

DEAF = """
from holdfast.ledger import files
real = files.Files.sync
def sync(self, fd):
    try:
        real(self, fd)
    except OSError:
        pass
files.Files.sync = sync
"""
"""A server that does not want to know."""


def run(plan: Plan) -> Result:
    strace = tracer()
    if strace is None:
        return skipped("strace is not installed")
    requests = plan.much(300, 30)
    figures = {"injected": 0, "answers 200": 0, "answers 503": 0, "200 after a failed commit": 0, "lost": 0}
    wrong: list[str] = []
    for at, (what, when) in enumerate(INJECTED if not plan.short else INJECTED[:3:2]):
        place = plan.place(str(at))
        home, acknowledged = inject(place, strace, what, when, requests, figures, wrong)
        found = audit(home, acknowledged, rebuilt_at=plan.place(f"again-{at}"))
        figures["lost"] += len(found.lost)
        wrong += [f"{what}: {item}" for item in found.wrong]
    early: dict[str, int] = dict.fromkeys(figures, 0)
    inject(plan.place("deaf"), strace, *INJECTED[0], 30, early, [], before=DEAF)
    held = not wrong and figures["200 after a failed commit"] == 0 and figures["injected"] > 0
    n = early["200 after a failed commit"]
    return Result(dict(figures), held, f"a server deaf to failed syncs sends {n} such 200s", n > 0, wrong)


def inject(
    place: Path, strace: str, what: str, when: str, requests: int, figures: dict[str, int], wrong: list[str],
    *, before: str = "",
) -> tuple[Path, list[str]]:  # fmt: skip
    """One client, one request after another, each until it is answered; the home, and what was acknowledged."""
    home, out = new_shop(place), place / "trace"
    wrapper = [
        strace,
        "-f",
        "--seccomp-bpf",
        "-yy",
        "-s",
        "16",
        "-e",
        TRACED,
        "-e",
        f"inject={what}:{when}",
        "-o",
        str(out),
    ]
    acknowledged = []
    with Running(home, wrapper=wrapper, before=before) as server:
        for number in range(requests):
            body = json.dumps(payment(number)).encode()
            for _ in range(20):
                status, reply = call(server.port, "POST", "/predict", body)
                figures[f"answers {status}"] = figures.get(f"answers {status}", 0) + 1
                if status == 200:
                    acknowledged.append(json.loads(reply)["event_id"])
                    break
                time.sleep(0.01)
            else:
                wrong.append(f"{what}: a request was never answered: {reply.decode()[:200]}")
                break
    lines = out.read_text(errors="replace").splitlines()
    figures["injected"] += sum("(INJECTED)" in line for line in lines)
    figures["200 after a failed commit"] += unsynced(steps(lines))
    return home, acknowledged

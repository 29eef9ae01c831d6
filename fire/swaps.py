"""X7: promotions between different contracts under load, two workers. None fails, and each row names who scored it."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass

import msgspec
from tests.serving.shop import first, pack_model, promote, second

from fire.audit import audit, recomputed
from fire.crowd import Crowd, Told, call, own, wait_for
from fire.experiment import Plan, Result, share
from fire.server import Running, new_shop
from holdfast.contract.model import Contract
from holdfast.ledger.read import LedgerReader
from holdfast.ledger.records import Decision


@dataclass(frozen=True)
class _Side:
    version: str
    contract: Contract
    bundle: str


def run(plan: Plan) -> Result:
    swaps = plan.much(50, 5)
    home = new_shop(plan.place("shop"))
    one = _Side("1", first(), next(path.name for path in (home / "bundles").iterdir()))
    other = _Side("2", second(), pack_model(home, second(), weight=0.01))
    waits: list[float] = []
    with Running(home, workers=2) as server:

        def swap(side: _Side) -> None:
            promote(home, side.contract, side.bundle, side.version)
            waits.append(wait_for(lambda: everywhere(server.port, side.version), 30, f"version {side.version}"))

        # Both contracts must have been live before both fields may be sent.
        swap(other)
        with Crowd(server.port, 4, own) as told:
            for number in range(swaps):
                before = len(told.answered)
                swap(one if number % 2 == 0 else other)
                wait_for(lambda: len(told.answered) > before + 20, 60, "answers between two swaps")
                time.sleep(plan.dice.uniform(0, 0.3))
    found = audit(home, told.answered)
    report = recomputed(home)
    decisions = [item for item in LedgerReader(home / "ledger").records() if isinstance(item, Decision)]
    by_version = Counter(item.version for item in decisions)
    otherwise = [item.event_id for item in decisions if item.version != version_told(told, item.event_id)]
    figures = {
        "swaps": swaps,
        "requests": sum(told.statuses.values()),
        "failed": sum(told.failed.values()) + len(told.broken),
        "decisions by version": "/".join(str(n) for _, n in sorted(by_version.items())),
        "logged version ≠ scoring model": len(report.differences),
        "logged version ≠ answered version": len(otherwise),
        "recomputed": report.decisions,
        "promotion → every worker p95 s": round(share(waits, 0.95), 2),
    }
    whole = len(decisions) == len(told.answered) and not otherwise
    held = whole and report.ok and found.sound and not told.failed and not told.broken and len(by_version) == 2
    # The control: rows that name the other model, as if the swap had not been whole.
    names = {"1": other, "2": one}
    relabelled = [
        msgspec.structs.replace(item, version=names[item.version].version, contract=names[item.version].contract.hash)
        for item in decisions[:200]
    ]
    noticed = recomputed(home, relabelled)
    n = len({item.prediction_id for item in noticed.differences})
    control = f"of {len(relabelled)} rows made to name the other version, {n} are noticed"
    wrong = found.wrong + [str(item) for item in report.differences] + told.broken + otherwise
    return Result(figures, held, control, n == len(relabelled) > 0, wrong + [f"{told.failed}"] * bool(told.failed))


def version_told(told: Told, event_id: str) -> str:
    reply = told.answered.get(event_id, {"model": {"version": "none"}})
    return str(reply["model"]["version"])


def everywhere(port: int, version: str) -> bool:
    """Whether whoever accepts a connection answers with this version: asked on several."""
    asked = (json.loads(call(port, "GET", "/model-info")[1])["version"] for _ in range(6))
    return all(item == version for item in asked)

"""A small shop under test: two contracts, models without training, a project folder, and its server as a process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from holdfast.bundle.calibration import Calibration
from holdfast.bundle.pack import pack
from holdfast.bundle.predictors.linear import Term, linear_spec
from holdfast.bundle.threshold import Threshold
from holdfast.contract import Contract, Events, category, days, decimal, feature, integer, text, timestamp
from holdfast.contract.model import Contract as Frozen
from holdfast.features.plan import plan
from holdfast.features.state.state import State
from holdfast.ledger.log import Log
from holdfast.ledger.records import Promotion
from holdfast.ledger.writer import LedgerWriter

ROOT = Path(__file__).parents[2]


@lru_cache
def first() -> Frozen:
    """Payments of cards, at merchants that have a risk."""
    return _contract(newer=False)


@lru_cache
def second() -> Frozen:
    """The same payments with a field and features of its own, one field of the first left out."""
    return _contract(newer=True)


def _contract(newer: bool) -> Frozen:
    fields: dict[str, Any] = {
        "payment_id": text(generated=True),
        "occurred_at": timestamp(generated=True),
        "card_id": text(personal=True, former=("card",)),
        "amount": decimal(scale=2, above=0, at_most=50_000, unit="USD"),
        "hour": integer(at_least=0, at_most=23),
        "merchant_category": category("grocery", "online", "travel"),
    }
    if newer:
        del fields["hour"]
        fields["channel"] = category("shop", "web", on_unknown="unknown")
    payments = Events("payments", id="payment_id", time="occurred_at", fields=fields)
    is_fraud = payments.label("is_fraud", known_after=days(7), absent=False, final_after=days(14))
    merchants = Events(
        "merchants",
        id="notice_id",
        time="told_at",
        fields={
            "notice_id": text(),
            "told_at": timestamp(),
            "merchant_category": category("grocery", "online", "travel"),
            "risk": integer(at_least=0, at_most=10),
        },
    )
    card = payments.per("card_id")
    features: dict[str, Any] = {
        "amount": feature(payments.amount, description="amount of the payment", unit="USD"),
        "merchant_category": payments.merchant_category,
        "card_payments_7d": feature(card.count(over=days(7)), description="payments of the card in 7 days"),
        "card_amount_7d": card.sum(payments.amount, over=days(7)),
        "merchant_risk": merchants.per("merchant_category").as_of(merchants.risk, within=days(365)),
        "merchant_fraud_rate": payments.per("merchant_category").mean(is_fraud, over=days(30), ending=days(7)),
    }
    if newer:
        features["channel"] = payments.channel
    else:
        features["hour"] = payments.hour
    return Contract(
        "fraud", decide_on=payments, label=is_fraud, features=features, probability="fraud_probability"
    ).freeze()


def pack_model(home: Path, contract: Frozen, *, weight: float = 0.002) -> str:
    """A linear model over the contract, packed under its hash."""
    terms = [
        Term(weights=(0.0, 0.0, 0.1, 0.4, 0.2)) if item.expr.kind == "category" else Term(weight=weight, impute=0.1)
        for item in contract.features
    ]
    rows = np.zeros((4, len(contract.features)))
    rows[1] = 1.0
    rows[2] = 2.0
    place = home / "bundles" / "packing"
    name = pack(
        place,
        contract=contract,
        model=linear_spec(terms, -1.0),
        calibration=Calibration(),
        threshold=Threshold(0.5),
        golden_rows=rows,
        profile={},
        environment="",
        card="",
        training={"run": "none"},
    )
    place.rename(home / "bundles" / name)
    return name


def promote(home: Path, contract: Frozen, bundle: str, version: str, *, ready: bool = True) -> None:
    """As another process does it: make the state ready (unless told otherwise), then write the promotion."""
    if ready:
        make_ready(home, contract)
    state = State.open(home / "state")
    try:
        writer = LedgerWriter(Log(home / "ledger"), state)
        record = Promotion(
            action="promote", alias="champion", version=version, bundle=bundle, contract=contract.hash, who="t", why="t"
        )
        writer.commit([record])
    finally:
        state.close()


def make_ready(home: Path, contract: Frozen) -> None:
    """Keep the contract's series from now on; these tests do without what was before."""
    state = State.open(home / "state")
    try:
        state.publish(state.register(plan(contract).series))
    finally:
        state.close()


def stamp(ago: timedelta = timedelta()) -> str:
    return (datetime.now(UTC) - ago).isoformat().replace("+00:00", "Z")


def payment(number: int | str, **changes: Any) -> dict[str, Any]:
    """A body that both contracts accept while both are live."""
    body: dict[str, Any] = {
        "payment_id": f"p{number}",
        "occurred_at": stamp(timedelta(seconds=1)),
        "card_id": f"card-{number}",
        "amount": 12.5,
        "hour": 13,
        "merchant_category": "online",
    }
    body |= changes
    return {name: value for name, value in body.items() if value is not ...}


def shop(home: Path) -> str:
    """A project folder whose champion is version 1 of the first contract; answers its bundle."""
    (home / "bundles").mkdir(parents=True)
    bundle = pack_model(home, first())
    promote(home, first(), bundle, "1")
    return bundle


@dataclass
class Server:
    process: subprocess.Popen[str]
    address: str
    client: httpx.Client

    def post(self, path: str, body: Any, **more: Any) -> httpx.Response:
        if isinstance(body, bytes):
            return self.client.post(path, content=body, **more)
        return self.client.post(path, content=json.dumps(body).encode(), **more)

    def get(self, path: str) -> httpx.Response:
        return self.client.get(path)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def wait_for_version(self, version: str, seconds: float = 5.0) -> float:
        """Seconds until this version answers."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            if self.get("/model-info").json()["version"] == version:
                return time.monotonic() - began
            time.sleep(0.02)
        raise AssertionError(f"version {version} does not answer after {seconds} s")


SCRIPT = """
import sys
from pathlib import Path
from holdfast.serving.run import serve
{before}
serve(Path(sys.argv[1]), port=int(sys.argv[2]), announce=lambda address, ready: print(address, flush=True){more})
"""

WORK = """
import sys
from pathlib import Path
from holdfast.serving.line import Line
from holdfast.serving.run import work
{before}
work(Path(sys.argv[1]), Line.of(sys.argv[2:]){more})
"""

SUPERVISE = """
import sys
from pathlib import Path
from holdfast.serving import run, tally
from holdfast.serving.supervise import supervise
home, port, workers, work = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
with run.listen("127.0.0.1", port) as bound:
    tally.begin(home)
    address = run.address_of(bound)
    command = [sys.executable, "-c", work, str(home)]
    supervise(bound, command, workers=workers, drain=10, announce=lambda ready: print(address, flush=True))
"""


def command(home: Path, *, before: str = "", more: str = "", workers: int = 1, port: int = 0) -> list[str]:
    """What starts the server; `before` is run in each worker first, `more` are further arguments."""
    words = {"before": before, "more": f", {more}" if more else ""}
    if workers == 1:
        return [sys.executable, "-c", SCRIPT.format(**words), str(home), str(port)]
    return [sys.executable, "-c", SUPERVISE, str(home), str(port), str(workers), WORK.format(**words)]


@contextmanager
def serving(
    home: Path, *, before: str = "", more: str = "", workers: int = 1, wrapper: Sequence[str] = ()
) -> Iterator[Server]:
    """The server in a process of its own (several, with more `workers`), started through `wrapper` (strace)."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    process = subprocess.Popen(
        [*wrapper, *command(home, before=before, more=more, workers=workers)],
        stdout=subprocess.PIPE,
        stderr=None,
        text=True,
        env=environment,
    )
    assert process.stdout is not None
    try:
        address = process.stdout.readline().strip()
        assert address, "the server did not start"
        with httpx.Client(base_url=address, timeout=20) as client:
            yield Server(process, address, client)
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        process.stdout.close()

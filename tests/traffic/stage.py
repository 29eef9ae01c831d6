"""A shop with a champion and challengers, and experiments started as a command starts them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from tests.serving.shop import Server, first, make_ready, pack_model, shop

from holdfast.contract.model import Contract
from holdfast.features.state.state import State
from holdfast.ledger.log import Log
from holdfast.ledger.read import LedgerReader
from holdfast.ledger.records import Arm, Decision, Experiment, Record, Shadow
from holdfast.ledger.writer import LedgerWriter
from holdfast.traffic.assign import SLOTS, deal

T = TypeVar("T")


def stage(home: Path, *, weight: float = 0.003, contract: Contract | None = None, ready: bool = True) -> list[Arm]:
    """A shop whose champion is version 1, and version 2 ready beside it: another weight, or another contract."""
    champion = shop(home)
    other = first() if contract is None else contract
    challenger = pack_model(home, other, weight=weight)
    if ready:
        make_ready(home, other)
    return [
        Arm(name="champion", version="1", bundle=champion, contract=first().hash),
        Arm(name="challenger", version="2", bundle=challenger, contract=other.hash),
    ]


def experiment(arms: list[Arm], kind: str = "ab", weights: tuple[int, ...] = (5_000, 5_000), **more: Any) -> Experiment:
    """A start, as it is written."""
    given = {"name": "trial", "entity": ["payment_id"], "salt": b"salt-of-this-trial", "who": "t", "why": "t", **more}
    arms = [
        Arm(
            name=arm.name,
            version=arm.version,
            bundle=arm.bundle,
            contract=arm.contract,
            weight=weight,
            rule=arm.rule,
        )
        for arm, weight in zip(arms, weights, strict=True)
    ]
    slots = deal(weights) if sum(weights) == SLOTS else []
    return Experiment(action="start", kind=kind, arms=arms, slots=slots, **given)  # type: ignore[arg-type]  # as told


def write(home: Path, *records: Record) -> list[Record]:
    """As another process does it."""
    with writing(home) as writer:
        return writer.commit(records)


@contextmanager
def writing(home: Path) -> Iterator[LedgerWriter]:
    state = State.open(home / "state")
    try:
        writer = LedgerWriter(Log(home / "ledger"), state)
        yield writer
        writer.close()
    finally:
        state.close()


def decisions(home: Path) -> list[Decision]:
    return [item for item in LedgerReader(home / "ledger").records() if isinstance(item, Decision)]


def records(home: Path, kind: type[T]) -> list[T]:
    log = "shadows" if kind is Shadow else "ledger"
    return [item for item in LedgerReader(home / log).records() if isinstance(item, kind)]


def wait_for(condition: Callable[[], T | None], seconds: float = 20.0) -> T:
    """What the condition answers once it is true."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"nothing after {seconds} s")


def under_way(server: Server) -> str:
    """Name of the experiment that the server answers under."""
    told = server.get("/health").json().get("experiment")
    return str(told["name"]) if told else ""

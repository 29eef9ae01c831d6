"""Measures on a running server: followed, told in the answer, over when they say, and replayed bit for bit."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.serving.shop import Server, first, payment, serving, shop

from holdfast.bundle.load import load
from holdfast.features.history import Records
from holdfast.features.state.state import State
from holdfast.ledger.log import Log
from holdfast.ledger.read import LedgerReader
from holdfast.ledger.recompute import Recomputer
from holdfast.ledger.records import Decision, Event, Measure
from holdfast.ledger.replay import ReplayReport, replay
from holdfast.ledger.writer import LedgerWriter, now_micros

HOUR = 3_600_000_000


class Shop:
    """A running server, and the hand that puts measures into its ledger."""

    def __init__(self, home: Path, bundle: str, server: Server) -> None:
        self.home, self.bundle, self.server = home, bundle, server

    def write(self, record: Measure) -> Measure:
        state = State.open(self.home / "state")
        try:
            kept = LedgerWriter(Log(self.home / "ledger"), state).commit([record])[0]
        finally:
            state.close()
        assert isinstance(kept, Measure)
        return kept

    def put(self, kind: Any, **more: Any) -> Measure:
        told: dict[str, Any] = {
            "action": "put", "version": "1", "bundle": self.bundle, "who": "eve", "key": "k", "why": "a test",
            "until": now_micros() + HOUR,
        }  # fmt: skip
        made = self.write(Measure(kind=kind, **told | {"answers": self.write(Measure(
            kind=kind, **told | {"action": "ask"})).seq} | more))  # fmt: skip
        self.wait(lambda held: made.seq in held)
        return made

    def lift(self, measure: Measure) -> None:
        self.write(msgspec.structs.replace(measure, action="lift", answers=measure.seq, seq=0, received_at=0))
        self.wait(lambda held: measure.seq not in held)

    def wait(self, until: Callable[[list[int]], bool]) -> None:
        for _ in range(200):
            if until([item["record"] for item in self.server.get("/health").json()["measures"]]):
                return
            time.sleep(0.05)
        raise AssertionError("the server does not follow")

    def ask(self, number: int | str, **changes: Any) -> dict[str, Any]:
        reply = self.server.post("/predict", payment(number, **changes))
        assert reply.status_code == 200, reply.text
        told: dict[str, Any] = reply.json()
        return told

    def replayed(self, measures: Mapping[int, Measure] | None = None) -> ReplayReport:
        records = list(LedgerReader(self.home / "ledger").records())

        @lru_cache
        def opened() -> Any:
            return load(self.home / "bundles" / self.bundle, expect=self.bundle)

        return replay(
            [item for item in records if isinstance(item, Decision)],
            bundle_of=lambda _: opened(),
            recompute=Recomputer(lambda _: Records({}, {}), lambda: records),
            measures={item.seq: item for item in records if isinstance(item, Measure)}
            if measures is None else measures,
        )  # fmt: skip


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Shop]:
    home = tmp_path / ".holdfast"
    bundle = shop(home)
    with serving(home) as server:
        yield Shop(home, bundle, server)


def test_a_raised_threshold_decides_until_it_is_lifted_and_replays_bit_for_bit(running: Shop) -> None:
    before = running.ask(1, amount=600)
    assert before["decision"]
    assert before["threshold"] == 0.5
    put = running.put("threshold", value=0.95)
    during = running.ask(2, amount=600)
    assert (during["decision"], during["threshold"]) == (False, 0.95)
    assert running.server.post("/predict/batch", {"rows": [payment(3, amount=600)]}).json()["results"][0][
        "threshold"
    ] == 0.95  # fmt: skip
    assert running.ask(1, amount=600, occurred_at=before_time(running, "p1")) == before  # a retry gets its old answer
    running.lift(put)
    after = running.ask(4, amount=600)
    assert (after["decision"], after["threshold"]) == (True, 0.5)
    report = running.replayed()
    assert (report.ok, report.decisions, report.differing_bits) == (True, 4, 0), report
    # The control: without the record of the measure the same decisions do not come out.
    lost = running.replayed({})
    assert {item.what for item in lost.differences} >= {f"measure {put.seq}", "threshold", "decision"}
    moved = running.replayed({put.seq: msgspec.structs.replace(put, value=0.94)})
    assert {item.what for item in moved.differences} == {"threshold"}
    ended = running.replayed({put.seq: msgspec.structs.replace(put, until=put.received_at - 2 * HOUR)})
    assert any("ended" in str(item.computed) for item in ended.differences)


def before_time(running: Shop, event_id: str) -> str:
    from holdfast.contract.values import read_strict

    records = LedgerReader(running.home / "ledger").records()
    told = next(item for item in records if isinstance(item, Decision) and item.event_id == event_id)
    return str(read_strict(told.body)["occurred_at"])


def test_a_measure_ends_by_itself_and_holds_for_its_own_bundle(running: Shop) -> None:
    running.put("threshold", value=0.95, bundle="f" * 64)
    assert running.ask(1, amount=600)["threshold"] == 0.5
    until = now_micros() + 1_500_000
    soon = running.put("threshold", value=0.9, until=until)
    running.wait(lambda held: soon.seq not in held)
    assert now_micros() >= until
    assert running.ask(2, amount=600)["threshold"] == 0.5
    assert running.replayed().ok


def test_positive_decisions_in_a_band_are_marked_for_review(running: Shop) -> None:
    sure, unsure, no = 5_000, 600, 10
    running.put("review", value=0.9)
    assert running.ask(1, amount=unsure)["review"] is True
    assert "review" not in running.ask(2, amount=sure)
    assert running.ask(2, amount=sure, occurred_at=before_time(running, "p2"))["decision"]
    assert "review" not in running.ask(3, amount=no)
    assert running.replayed().ok
    records = list(LedgerReader(running.home / "ledger").records())
    assert [item.review for item in records if isinstance(item, Decision)] == [True, False, False]


def test_a_field_under_another_name_is_read_at_once_and_kept_under_its_own(running: Shop) -> None:
    renamed = payment(1, merchant_category=..., category="online", amount=600)
    refused = running.server.post("/predict", renamed)
    assert refused.status_code == 422
    put = running.put("names", source="payments", names=[("category", "merchant_category")])
    told = running.server.post("/predict", renamed).json()
    assert told["warnings"] == ["merchant_category: came as category"]
    plain = running.ask(2, amount=600)
    assert plain["probability"] == told["probability"]
    assert running.server.post("/predict", renamed).json() == told
    rows = [payment(3, merchant_category=..., category="online"), payment(4)]
    assert running.server.post("/predict/batch", {"rows": rows}).json()["accepted"] == 2
    event = payment(5, merchant_category=..., category="online")
    assert running.server.post("/events", {"event": event}).status_code == 200
    assert running.server.post("/predict", event).status_code == 200  # decided on after it was recorded
    running.lift(put)
    assert running.server.post("/predict", payment(6, merchant_category=..., category="x")).status_code == 422
    records = list(LedgerReader(running.home / "ledger").records())
    bodies = [item.body for item in records if isinstance(item, Decision | Event)]
    assert all(b'"merchant_category"' in body and b'"category"' not in body for body in bodies)
    report = running.replayed()
    assert (report.ok, report.decisions) == (True, 5), report
    assert first().deciding.name == "payments"

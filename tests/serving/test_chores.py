"""What a server does beside answering."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from tests.serving.shop import first, payment

from holdfast.features.plan import plan
from holdfast.features.state.durability import CHECKPOINT
from holdfast.features.state.state import State
from holdfast.ledger.ids import body_digest
from holdfast.ledger.log import Log
from holdfast.ledger.records import Event
from holdfast.ledger.writer import LedgerWriter
from holdfast.serving.chores import Chore, Chores, free_readers, keep_copy, seen


def test_chores_are_done_in_their_turn_and_a_failing_one_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    done: list[str] = []

    def fail() -> None:
        done.append("failing")
        raise OSError("away")

    chores = Chores([Chore(0.0, fail), Chore(0.0, lambda: done.append("other")), Chore(99.0, fail, at_once=False)])
    chores.start()
    while done.count("other") < 3:
        time.sleep(0.01)
    chores.stop()
    assert not chores.is_alive()
    assert abs(done.count("failing") - done.count("other")) <= 1
    assert "a chore failed" in caplog.text


def test_a_probe_remembers_when_the_registry_was_last_reached() -> None:
    here = seen(lambda: {"reachable": True}, {})
    assert isinstance(here["last_reached"], float)
    away = seen(lambda: {"reachable": False}, here)
    assert away["last_reached"] == here["last_reached"]


def test_a_copy_of_state_is_kept_when_enough_was_recorded(tmp_path: Path) -> None:
    state = State.open(tmp_path / "state")
    state.register(plan(first()).series)
    writer = LedgerWriter(Log(tmp_path / "ledger"), state)
    chore = keep_copy(state, records=10)
    copy = tmp_path / "state" / CHECKPOINT
    for number in range(12):
        body = payment(number)
        event = Event(
            source="payments",
            event_id=f"p{number}",
            time=number,
            body=json.dumps(body).encode(),
            digest=body_digest(body),
        )  # fmt: skip
        writer.commit([event])
        chore.run()
        assert copy.exists() == (number >= 9)
    written = copy.stat().st_mtime_ns
    chore.run()
    assert copy.stat().st_mtime_ns == written
    free_readers(state).run()
    writer.close()
    state.close()

"""`kill -9` under load, again and again: nothing acknowledged is lost, and state is what a rebuild makes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.ledger.payments import contract, opened

from holdfast.features.state.rows import rows
from holdfast.features.state.state import State
from holdfast.ledger.read import LedgerReader
from holdfast.ledger.rebuild import rebuild
from holdfast.ledger.records import Decision

KILLS = int(os.environ.get("HOLDFAST_KILLS", "5"))


def acknowledged_before_kill(folder: Path, first: int, seconds: float) -> list[str]:
    """Start the victim, let it run, kill it; the ids it had acknowledged."""
    command = [sys.executable, "-m", "tests.ledger.victim", str(folder), str(first), str(first + 10**6)]
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join(["src", "."])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=paths) as victim:
        assert victim.stdout is not None
        assert victim.stdout.readline() == b"ready\n"
        time.sleep(seconds)
        victim.send_signal(signal.SIGKILL)
        told = victim.stdout.read()
        assert victim.wait() == -signal.SIGKILL
    # The last line may be cut: a client that read half an id was told nothing.
    return told[: told.rfind(b"\n") + 1].decode().split()


def test_nothing_acknowledged_is_lost_by_kill_9(tmp_path: Path) -> None:
    dice = random.Random(9)
    state, writer = opened(tmp_path)
    writer.close()
    state.close()
    acknowledged: list[str] = []
    for round_number in range(KILLS):
        acknowledged += acknowledged_before_kill(tmp_path, 10**6 * round_number, dice.uniform(0.05, 0.6))
    state, writer = opened(tmp_path)
    records = list(LedgerReader(tmp_path / "ledger").records())
    decided = [record.event_id for record in records if isinstance(record, Decision)]
    assert len(acknowledged) > 10 * KILLS
    assert set(acknowledged) <= set(decided)
    assert len(decided) == len(set(decided))
    assert [record.seq for record in records] == list(range(1, len(records) + 1))
    assert state.applied_seq == len(records)
    rebuild(tmp_path / "again" / "state", [contract], {}, tmp_path / "ledger")
    again = State.open(tmp_path / "again" / "state", readonly=True)
    assert list(rows(again)) == list(rows(state))

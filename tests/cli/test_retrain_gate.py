"""`holdfast retrain` with the whole gate: a challenger, and nobody asked but once for the contract."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.vouched import promote

from holdfast.access import keys
from holdfast.ledger.records import Examination
from holdfast.project.project import Project
from holdfast.project.server import Server
from holdfast.project.start import start
from holdfast.project.traffic import Client, Traffic
from holdfast.project.train import train
from holdfast.simulate import fraud
from holdfast.simulate.table import DAY, Table, this_minute

pytestmark = pytest.mark.long

LIVE = 30
"""Days that a server sees."""
DELAYED = frozenset({"is_fraud", "is_fraud_received_at"})


def lived(folder: Path) -> Project:
    """A champion of three months, and a month of payments through a real server, outcomes as they came."""
    start("shop", "fraud", folder, data=False)
    now = this_minute() // DAY * DAY
    cut = now - LIVE * DAY
    table = fraud.payments(24_000, days=120, end=now)
    past = table.columns["occurred_at"] < cut
    table.take(past).known("is_fraud", cut).write(folder / "data" / "payments.parquet")
    settings = folder / "holdfast.toml"
    settings.write_text(settings.read_text().replace("port = 8000", f"port = 0\nbackdate_seconds = {86_400 * 40}"))
    project = Project.open(folder)
    train(project)
    promote(project, "1", why="the first", who="tests")
    with Server(folder) as server, Client(server.port) as client:
        for day in range(cut, now + DAY, DAY):
            asked, told = of_day(table, day)
            sent = Traffic(server.port, asked).start().finish()
            assert not sent.failed, sent.failed[0]
            if told:
                status, reply = client.post("/outcomes", {"outcomes": told})
                assert (status, reply["refused"]) == (200, 0)
    return project


def of_day(table: Table, day: int) -> tuple[list[Any], list[dict[str, Any]]]:
    """What is asked on a day of the live month, and which frauds become known on it."""
    times, known = table.columns["occurred_at"], table.columns["is_fraud_received_at"]
    cut = int(times.max()) // DAY * DAY - (LIVE - 1) * DAY
    asked = list(table.take((times >= day) & (times < day + DAY)).bodies(DELAYED))
    came = table.take((known >= day) & (known < day + DAY) & (times >= cut)).columns["payment_id"]
    return asked, [{"event_id": str(name), "label": "is_fraud", "value": True} for name in came]


def test_a_retraining_passes_the_whole_gate_and_ends_in_a_challenger(tmp_path: Path) -> None:
    project = lived(tmp_path / "shop")
    texts = {
        name: keys.create(project.home, name, [role], by="keeper")[1]
        for name, role in (("sam", "operator"), ("eve", "approver"))
    }

    def run(who: str, *words: str) -> tuple[int, Any]:
        command = [str(Path(sys.executable).parent / "holdfast"), "-C", str(project.folder), *words, "--json"]
        done = subprocess.run(
            command, env={**os.environ, "HOLDFAST_KEY": texts[who]}, capture_output=True, text=True, timeout=400,
            check=False,
        )  # fmt: skip
        return done.returncode, json.loads(done.stdout)

    code, told = run("sam", "retrain", "--because", "the calendar")
    assert (code, told["ended"], [note.split()[0] for note in told["notes"]]) == (
        1,
        "stopped",
        ["GATE701", "GATE702"],
    ), told
    assert run("eve", "waive", "GATE701", "2", "--for-contract", "--because", "payments, nothing of a person")[0] == 0
    code, told = run("sam", "retrain", "--because", "the calendar")
    assert (code, told["ended"], told["version"]) == (0, "challenger", "3"), told
    exams = [item for item in project.reader.gate() if isinstance(item, Examination) and item.version == "3"]
    assert [(item.ok, len(item.waivers)) for item in exams] == [(True, 1)]
    aliases = {item.number: item.aliases for item in project.registry.versions()}
    assert (aliases["1"], aliases["3"]) == (("champion",), ("challenger",))

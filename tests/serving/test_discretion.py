"""Personal values sent everywhere while everything is watched: none is in the log, in a trace or in what health says.

The same provocations as in `test_personal`, with a line for each request, every request traced, and a ledger that
fails while it quotes what it was to write. Each control opens one door and finds them.
"""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from tests.serving.collector import collecting
from tests.serving.shop import pack_model, promote, serving
from tests.serving.test_personal import BREAK, CARD, Sent, contract, leaks, provoke

from holdfast.serving.logs import FIELDS

WATCHED = """
from holdfast.serving import logs
from holdfast.serving.traces import Traces
from holdfast.serving.watch import Watch
logs.begin(logs.Logs(level="debug", format={form!r}, file={file!r}))
import logging
logging.getLogger().setLevel(logging.DEBUG)
"""
LEDGER = """
from holdfast.ledger import writer
settle = writer.LedgerWriter.settle
def refuse(self, records, read=None):
    for record in records:
        if b"break-the-ledger" in record.body:
            raise ValueError(f"cannot write {record.body!r}")
    return settle(self, records, read)
writer.LedgerWriter.settle = refuse
"""
OPEN = {
    "the words of faults": "from holdfast.serving import durable\ndurable.words = str\n",
    "messages of other libraries": "logs._what = lambda record: record.getMessage()\nlogs.OURS = ''\n"
    "logging.getLogger('other').warning('card 4929-0071-000000')\n",
    "paths as they came": "from holdfast.serving import watch\nwatch.route_of = lambda scope: scope['path']\n",
}


def watched(home: Path, before: str = "", form: str = "json") -> tuple[str, str, str]:
    """The log, the spans, and what /health said, after everything was sent."""
    file = home.parent / "log"
    (home / "bundles").mkdir(parents=True)
    frozen = contract(personal=True)
    promote(home, frozen, pack_model(home, frozen), "1")
    first = WATCHED.format(form=form, file=str(file)) + BREAK + LEDGER + before
    with collecting() as collector:
        more = f"watch=Watch(lines=True, traces=Traces({collector.address!r}, 1.0))"
        with serving(home, before=first, more=more) as server:
            sent = Sent(server.client)
            provoke(sent)
            assert sent.send("POST", "/predict", sent.body(email="break-the-ledger")).status_code == 503
            health = server.get("/health").text + server.get("/readyz").text
            # Where it went wrong, no name of the path, nor what follows it, may be told either.
            with httpx.Client(base_url=server.address) as client:
                client.get(f"/v2/models/{CARD}-000001")
        return file.read_text(), "".join(map(str, collector.spans)), health


def test_nothing_personal_is_seen_from_outside(tmp_path: Path) -> None:
    log, spans, health = watched(tmp_path / ".holdfast")
    found = [json.loads(line) for line in log.splitlines()]
    print(f"{len(found)} lines of log, {len(log)} characters; {len(spans)} characters of spans")
    assert leaks(log) == leaks(spans) == leaks(health) == set()
    assert {key for line in found for key in line} <= FIELDS.keys()
    # What went wrong is told all the same.
    events = {line["event"] for line in found}
    assert {"request", "fault", "serving", "ledger_unwritable", "refusals"} <= events
    assert {"ValueError", "RuntimeError < KeyError"} <= {line.get("error") for line in found}
    assert "ValueError" in health
    assert "range" in spans


def test_plain_text_is_as_discreet(tmp_path: Path) -> None:
    log, _, _ = watched(tmp_path / ".holdfast", form="text")
    assert leaks(log) == set()
    assert "ValueError" in log


@pytest.mark.parametrize("door", OPEN)
def test_with_a_door_open_they_are_found(tmp_path: Path, door: str) -> None:
    log, spans, health = watched(tmp_path / ".holdfast", before=OPEN[door])
    assert leaks(log + spans + health)

"""Each playbook rehearsed on a running server: injected, opened, mitigated by its command, verified, closed."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from tests.cli.conftest import QUICK, Run

from holdfast.access import keys
from holdfast.drills.catalog import KNOWN
from holdfast.drills.left import left
from holdfast.errors import HoldfastError
from holdfast.ledger.records import Approval, Examination, Incident
from holdfast.project.bundles import named
from holdfast.project.incidents.case import Case
from holdfast.project.incidents.playbooks import PLAYBOOKS, Playbook
from holdfast.project.incidents.postmortem import drill
from holdfast.project.people import VARIABLE
from holdfast.project.project import Project
from holdfast.project.server import Server
from holdfast.project.traffic import Client, Traffic
from holdfast.project.train import train

pytestmark = pytest.mark.long

SENT = 120


class Rehearsal:
    """A project whose server runs, the keys of its people, and payments to send."""

    def __init__(self, folder: Path, run: Run) -> None:
        self.folder = folder
        self.project = Project.open(folder)
        self.call = run
        self.server = Server(folder)
        self.number = 0
        self.rows = pq.read_table(folder / "data" / "payments.parquet").slice(0, 2_000).to_pylist()
        self.texts = dict[str, str]()
        self.ids = dict[str, str]()
        roles = {"ann": "operator", "sam": "operator", "eve": "approver", "till": "scorer", "vic": "viewer"}
        for name, role in roles.items():
            made, self.texts[name] = keys.create(self.project.home, name, [role], by="keeper")
            self.ids[name] = made.id
        self.server.start()

    def run(self, who: str, *words: str, code: int = 0) -> Any:
        """`holdfast …` as somebody; answers its JSON document."""
        before = os.environ.get(VARIABLE)
        if who in self.texts:
            os.environ[VARIABLE] = self.texts[who]
        try:
            done = self.call("-C", self.folder, *words, "--json")
        finally:
            if before is None:
                os.environ.pop(VARIABLE, None)
        assert done.code == code, done.out + done.err
        return done.document

    def incident(self, who: str, *words: str, code: int = 0) -> Any:
        at = () if words[0] not in ("open", "show", "verify", "tell", "close") else ("--address", self.server.address)
        return self.run(who, "incident", *words, *at, code=code)

    def send(
        self, count: int = SENT, change: Callable[[dict[str, Any]], Mapping[str, Any]] = dict, ago: float = 1.0
    ) -> Any:
        """Payments like those of history, each of a customer of its own time; `ago` in seconds."""
        made = []
        for _ in range(count):
            self.number += 1
            moment = datetime.now(UTC) - timedelta(seconds=ago)
            made.append(change(dict(self.payment(self.number)) | {"occurred_at": moment.isoformat()}))
        return Traffic(self.server.port, made, clients=2, key=self.texts.get("till", "")).start().finish()

    def payment(self, number: int) -> dict[str, Any]:
        """One of history, of a customer nobody knows."""
        row = self.rows[number * 17 % len(self.rows)]
        return {
            "payment_id": f"rehearsed-{number}",
            "customer_id": f"customer-{number}",
            "terminal_id": row["terminal_id"],
            "merchant_category": row["merchant_category"],
            "entry_mode": row["entry_mode"],
            "amount": float(row["amount"]),
        }

    def deploy(self, *changes: str) -> None:
        """A new version, submitted by sam and approved by eve, live in the running server."""
        train(self.project, changes=(*QUICK, *changes))
        version, bundle = named(self.project, "2")
        told: dict[str, Any] = {"version": version, "bundle": bundle.hash, "verdict": "v" * 64}
        with self.project.writing() as (_, writer):
            writer.commit([Examination(**told, ok=True, who="sam", key=self.ids["sam"])])
            writer.commit([Approval(**told, action="approve", who="eve", key=self.ids["eve"], why="a test")])
        self.run("sam", "promote", version, "--why", "on a Friday evening")
        self.wait(lambda health: health["model"]["version"] == version)

    def wait(self, until: Callable[[Any], bool]) -> None:
        with Client(self.server.port, key=self.texts.get("vic", "")) as client:
            for _ in range(400):
                if until(client.get("/health")[1]):
                    return
                time.sleep(0.05)
        raise AssertionError("the server does not follow")


@pytest.fixture
def rehearsal(shop: Path, run: Run) -> Iterator[Rehearsal]:
    settings = shop / "holdfast.toml"
    told = settings.read_text()
    assert "port = 8000\n" in told
    settings.write_text(told.replace("port = 8000\n", "port = 8000\nbackdate_seconds = 5_000_000\n"))
    made = Rehearsal(shop, run)
    try:
        yield made
    finally:
        made.server.stop()


def test_a_false_positive_spike_is_rolled_back(rehearsal: Rehearsal) -> None:
    made = rehearsal
    made.send()
    made.deploy("calibration=none", "threshold=fixed", "target=0.000001")
    spike = made.send(520, ago=90.0)  # the watch judges whole minutes
    assert sum(reply["decision"] for _, reply in spike.answered) > 400
    opened = made.incident("ann", "open", "--because", "branches complain that everybody is refused")
    assert opened["playbook"] == "false-positive-spike"  # the alert says so, nobody else did
    by = {item["name"]: item for item in opened["evidence"]}
    assert {name: item["lacking"] for name, item in by.items() if item["lacking"]} == {}
    assert any("1e-06" in line for line in by["changes"]["lines"])
    assert by["promotions"]["figures"]["promotions"][-1]["why"] == "on a Friday evening"
    assert by["skew"]["figures"]["ok"]
    made.run("ann", "incident", "acknowledge", "--because", "ann is on it")
    early = made.incident("ann", "verify", code=1)
    assert not early["gone"]
    made.run("vic", "incident", "mitigate", "rollback", "--do", "--because", "I may not", code=2)
    offered = made.run("vic", "incident", "mitigate", "rollback")
    assert "version 1 answers again" in offered["words"]
    made.run("ann", "incident", "mitigate", "rollback", "--do", "--because", "the deploy of tonight")
    made.wait(lambda health: health["model"]["version"] == "1")
    time.sleep(2)
    early = made.incident("ann", "verify", code=1)  # nothing was decided since: nothing is shown
    assert early["figures"][0]["verdict"] == "too few"
    made.send(60)
    verified = made.incident("ann", "verify")
    assert verified["gone"]
    message = made.incident("ann", "tell", "--to", "the branch managers")["message"]
    assert "rolled back to version 1" in message
    made.run("ann", "incident", "note", "version 2 decides from 1e-06 on", "--as", "diagnose")
    done = made.incident("ann", "close", "--because", "version 1 answers; version 2 is archived")
    assert done["seconds"]["mitigated"] is not None
    page = (made.folder / "incidents" / f"incident-{done['incident']}.html").read_text()
    assert "version 2 decides from 1e-06 on" in page
    assert "<script" not in page
    assert (made.folder / done["drill"]).is_file()
    assert made.run("ann", "replay")["ok"]
    print(f"mitigated {verified['seconds_to_mitigation']} s after its first alert, by the ledger's clock")


def put(made: Rehearsal, asked: Any) -> Any:
    """The second person: eve. Who asked may not."""
    made.run("ann", "incident", "put", str(asked["seq"]), "--because", "quick", code=2)
    found = made.run("eve", "incident", "put", str(asked["seq"]), "--because", "customers wait")
    made.wait(lambda health: any(item["record"] == found["seq"] for item in health["measures"]))
    time.sleep(2)
    return found


def test_a_renamed_field_is_read_at_once(rehearsal: Rehearsal) -> None:
    made = rehearsal
    made.send(60)

    def renamed(body: dict[str, Any]) -> dict[str, Any]:
        return {("category" if name == "merchant_category" else name): value for name, value in body.items()}

    refused = made.send(90, renamed)
    assert len(refused.failed) == 90
    opened = made.incident("ann", "open", "--because", "the tills say 422")
    assert opened["playbook"] == "schema-change"
    told = next(item for item in opened["evidence"] if item["name"] == "refusals")
    assert told["figures"]["renamed"] == [{"came": "category", "meant": "merchant_category", "count": 90}]
    assert "customer-" not in json.dumps(told)  # personal: masked
    offered = made.run("ann", "incident", "mitigate", "former-name")
    assert "category as merchant_category" in offered["words"]
    asked = made.run(
        "ann", "incident", "mitigate", "former-name", "--name", "category=merchant_category", "--do",
        "--because", "the sender renamed it",
    )  # fmt: skip
    assert made.incident("ann", "show")["status"] == "open"  # asked is not done
    measure = put(made, asked)
    assert not made.send(60, renamed).failed
    assert made.incident("ann", "verify")["gone"]
    made.run("ann", "incident", "note", "the sender released a new version", "--as", "diagnose")
    made.run("ann", "incident", "note", "the sender uses the old name again", "--as", "remediate")
    made.run("eve", "incident", "lift", str(measure["seq"]), "--because", "no longer needed")
    made.wait(lambda health: not health["measures"])
    time.sleep(2)
    assert not made.send(60).failed
    assert made.incident("ann", "verify")["gone"]
    done = made.incident("ann", "close", "--because", "mended by the sender")
    told = tomllib.loads((made.folder / done["drill"]).read_text())
    assert (told["inject"], told["field"], told["to"]) == ("rename", "merchant_category", "category")
    assert made.run("ann", "replay")["ok"]


def test_a_silent_change_of_units_goes_to_review_until_the_sender_mends_it(rehearsal: Rehearsal) -> None:
    made = rehearsal
    made.send(150)
    time.sleep(1)
    since = datetime.now(UTC).isoformat()
    made.send(150, lambda body: body | {"amount": min(50_000.0, round(body["amount"] * 100, 2))}, ago=0)
    opened = made.incident(
        "ann", "open", "silent-input-change", "--because", "amounts look odd", "--since", since
    )  # fmt: skip
    moved = next(item for item in opened["evidence"] if item["name"] == "inputs")["figures"]["features"]
    assert 60 < next(item for item in moved if item["feature"] == "amount")["factor"] < 140
    figures = {item["figure"]: item for item in made.incident("ann", "verify", code=1)["figures"]}
    assert {name: item["verdict"] for name, item in figures.items()} == dict.fromkeys(figures, "too few")
    asked = made.run(
        "ann", "incident", "mitigate", "review", "--to", "1", "--do", "--because", "cents for dollars, it seems"
    )
    put(made, asked)
    cents = made.send(60, lambda body: body | {"amount": min(50_000.0, round(body["amount"] * 100, 2))})
    assert all(reply.get("review", False) == reply["decision"] for _, reply in cents.answered)
    verified = made.incident("ann", "verify")
    assert verified["gone"]
    held = made.incident("ann", "close", "--because", "people look", code=2)
    assert "not over" in held["error"]["what"]
    made.run("ann", "incident", "note", "the sender sends cents", "--as", "diagnose")
    made.run("ann", "incident", "note", "the sender sends dollars again", "--as", "remediate")
    time.sleep(2)
    made.send(90)
    assert made.incident("ann", "verify")["gone"]
    done = made.incident("ann", "close", "--because", "dollars again")
    assert {item["verdict"] for item in done["figures"]} == {"gone"}
    told = tomllib.loads((made.folder / done["drill"]).read_text())
    assert (told["inject"], told["field"]) == ("units", "amount")
    assert made.run("ann", "replay")["ok"]


def test_a_gradual_decay_is_bridged_by_another_threshold(rehearsal: Rehearsal) -> None:
    made = rehearsal

    def paid(count: int, amount: float, weeks: float = 0) -> Any:
        """Payments of that week: all alike but for their amount, at terminals nobody knows, at this hour of the day;
        what one of them is decided, all are."""
        sent = made.send(
            count,
            lambda body: body | {"amount": amount, "merchant_category": "travel", "entry_mode": "chip",
                                 "terminal_id": f"at-{body['customer_id']}"},
            ago=weeks * 604_800,
        )  # fmt: skip
        assert len(sent.answered) == count, sent.failed
        return sent

    def frauds(count: int, amount: float, weeks: float) -> list[bool]:
        """Decisions about frauds of that week, which are told as such at once."""
        sent = paid(count, amount, weeks)
        with Client(made.server.port, key=made.texts["till"]) as client:
            for body, _ in sent.answered:
                told = {"event_id": body["payment_id"], "label": "is_fraud", "value": True}
                status, reply = client.post("/outcomes", told)
                assert status == 200, reply
        return [reply["decision"] for _, reply in sent.answered]

    made.deploy("calibration=none")
    # The history ends today, so each day's model finds other amounts harmless: it is asked which.
    harmless = [amount for amount in (3.0, 30.0, 100.0, 300.0) if not paid(1, amount).answered[0][1]["decision"]]
    assert harmless, "this model lets no such payment pass, whatever its amount"
    small = harmless[0]
    since = (datetime.now(UTC) - timedelta(weeks=3.5)).isoformat()
    for weeks, missed in ((5, 0), (4, 0), (3, 6), (2, 12), (1, 18)):
        frauds(24 - missed, 20_000.0, weeks)
        frauds(missed, small, weeks)
    opened = made.incident("ann", "open", "gradual-decay", "--because", "recall falls", "--since", since)
    told = next(item for item in opened["evidence"] if item["name"] == "outcomes")
    recall = [week["recall"] for week in told["figures"]["weeks"]]
    assert recall[:2] == [1.0, 1.0]
    assert recall[2] > recall[3] > recall[4]
    words = next(item["words"] for item in opened["offers"] if item["name"] == "threshold")
    assert "would have been caught as before" in words
    value = words.split()[1]
    asked = made.run(
        "ann", "incident", "mitigate", "threshold", "--to", value, "--expires", "3d", "--do",
        "--because", "until the model is trained on the new kind",
    )  # fmt: skip
    put(made, asked)
    assert all([*frauds(6, 20_000.0, 0), *frauds(18, small, 0)])
    assert made.incident("ann", "verify")["gone"]
    made.run("ann", "incident", "note", "frauds of small amounts are new", "--as", "diagnose")
    done = made.incident("ann", "close", "--because", "a model that knows them is being trained")
    assert done["figures"][0]["after"]["value"] == 0.0
    replayed = made.run("ann", "replay")
    assert (replayed["ok"], replayed["differing_bits"]) == (True, 0)


def test_an_outage_ends_with_the_command_that_starts_the_server(rehearsal: Rehearsal) -> None:
    made = rehearsal
    port = made.server.port
    pid = made.folder / "again.pid"
    (made.folder / "again.py").write_text(AGAIN.format(folder=str(made.folder), port=port, pid=str(pid)))
    settings = made.folder / "holdfast.toml"
    told = settings.read_text() + f'\n[incidents]\nrestart = "{sys.executable} again.py"\n'
    settings.write_text(told)
    made.send(40)
    address = made.server.address
    made.server.kill()
    opened = made.incident("ann", "open", "--because", "nothing answers")
    assert opened["playbook"] == "outage"
    by = {item["name"]: item for item in opened["evidence"]}
    assert by["server"]["figures"]["answers"] is False
    assert made.run("ann", "incident", "verify", "--address", address, code=1)["gone"] is False
    made.run("vic", "incident", "mitigate", "restart", "--do", "--because", "I may not", code=2)
    try:
        made.run("ann", "incident", "mitigate", "restart", "--do", "--because", "it was killed")
        assert made.run("ann", "incident", "verify", "--address", address)["gone"]
        assert "Done at" in made.run("ann", "incident", "tell", "--address", address)["message"]
        done = made.run("ann", "incident", "close", "--because", "it runs again", "--address", address)
        assert done["figures"][0]["verdict"] == "gone"
    finally:
        os.kill(int(pid.read_text()), signal.SIGTERM)


AGAIN = """
import subprocess, sys
from pathlib import Path
command = [sys.executable, "-m", "holdfast.cli.main", "-C", {folder!r}, "serve", "--port", "{port}", "--json"]
quiet = {{"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True, "start_new_session": True}}
process = subprocess.Popen(command, **quiet)
Path({pid!r}).write_text(str(process.pid))
sys.exit(0 if process.stdout.readline().startswith('{{"address"') else 1)
"""


@pytest.mark.parametrize("book", PLAYBOOKS, ids=lambda book: book.name)
def test_what_a_closed_incident_leaves_is_a_drill(book: Playbook, tmp_path: Path) -> None:
    opened = Incident(seq=7, action="open", playbook=book.name, what='they said "no"\n', who="ann")
    (tmp_path / "drills").mkdir()
    told = [
        {"name": "refusals", "figures": {"renamed": [{"came": "category", "meant": "kind", "count": 3}]}},
        {"name": "inputs", "figures": {"features": [{"field": "amount", "factor": 100.0, "psi": 2.0}]}},
    ]
    for number, evidence in enumerate((told, [])):
        (tmp_path / "drills" / f"{number}.toml").write_text(drill(Case(opened), evidence))
    for found in left(tmp_path, KNOWN):
        assert found.name == "incident-7"
        assert set(found.causes) == book.causes
        assert callable(found.inject)
    (tmp_path / "drills" / "0.toml").write_text('inject = "fire"')
    with pytest.raises(HoldfastError, match="no drill"):
        left(tmp_path, KNOWN)

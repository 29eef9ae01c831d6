"""The whole journey on simulated card payments, in a fresh folder, with a figure for each promise on the way."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain, count, islice
from pathlib import Path
from typing import Any, Protocol

from holdfast.contract.diff import diff
from holdfast.errors import HoldfastError
from holdfast.ledger.records import Decision
from holdfast.project import keys
from holdfast.project.demo_report import PEOPLE, REQUEST, Proof, Report
from holdfast.project.people import acting
from holdfast.project.project import Project
from holdfast.project.server import Server
from holdfast.project.start import start
from holdfast.project.traffic import Client, Sent, Traffic
from holdfast.simulate import cards
from holdfast.simulate.table import DAY, Table, iso, this_minute

LATE = 20
"""Payments that are told only after the others that came after them."""
ENOUGH = 100
"""Answers before the server is killed."""
LIVE_DAYS = 6
"""The last days of the simulation are sent over HTTP instead of imported; below serving.backdate_seconds."""

WAIVED = {
    "GATE701": "a payment says nothing of a person's group, so there is nothing to compare",
    "GATE401": "the demonstration shares this machine with its clients; it promises no rate",
    **dict.fromkeys(
        ("GATE108", "GATE201", "GATE203", "GATE301", "GATE302"),
        "a few months of simulated payments, other ones each day: the figure is told, and stops nobody here",
    ),
}
"""Checks that may be missed here, and why. One that passes all the same counts as passed."""

MORE_FEATURES = """\
        # New in the second version.
        "customer_amount_7d": customer.sum(payments.amount, over=days(7)),
        "customer_categories_30d": customer.distinct(payments.merchant_category, over=days(30)),
        "terminal_customers_1d": terminal.distinct(payments.customer_id, over=days(1)),
"""


class Verdict(Protocol):
    """What the demo looks at of the gate's verdict."""

    @property
    def ok(self) -> bool: ...

    def summary(self) -> str:
        """How many checks passed, and what stops it."""
        ...


Examine = Callable[[Project, str], Verdict]
"""`holdfast check`, which stands above this room."""


def demo(folder: Path, *, examine: Examine, rows: int = 165_000, say: Callable[[str], None] = print) -> Report:
    """Run it all. A demo's folder made before is replaced; any other folder that is not empty is refused."""
    report = Report(str(folder))
    begun = time.perf_counter()
    try:
        _Journey(folder, rows, report, say, examine).run()
    finally:
        report.seconds = time.perf_counter() - begun
    return report


class _Journey:
    """The steps, in order; each one says what it does and leaves its proof in the report."""

    def __init__(self, folder: Path, rows: int, report: Report, say: Callable[[str], None], examine: Examine) -> None:
        self.examine = examine
        self.keys: dict[str, str] = {}
        self.folder = folder
        self.size = rows
        self.report = report
        self.say = say
        self.live: Table
        self.bodies: Iterator[dict[str, Any]]
        self.project: Project
        self.late: list[dict[str, Any]] = []
        self.sent: list[Sent] = []

    def run(self) -> None:
        self.begin()
        self.features()
        first = self.version("first model", 1)
        with Server(self.folder) as server:
            self.say(f"serving version {first} at {server.address}")
            self.send_payments(server)
            self.send_outcomes(server)
            self.explain(server)
            self.change_contract()
            self.swap(server)
            self.kill(server)
        self.replay()
        self.elsewhere()

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        begun = time.perf_counter()
        self.say(f"{what} …")
        yield
        self.say(f"  {time.perf_counter() - begun:.1f} s")

    def proof(self, promise: str, figure: str, held: bool = True) -> None:
        self.report.proofs.append(Proof(promise, figure, held))
        self.say(f"  {promise}: {figure}" + ("" if held else "  ← DID NOT HOLD"))

    def begin(self) -> None:
        with self.step("simulating card payments"):
            _clear(self.folder)
            start("cards", "cards", self.folder, data=False)
            now = this_minute()
            cut = now - LIVE_DAYS * DAY
            customers = max(50, self.size // 170)
            table = cards.payments(customers=customers, terminals=max(30, customers * 3 // 5), end=now)
            past = table.columns["occurred_at"] < cut
            history = table.take(past).known("is_fraud", cut)
            history.write(self.folder / "data" / "payments.parquet")
            self.live = table.take(~past)
            self.bodies = self.live.bodies(frozenset({"is_fraud", "is_fraud_received_at"}))
            self.project = Project.open(self.folder)
            self.keys = {name: keys.create(self.project, name, [role])["key"] for name, role in PEOPLE.items()}
            self.report.keys = self.keys
        self.proof("history", f"{len(history):,} payments up to {iso(cut)}; {len(self.live):,} more to come live")

    def features(self) -> None:
        from holdfast.project.build import build
        from holdfast.project.parity import parity

        with self.step("computing features over the history"):
            built = build(self.project)
        self.proof("features from history", f"{built.rows:,} rows × {built.features} in {built.seconds:.1f} s")
        with self.step("feeding history through the server's own writer, and comparing"):
            found = parity(self.project, limit=20_000)
        shape = found.as_dict()
        bits = int(shape["differing_bits"])
        self.proof("one definition", f"{shape['rows']:,} rows, batch and live: {bits} differing bits", found.ok)

    def version(self, why: str, number: int) -> str:
        from holdfast.project.promote import promote
        from holdfast.project.train import train

        with self.step(f"training version {number}"), acting(self.keys["scientist"]):
            trained = train(self.project)
        scores = trained.metrics["test"]["average_precision"], trained.metrics["baseline"]["average_precision"]
        self.proof(
            f"version {number}, on days it never saw",
            f"average precision {scores[0].value:.3f} (a logistic regression: {scores[1].value:.3f})",
            scores[0].value > 0,
        )
        self.gate(trained.version)
        if number == 1:
            with self.step("building its state, and promoting it"), acting(self.keys["scientist"]):
                promote(self.project, trained.version, why=why)
        return trained.version

    def gate(self, version: str) -> None:
        """Its author alone gets nowhere; examined, and approved by another, it may pass."""
        from holdfast.project.gate import approve, waive
        from holdfast.project.promote import promote

        try:
            with acting(self.keys["scientist"]):
                promote(self.project, version, why="it is mine")
        except HoldfastError as refused:
            self.say(f"promoting version {version} at once is refused: {refused.problems[0]}")
        with self.step(f"asking the gate about version {version}"):
            with acting(self.keys["risk"]):
                for code, because in WAIVED.items():
                    waive(self.project, code, version, because=because, expires="1d")
            with acting(self.keys["scientist"]):
                verdict = self.examine(self.project, version)
        self.proof(f"version {version} before the gate", verdict.summary(), verdict.ok)
        with acting(self.keys["risk"]):
            for line in approve(self.project, version, because="I have read the verdict").lines()[:1]:
                self.say(f"  {line}")

    def send_payments(self, server: Server) -> None:
        with self.step("sending the first half of the live payments from four clients"):
            half = [next(self.bodies) for _ in range(len(self.live) // 2)]
            self.late, half = half[:LATE], half[LATE:]
            now = {**half[0], "payment_id": "mine-1", "occurred_at": iso(this_minute())}
            (self.folder / REQUEST).write_text(json.dumps(now, indent=2) + "\n")
            sent = Traffic(server.port, half, key=self.keys["shop"]).start().finish()
        self._answered(sent)
        rate = len(sent.answered) / sent.seconds
        figure = f"{len(sent.answered):,} at {rate:,.0f}/s, p50 {sent.wait(0.5):.1f} ms, p99 {sent.wait(0.99):.1f} ms"
        self.proof("answers over HTTP, each on disk first", figure, not sent.failed)

    def send_outcomes(self, server: Server) -> None:
        accepted = refused = 0
        told = {body["payment_id"] for body, _ in self.sent[0].answered}
        columns = self.live.columns
        known = zip(columns["payment_id"].tolist(), columns["is_fraud"].tolist(), strict=True)
        outcomes = [
            {"event_id": name, "label": "is_fraud", "value": bool(value)}
            for name, value in known
            if value is not None and name in told
        ]
        corrected = [{**item, "value": not item["value"], "version": 2} for item in outcomes[:3]]
        with self.step("telling what became of them"), Client(server.port, key=self.keys["shop"]) as client:
            for first in range(0, len(outcomes + corrected), 500):
                status, reply = client.post("/outcomes", {"outcomes": (outcomes + corrected)[first : first + 500]})
                accepted += int(reply.get("accepted", 0))
                refused += int(reply.get("refused", 0)) + (status != 200)
            status, reply = client.post("/events", {"source": "payments", "events": self.late})
        figure = f"{accepted} recorded, {len(corrected)} of them corrections; {reply['accepted']} payments came late"
        self.proof("outcomes and late records", figure, refused == 0 and reply["accepted"] == LATE)

    def explain(self, server: Server) -> None:
        with self.step("asking why"), Client(server.port, key=self.keys["shop"]) as client:
            _, highest = max(self.sent[0].answered, key=lambda pair: float(pair[1]["probability"]))
            status, reply = client.post("/explain", {"prediction_id": highest["prediction_id"]})
            reasons = reply.get("contributions", [])
            for reason in reasons[:4]:
                self.say(f"    {reason['contribution']:+.3f}  {reason['in_words']}")
        added = sum(float(reason["contribution"]) for reason in reasons) + float(reply.get("base_value", 0.0))
        apart = abs(added - float(reply.get("score", 1e9)))
        figure = f"{len(reasons)} contributions add up to the score within {apart:.0e}"
        self.proof("a decision explained", figure, status == 200 and apart < 1e-9)

    def again(self) -> Iterator[dict[str, Any]]:
        """Payments like those sent, under new ids: for as long as traffic is wanted."""
        bodies = [body for body, _ in self.sent[0].answered]
        for turn in count(1):
            for body in bodies:
                yield {**body, "payment_id": f"{body['payment_id']}-{turn}"}

    def change_contract(self) -> None:
        path = self.folder / "contract.py"
        text, end = path.read_text(), "    },\n)\n"
        path.write_text(text.removesuffix(end) + MORE_FEATURES + end)
        before, self.project = self.project.contract, Project.open(self.folder)
        self.say("changing the contract:")
        for change in diff(before, self.project.contract):
            self.say(f"    {change}")
        self.version("three features more", 2)

    def swap(self, server: Server) -> None:
        from holdfast.project.promote import promote, rollback

        with self.step("promoting it under traffic, and rolling back"):
            quarter = islice(self.bodies, len(self.live) // 4)
            traffic = Traffic(server.port, chain(quarter, self.again()), clients=2, pause=0.005, key=self.keys["shop"])
            traffic.start()
            with acting(self.keys["scientist"]):
                promoted = promote(self.project, "2", why="three features more").decided.record
            forward = self.wait_for(server, "2") - promoted.received_at / 1e6
            time.sleep(1.0)
            with acting(self.keys["scientist"]):
                returned = rollback(self.project, why="the demo shows it").decided.record
            back = self.wait_for(server, "1") - returned.received_at / 1e6
            time.sleep(0.5)
            sent = traffic.stop()
        self._answered(sent)
        both = sent.versions == {"1", "2"}
        figure = f"live {forward:.2f} s after its record, back {back:.2f} s after the rollback's"
        self.proof("another contract, and back in seconds", figure, max(forward, back) < 2.0)
        figure = f"{len(sent.answered):,} requests meanwhile, {len(sent.failed)} failed"
        self.proof("no request failed", figure, not sent.failed and both)

    def wait_for(self, server: Server, version: str, patience: float = 20.0) -> float:
        """When (seconds since 1970) the server says that this version answers."""
        begun = time.perf_counter()
        with Client(server.port, key=self.keys["scientist"]) as client:
            while time.perf_counter() - begun < patience:
                status, reply = client.get("/model-info")
                if status == 200 and reply["version"] == version:
                    return time.time()
                time.sleep(0.02)
        raise HoldfastError(f"version {version} was not live after {patience:.0f} s", where="demo")

    def kill(self, server: Server) -> None:
        with self.step("killing the server under load with kill -9, and starting it again"):
            traffic = Traffic(server.port, self.bodies, key=self.keys["shop"]).start()
            while len(traffic.sent.answered) < ENOUGH and traffic.running:
                time.sleep(0.01)
            server.kill()
            sent = traffic.stop()
            begun = time.perf_counter()
            server.start()
            ready = time.perf_counter() - begun
            acknowledged = [pair for run in (*self.sent, sent) for pair in run.answered]
            records = self.project.reader.records()
            held = {record.prediction_id: record for record in records if isinstance(record, Decision)}
            lost = [reply for _, reply in acknowledged if not _same(held.get(reply["prediction_id"]), reply)]
        self.sent.append(sent)
        figure = f"{len(acknowledged):,} answers acknowledged, {len(lost)} lost; answering again after {ready:.1f} s"
        self.proof("kill -9 loses nothing", figure, not lost and len(sent.answered) > 0)
        with self.step("sending again what was under way then, and all the rest"):
            waiting = sent.unanswered
            rest = Traffic(server.port, chain(waiting, self.bodies), key=self.keys["shop"]).start().finish()
            twice = len({reply["prediction_id"] for _, reply in rest.answered}) != len(rest.answered)
        self._answered(rest)
        figure = f"{len(waiting)} sent again, {len(rest.answered):,} answered, {len(rest.failed)} failed"
        self.proof("a retry is answered once", figure, not rest.failed and not twice)

    def replay(self) -> None:
        from holdfast.project.replay import replay

        with self.step("computing every answer again, from its features and from the records"):
            report = replay(self.project)
        shape = report.as_dict()
        figure = (
            f"{shape['decisions']:,} decisions: {shape['equal_a']:,} equal from their features, "
            f"{shape['equal_b']:,} from the records"
        )
        self.proof("replay, bit for bit", figure, report.ok)

    def elsewhere(self) -> None:
        """What any MLflow user gets from the registry, without a line of ours in their code."""
        import numpy as np
        import pandas as pd

        from holdfast.bundle.mlflow_quiet import open_mlflow, pointed_at
        from holdfast.ledger.replay import unpack
        from holdfast.project.bundles import named

        with self.step("loading models:/cards@champion with MLflow alone"):
            version, bundle = named(self.project, "champion")
            records = self.project.reader.records()
            decisions = [item for item in records if isinstance(item, Decision) and item.version == version]
            with pointed_at(self.project.registry_uri):
                model = open_mlflow().pyfunc.load_model("models:/cards@champion")
            frame = pd.DataFrame([unpack(item.features) for item in decisions], columns=list(bundle.features))
            told = np.asarray(model.predict(frame), dtype=np.float64).ravel()
        kept = np.array([item.probability for item in decisions])
        figure = f"{len(kept):,} probabilities of the ledger, {int((told != kept).sum())} differ"
        self.proof("the same from MLflow", figure, len(kept) > 0 and told.tobytes() == kept.tobytes())

    def _answered(self, sent: Sent) -> None:
        self.sent.append(sent)
        for fault in sent.failed[:3]:
            self.say(f"  failed: {fault}")
        if not sent.answered:
            raise HoldfastError("no payment was answered", where="demo", mend="; ".join(sent.failed[:3]))


def _same(record: Decision | None, reply: Mapping[str, Any]) -> bool:
    return record is not None and record.probability == reply["probability"] and record.decision == reply["decision"]


def _clear(folder: Path) -> None:
    """Remove a demo made before; nothing else is ever removed."""
    if (folder / "holdfast.toml").is_file() and 'name = "cards"' in (folder / "holdfast.toml").read_text():
        shutil.rmtree(folder)

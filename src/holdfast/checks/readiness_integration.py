"""GATE901: every route of production answers as documented, and with the version's own bits."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from holdfast.checks.check import READINESS, Answer, Check, failed, passed
from holdfast.checks.limits import Limits
from holdfast.checks.subject import Subject
from holdfast.ledger.records import Decision
from holdfast.project.replay import replay
from holdfast.project.traffic import Client

SINGLE, MANY = 50, 150
REFUSAL = {"message", "errors", "problems", "input"}
"""What an error says, as documented: `detail` with these four, and each problem with a field, a code and a mend."""


@dataclass
class Tried:
    """What came of each route: how many replies were right, and what was wrong with the others."""

    done: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def see(self, route: str, fault: str) -> None:
        """One reply; an empty fault is none."""
        self.done[route] = self.done.get(route, 0) + (not fault)
        if fault:
            self.wrong.append(f"{route}: {fault}")


def ask(subject: Subject, limits: Limits) -> Answer:
    rehearsal = subject.rehearsal
    tried, asked = Tried(), rehearsal.requests
    with Client(rehearsal.server.port) as client:
        bodies: Iterator[bytes] = asked.endless("ready")
        replies = _decide(client, tried, [json.loads(body) for body in islice(bodies, SINGLE)])
        replies += _batch(client, tried, json.loads(asked.many("ready-batch", asked.rows[:MANY])))
        _beside(client, tried, subject, replies, [json.loads(body) for body in islice(bodies, 3)])
        _refuse(client, tried, json.loads(next(bodies)))
    reader = rehearsal.project.reader
    differing = [reply["prediction_id"] for reply in replies if not _same(subject, reply, reader)]
    again = replay(rehearsal.project, ids=[reply["prediction_id"] for reply in replies])
    evidence = {
        "replies_as_documented": tried.done,
        "wrong": tried.wrong[:20],
        "answers": len(replies),
        "answers_differing_from_the_bundle": differing[:20],
        "computed_again_from_records": again.equal_b,
        "differences": [str(item) for item in again.differences[:5]],
        "rows_of_history": asked.looked_at,
        "rows_of_history_refused": asked.refused,
        "first_refusal": asked.refusal,
    }
    wrong = tried.wrong[:3]
    if differing:
        wrong.append(f"{len(differing)} of {len(replies)} answers are not the bundle's own, the first {differing[0]}")
    if not again.ok:
        wrong.append(f"{len(again.differences)} differences when computed again from the records")
    if wrong:
        return failed("; ".join(wrong), "holdfast parity, holdfast replay; see the server's log", **evidence)
    why = (
        f"{sum(tried.done.values())} replies of {len(tried.done)} routes as documented; {len(replies)} answers equal "
        f"to the bundle's own, and when computed again from the records, bit for bit"
    )
    return passed(why, **evidence)


def _decide(client: Client, tried: Tried, bodies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    good = []
    for body in bodies:
        status, reply = client.post("/predict", body)
        tried.see("POST /predict", "" if status == 200 else f"{status}: {json.dumps(reply)[:300]}")
        if status == 200:
            good.append(reply)
    status, reply = client.post("/predict", bodies[0])  # a retry is answered with what was answered
    same = status == 200 and bool(good) and reply == good[0]
    tried.see("POST /predict again", "" if same else "the same request is answered otherwise the second time")
    return good


def _batch(client: Client, tried: Tried, body: dict[str, Any]) -> list[dict[str, Any]]:
    status, reply = client.post("/predict/batch", body)
    right = status == 200 and reply["refused"] == 0 and reply["accepted"] == len(body["rows"])
    tried.see("POST /predict/batch", "" if right else f"{status}: {json.dumps(reply)[:300]}")
    return [item for item in reply["results"] if "prediction_id" in item] if status == 200 else []


def _beside(
    client: Client, tried: Tried, subject: Subject, replies: list[dict[str, Any]], events: list[dict[str, Any]]
) -> None:
    """Explanations, events, outcomes, and what the server says of itself."""
    contract, bundle = subject.bundle.contract, subject.bundle
    for reply in replies[:3]:
        status, told = client.post("/explain", {"prediction_id": reply["prediction_id"]})
        parts = [item["contribution"] for item in told.get("contributions", [])]
        apart = abs(sum(parts) + told.get("base_value", 0.0) - told.get("score", float("inf")))
        whole = (
            status == 200 and len(parts) == len(contract.features) and apart <= 1e-6 * max(1.0, sum(map(abs, parts)))
        )
        tried.see("POST /explain", "" if whole else f"{status}: contributions do not add up to the score")
    status, told = client.post("/events", {"source": contract.decide_on, "events": events})
    kept = status == 200 and told["accepted"] == len(events)
    tried.see("POST /events", "" if kept else f"{status}: {json.dumps(told)[:300]}")
    for number, reply in enumerate(replies[:2]):
        outcome = {"prediction_id": reply["prediction_id"], "label": contract.label, "value": bool(number)}
        status, told = client.post("/outcomes", outcome)
        right = status == 200 and told["value"] == bool(number)
        tried.see("POST /outcomes", "" if right else f"{status}: {json.dumps(told)[:300]}")
    for route in ("/livez", "/readyz", "/health", "/model-info"):
        status, told = client.get(route)
        tried.see(f"GET {route}", "" if status == 200 else f"{status}: {json.dumps(told)[:300]}")
    status, told = client.get("/model-info")
    own = (told.get("version"), told.get("bundle")) == (subject.version, bundle.hash)
    tried.see("GET /model-info", "" if own else f"another version answers: {told.get('version')}")


def _refuse(client: Client, tried: Tried, body: dict[str, Any]) -> None:
    """What is not to be answered: a field, a route and a prediction that there are not."""
    for what, path, sent, wanted in (
        ("unknown field", "/predict", {**body, "gate_no_such_field": 1}, 422),
        ("unknown route", "/gate-no-such-route", body, 404),
        ("unknown prediction", "/explain", {"prediction_id": "none"}, 404),
    ):
        status, reply = client.post(path, sent)
        detail = reply.get("detail", {})
        shaped = isinstance(detail, dict) and detail.keys() == REFUSAL and bool(detail["errors"])
        coded = shaped and all({"field", "code", "what", "mend"} <= item.keys() for item in detail["problems"])
        fault = "" if status == wanted and coded else f"{status} where {wanted} is due: {json.dumps(reply)[:300]}"
        tried.see(f"refusal: {what}", fault)


def _same(subject: Subject, reply: dict[str, Any], reader: Any) -> bool:
    """Whether the reply is what the ledger holds, and that is what the bundle makes of the features served."""
    record = reader.prediction(reply["prediction_id"])
    if not isinstance(record, Decision):
        return False
    row = struct.unpack(f"<{len(subject.bundle.features)}d", record.features)
    score, probability = subject.bundle.predict(row)
    told = float(reply["probability"])
    kept = (record.score, record.probability, record.decision)
    return kept == (score, probability, reply["decision"]) and struct.pack("<d", told) == struct.pack("<d", probability)


CHECK = Check("GATE901", READINESS, "Production's interface answers as documented", ask)

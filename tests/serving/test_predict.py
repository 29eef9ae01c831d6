"""One prediction over HTTP: what is answered, what is refused and how, and what a retry gets."""

from __future__ import annotations

import json
import struct
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.serving.shop import Server, first, pack_model, payment, promote, second, serving, shop, stamp

from holdfast.ledger.ids import body_digest
from holdfast.ledger.read import LedgerReader
from holdfast.ledger.records import Decision, Refusal


def test_a_payment_gets_a_decision_under_the_contracts_own_names(server: Server) -> None:
    reply = server.post("/predict", payment("own-names"))
    assert reply.status_code == 200
    told = reply.json()
    assert told["is_fraud"] is told["decision"]
    assert 0 <= told["fraud_probability"] == told["probability"] <= 1
    assert told["decision"] == (told["probability"] >= told["threshold"])
    assert told["label"] in ("fraud", "not_fraud")
    assert told["model"] == {"name": "fraud", "version": "1"}
    assert (told["variant"], told["warnings"], told["event_id"]) == ("champion", [], "pown-names")


def test_a_probability_at_the_threshold_or_above_is_a_yes(server: Server) -> None:
    found = [server.post("/predict", payment(f"yes-{amount}", amount=amount)).json() for amount in (1, 40_000)]
    assert [item["is_fraud"] for item in found] == [False, True]
    assert [item["label"] for item in found] == ["not_fraud", "fraud"]
    assert found[0]["probability"] < found[0]["threshold"] <= found[1]["probability"]


def test_id_and_time_may_be_left_to_the_server(server: Server) -> None:
    body = payment("generated", payment_id=..., occurred_at=...)
    told = [server.post("/predict", body).json() for _ in range(2)]
    assert told[0]["event_id"] != told[1]["event_id"]
    assert told[0]["prediction_id"] != told[1]["prediction_id"]


def test_a_decision_sees_what_was_answered_before_it(server: Server) -> None:
    card = "sees-before"
    counts = []
    for number in range(3):
        body = payment(f"{card}-{number}", card_id=card, occurred_at=stamp(timedelta(seconds=10 - number)))
        name = server.post("/predict", body).json()["prediction_id"]
        told = server.post("/explain", {"prediction_id": name}).json()
        counts.append({item["feature"]: item["value"] for item in told["contributions"]}["card_payments_7d"])
    assert counts == [0, 1, 2]


@pytest.mark.parametrize(
    ("changes", "status", "field", "code"),
    [
        ({"amount": -100.0}, 400, "amount", "range"),
        ({"hour": 25}, 400, "hour", "range"),
        ({"merchant_category": "unknown_category"}, 400, "merchant_category", "unknown_value"),
        ({"amount": 1.005}, 400, "amount", "scale"),
        ({"amount": None}, 400, "amount", "null"),
        ({"occurred_at": "yesterday"}, 400, "occurred_at", "timestamp"),
        ({"hour": ...}, 422, "hour", "missing"),
        ({"amount": "12.50"}, 422, "amount", "type"),
        ({"hour": True}, 422, "hour", "type"),
        ({"amount": [1]}, 422, "amount", "type"),
        ({"amuont": 3}, 422, "amuont", "unknown_field"),
        ({"payment_id": ""}, 400, "payment_id", "length"),
        ({"card_id": "x" * 300}, 400, "card_id", "length"),
    ],
)
def test_a_broken_rule_is_named_with_its_field(
    server: Server, changes: dict[str, Any], status: int, field: str, code: str
) -> None:
    reply = server.post("/predict", payment("broken", **changes))
    assert reply.status_code == status
    detail = reply.json()["detail"]
    assert [(item["field"], item["code"]) for item in detail["problems"]] == [(field, code)]
    assert detail["problems"][0].keys() == {"field", "code", "what", "mend"}
    assert len(detail["errors"]) == 1
    assert detail["errors"][0].startswith(field)
    assert detail.keys() == {"message", "errors", "problems", "input"}


def test_everything_that_is_wrong_is_said_at_once(server: Server) -> None:
    body = {"amount": -500.0, "hour": 25, "merchant_category": "casino", "occurred_at": "2999-01-01T00:00:00Z"}
    reply = server.post("/predict", body)
    assert reply.status_code == 422
    found = {item["field"]: item["code"] for item in reply.json()["detail"]["problems"]}
    assert found == {
        "amount": "range", "hour": "range", "merchant_category": "unknown_value", "card_id": "missing",
        "occurred_at": "time_window",
    }  # fmt: skip
    assert reply.json()["detail"]["input"]["amount"] == -500.0


DEEP = 100_000


@pytest.mark.parametrize(
    ("body", "statuses"),
    [
        (b"", {400}),
        (b"hello", {400}),
        (b"[1]", {400}),
        (b"\xff\xfe", {400}),
        (b'{"amount": NaN}', {400}),
        (b'{"amount": Infinity}', {400}),
        (b'{"amount": 1e400, "hour": 1, "merchant_category": "online", "card_id": "c"}', {400}),
        (b'{"hour": 1e400}', {422}),
        (b'{"amount": 1, "amount": 2}', {400}),
        (b'{"amount": ' + b"9" * 5_000 + b"}", {400, 422}),
        (b'{"amount": 0.' + b"9" * 5_000 + b"}", {400, 422}),
        (b'{"a":' * DEEP + b"1" + b"}" * DEEP, {400, 413}),
        (b"[" * DEEP + b"]" * DEEP, {400}),
        (b'{"card_id": "\\ud800"}', {400}),
        (b'{"\\udfff": 1}', {400}),
        (b'{"card_id": "\\u0000"}', {400, 422}),
        (b" " * 300_000 + b"{}", {413}),
        (b'{"card_id": "' + b"x" * 400_000 + b'"}', {413}),
    ],
    ids=lambda value: repr(value[:30]) if isinstance(value, bytes) else None,
)
def test_hostile_bodies_are_refused_in_the_one_shape(server: Server, body: bytes, statuses: set[int]) -> None:
    for path in ("/predict", "/predict/batch", "/events", "/outcomes", "/explain"):
        reply = server.post(path, body)
        assert 400 <= reply.status_code < 500
        if path == "/predict":
            assert reply.status_code in statuses
        assert reply.json()["detail"].keys() == {"message", "errors", "problems", "input"}


def test_a_body_in_many_pieces_is_stopped_at_the_limit(server: Server) -> None:
    def pieces() -> Any:
        for _ in range(100):
            yield b" " * 10_000

    reply = server.client.post("/predict", content=pieces())
    assert reply.status_code == 413


def test_personal_values_are_masked_in_the_reply_and_in_the_ledger(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    shop(home)
    with serving(home) as server:
        for body in (
            payment(1, card_id="sentinel-4711", hour=99),
            payment(2, card="sentinel-4711", card_id=..., hour=99),
            payment(3, card_idd="sentinel-4711", card_id=...),
            payment(4, card_id="sentinel-4711" * 100),
            payment(5, card_id=["sentinel-4711"]),
        ):
            reply = server.post("/predict", body)
            assert 400 <= reply.status_code < 500
            assert "sentinel" not in reply.text
            assert "***" in json.dumps(reply.json()["detail"]["input"])
        server.post("/predict", payment(6))
    refusals = [item for item in LedgerReader(home / "ledger").records() if isinstance(item, Refusal)]
    assert len(refusals) == 5
    assert all(b"sentinel" not in item.body and item.status >= 400 and item.problems for item in refusals)
    assert not any(b"sentinel" in path.read_bytes() for path in (home / "ledger").iterdir())


def test_a_former_name_of_a_field_is_accepted(server: Server) -> None:
    assert server.post("/predict", payment("former", card_id=..., card="c-1")).status_code == 200


def test_a_time_outside_the_window_is_refused(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    shop(home)
    limits = "limits=Limits(backdate=3_600_000_000, skew=60_000_000)"
    with serving(home, before="from holdfast.serving.wire import Limits", more=limits) as server:
        for ago, status in ((-3600, 400), (30, 200), (1800, 200), (7200, 400)):
            body = payment(f"window{ago}", occurred_at=stamp(timedelta(seconds=ago)))
            reply = server.post("/predict", body)
            assert reply.status_code == status, ago
            if status == 400:
                assert [item["code"] for item in reply.json()["detail"]["problems"]] == ["time_window"]


def test_the_same_event_gets_its_answer_again_however_it_is_spelled(server: Server) -> None:
    body = payment("again")
    answers = [server.post("/predict", body)]
    answers.append(server.post("/predict", json.dumps(dict(reversed(body.items())), indent=3).encode()))
    answers.append(server.post("/predict", json.dumps(body).replace("12.5", "1.250e1").encode()))
    assert [item.status_code for item in answers] == [200] * 3
    assert answers[0].content == answers[1].content == answers[2].content


def test_the_same_event_id_with_another_body_is_a_conflict(server: Server) -> None:
    assert server.post("/predict", payment("clash")).status_code == 200
    reply = server.post("/predict", payment("clash", amount=99))
    assert reply.status_code == 409
    assert [item["code"] for item in reply.json()["detail"]["problems"]] == ["conflict"]


def test_of_many_equal_requests_at_once_one_decides(server: Server) -> None:
    body = payment("at-once")
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: server.post("/predict", body), range(32)))
    assert {item.status_code for item in answers} == {200}
    assert len({item.content for item in answers}) == 1


def test_a_stored_answer_outlives_restarts_and_versions(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    shop(home)
    body = payment("outlives")
    with serving(home) as server:
        before = server.post("/predict", body)
        server.kill()
    with serving(home) as server:
        assert server.post("/predict", body).content == before.content
        promote(home, second(), pack_model(home, second()), "2")
        server.wait_for_version("2")
        assert server.post("/predict", body).content == before.content
        assert server.post("/predict", payment("outlives", amount=1)).status_code == 409
    with serving(home) as server:
        assert server.post("/predict", body).content == before.content


def test_reasons_are_given_and_kept_when_asked_for(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    shop(home)
    with serving(home) as server:
        told = server.post("/predict?reasons=2", payment("reasons", amount=4_000)).json()
        assert [item["group"] for item in told["reasons"]] == ["amount", "merchant_category"]
        assert server.post("/predict?reasons=many", payment("reasons-2")).status_code == 422
    found = LedgerReader(home / "ledger").prediction(told["prediction_id"])
    assert found is not None
    assert found.because is not None
    assert found.because.most == 2
    assert [item.text for item in found.because.reasons] == [item["reason"] for item in told["reasons"]]


def test_the_ledger_holds_the_request_as_it_came_and_what_was_filled_in(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    shop(home)
    sent = json.dumps(payment(1, payment_id=..., occurred_at=..., card_id="same"), indent=1).encode()
    with serving(home) as server:
        names = [server.post("/predict", sent).json()["prediction_id"] for _ in range(2)]
    found = [LedgerReader(home / "ledger").prediction(name) for name in names]
    assert all(isinstance(item, Decision) for item in found)
    one, two = (item for item in found if item is not None)
    assert one.body == two.body == sent
    assert one.digest == two.digest == body_digest(json.loads(sent))
    assert one.event_id != two.event_id
    assert one.time < two.time
    assert (one.contract, one.read_seq) == (first().hash, one.seq - 1)
    at = [item.name for item in first().features].index("card_payments_7d")
    assert [struct.unpack_from("<d", item.features, at * 8) for item in (one, two)] == [(0.0,), (1.0,)]

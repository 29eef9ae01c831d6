"""Events without a decision, of any source."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
from tests.serving.shop import Server, first, pack_model, payment, promote, serving, stamp

from holdfast.ledger.rebuild import rebuild


def notice(number: str, **changes: object) -> dict[str, object]:
    return {
        "notice_id": number,
        "told_at": stamp(timedelta(minutes=1)),
        "merchant_category": "travel",
        "risk": 3,
    } | changes


def values(server: Server, name: str) -> dict[str, object]:
    told = server.post("/explain", {"prediction_id": name}).json()
    return {item["feature"]: item["value"] for item in told["contributions"]}


def test_an_event_of_another_source_is_seen_by_the_next_decision(server: Server) -> None:
    reply = server.post("/events", {"source": "merchants", "event": notice("seen", risk=7)})
    assert reply.status_code == 200
    assert reply.json()["repeated"] is False
    told = server.post("/predict", payment("risk", merchant_category="travel")).json()
    assert values(server, told["prediction_id"])["merchant_risk"] == 7


def test_an_event_of_the_deciding_source_counts_without_being_decided(server: Server) -> None:
    body = payment("undecided", card_id="undecided", occurred_at=stamp(timedelta(minutes=5)))
    assert server.post("/events", {"event": body}).status_code == 200
    told = server.post("/predict", payment("after-undecided", card_id="undecided")).json()
    assert values(server, told["prediction_id"])["card_payments_7d"] == 1


def test_an_event_recorded_first_can_be_decided_later_with_the_same_body(server: Server) -> None:
    body = payment("recorded-first", card_id="recorded-first")
    assert server.post("/events", {"event": body}).status_code == 200
    assert server.post("/predict", payment("recorded-first", amount=1)).status_code == 409
    told = server.post("/predict", body)
    assert told.status_code == 200
    assert server.post("/predict", body).content == told.content


def test_an_event_twice_is_one_event(server: Server) -> None:
    body = {"source": "merchants", "event": notice("twice")}
    first, again = server.post("/events", body).json(), server.post("/events", body).json()
    assert again == first | {"repeated": True}
    other = {"source": "merchants", "event": notice("twice", risk=9)}
    assert server.post("/events", other).status_code == 409


def test_many_events_are_answered_row_by_row(server: Server) -> None:
    rows = [notice("many-1"), notice("many-2", risk=11), notice("many-3", risk="high")]
    told = server.post("/events", {"source": "merchants", "events": rows}).json()
    assert [item["status"] for item in told["results"]] == [200, 400, 422]


def test_an_unknown_source_is_named_with_what_may_be_meant(server: Server) -> None:
    reply = server.post("/events", {"source": "merchant", "event": notice("x")})
    assert reply.status_code == 400
    assert "merchants" in reply.json()["detail"]["errors"][0]


def test_an_event_that_breaks_the_contract_is_refused_with_all_its_problems(server: Server) -> None:
    reply = server.post("/events", {"source": "merchants", "event": {"risk": 99, "told_at": "2999-01-01T00:00:00Z"}})
    assert reply.status_code == 422
    assert {item["field"] for item in reply.json()["detail"]["problems"]} == {
        "notice_id", "merchant_category", "risk", "told_at"
    }  # fmt: skip


def test_an_event_decided_later_has_the_time_that_was_made_up_for_it(server: Server) -> None:
    body = payment("timeless", card_id="timeless", occurred_at=...)
    assert server.post("/events", {"event": body}).status_code == 200
    told = server.post("/predict", body).json()
    assert values(server, told["prediction_id"])["card_payments_7d"] == 0


def test_an_event_of_history_has_one_body_and_its_personal_id_is_never_shown(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    (home / "bundles").mkdir(parents=True)
    payments, merchants = first().sources
    fields = tuple(replace(item, personal=item.personal or item.name == payments.id) for item in payments.fields)
    contract = replace(first(), sources=(replace(payments, fields=fields), merchants))
    body, told = payment("old"), notice("old")
    past = {"payments": pa.table({name: [str(value)] for name, value in body.items()} | {"is_fraud": ["false"]})}
    past |= {"merchants": pa.table({name: [str(value)] for name, value in told.items()})}
    rebuild(home / "state", [contract], past, home / "ledger")
    promote(home, contract, pack_model(home, contract), "1", ready=False)
    other = body | {"amount": 99}
    with serving(home) as server:
        for _ in range(2):
            refusals = [server.post("/events", {"event": other}), server.post("/predict", other)]
            refusals += [server.post("/predict/batch", {"rows": [other]})]
            assert [item.status_code for item in refusals] == [409, 409, 200]
            assert refusals[2].json()["results"][0]["status"] == 409
            assert not any("pold" in item.text for item in refusals)
            assert server.post("/events", {"event": body}).json()["repeated"]
            assert server.post("/predict", body).status_code == 200

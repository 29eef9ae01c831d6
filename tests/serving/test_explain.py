"""Why a decision came out so."""

from __future__ import annotations

import math

import pytest
from tests.serving.shop import Server, payment


def test_contributions_add_up_to_the_score_strongest_first_in_the_contracts_words(server: Server) -> None:
    told = server.post("/explain", payment("explain-1", amount=400)).json()
    parts = [item["contribution"] for item in told["contributions"]]
    assert math.isclose(told["base_value"] + math.fsum(parts), told["score"], rel_tol=1e-12)
    assert [abs(part) for part in parts] == sorted((abs(part) for part in parts), reverse=True)
    found = {item["feature"]: item for item in told["contributions"]}
    assert found["amount"] | {"contribution": 0} == {
        "feature": "amount", "description": "amount of the payment", "unit": "USD", "value": 400.0,
        "contribution": 0, "in_words": "amount of the payment = 400 USD raises the score",
    }  # fmt: skip
    assert found["merchant_category"]["value"] == "online"
    assert (told["prediction_id"], told["event_id"]) == (None, None)


def test_explaining_records_nothing(server: Server) -> None:
    seq = server.get("/health").json()["state"]["applied_seq"]
    server.post("/explain", payment("explain-2"))
    assert server.get("/health").json()["state"]["applied_seq"] == seq


def test_a_decided_event_is_explained_by_its_own_id(server: Server) -> None:
    told = server.post("/predict", payment("explain-own-id")).json()
    by_event = server.post("/explain", {"event_id": "pexplain-own-id"}).json()
    assert by_event == server.post("/explain", {"prediction_id": told["prediction_id"]}).json()
    unknown = server.post("/explain", {"event_id": "pexplain-none"})
    assert unknown.status_code == 404
    assert [item["field"] for item in unknown.json()["detail"]["problems"]] == ["event_id"]
    assert server.post("/explain", {"event_id": 7}).status_code == 422


def test_a_recorded_decision_is_explained_from_its_features_as_served(server: Server) -> None:
    told = server.post("/predict", payment("explain-3", card_id="explain-3")).json()
    before = server.post("/explain", {"prediction_id": told["prediction_id"]}).json()
    server.post("/predict", payment("explain-4", card_id="explain-3"))
    assert server.post("/explain", {"prediction_id": told["prediction_id"]}).json() == before
    assert before["prediction_id"] == told["prediction_id"]
    assert before["probability"] == told["probability"]
    assert {item["feature"]: item["value"] for item in before["contributions"]}["card_payments_7d"] == 0


@pytest.mark.parametrize(("name", "status"), [("p000000000", 404), ("x", 404), (5, 422), (None, 422)])
def test_an_id_that_names_no_prediction_is_refused(server: Server, name: object, status: int) -> None:
    assert server.post("/explain", {"prediction_id": name}).status_code == status


def test_a_body_that_could_not_be_predicted_cannot_be_explained(server: Server) -> None:
    reply = server.post("/explain", payment("explain-5", hour=99))
    assert reply.status_code == 400
    assert reply.json()["detail"]["problems"][0]["field"] == "hour"

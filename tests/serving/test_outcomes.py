"""Outcomes by prediction or event id, in versions."""

from __future__ import annotations

from typing import Any
from unicodedata import normalize

import pytest
from tests.serving.shop import Server, payment


def decided(server: Server, number: str) -> dict[str, Any]:
    told: dict[str, Any] = server.post("/predict", payment(number)).json()
    return told


def test_an_outcome_is_recorded_by_prediction_id_or_by_event_id(server: Server) -> None:
    told = decided(server, "outcome-1")
    reply = server.post("/outcomes", {"prediction_id": told["prediction_id"], "value": True})
    assert reply.status_code == 200
    assert reply.json() | {"seq": 0} == {
        "event_id": told["event_id"], "label": "is_fraud", "value": True, "version": 1, "seq": 0, "pending": False
    }  # fmt: skip
    again = server.post("/outcomes", {"event_id": told["event_id"], "is_fraud": True})
    assert again.status_code == 200
    assert again.json()["seq"] == reply.json()["seq"]


def test_another_value_needs_another_version(server: Server) -> None:
    event = decided(server, "outcome-2")["event_id"]
    assert server.post("/outcomes", {"event_id": event, "value": True}).status_code == 200
    refused = server.post("/outcomes", {"event_id": event, "value": False})
    assert refused.status_code == 409
    assert refused.json()["detail"]["problems"][0]["code"] == "conflict"
    assert server.post("/outcomes", {"event_id": event, "value": False, "version": 2}).status_code == 200


def test_an_unknown_prediction_is_not_found(server: Server) -> None:
    for name in ("nothing", "p00000000", "p0000000zz9", "../../etc/passwd"):
        reply = server.post("/outcomes", {"prediction_id": name, "value": True})
        assert reply.status_code == 404
        assert reply.json()["detail"]["problems"][0]["code"] == "unknown_id"


def test_an_outcome_may_come_before_its_event_and_is_then_pending(server: Server) -> None:
    reply = server.post("/outcomes", {"event_id": "pcomes-later", "value": True})
    assert reply.status_code == 200
    assert reply.json()["pending"] is True
    decided(server, "comes-later")
    again = server.post("/outcomes", {"event_id": "pcomes-later", "value": True, "version": 2})
    assert again.json()["pending"] is False


def test_many_outcomes_are_answered_row_by_row(server: Server) -> None:
    event = decided(server, "outcome-3")["event_id"]
    rows = [{"event_id": event, "value": True}, {"prediction_id": "nope", "value": True}, {"event_id": event}]
    told = server.post("/outcomes", {"outcomes": rows}).json()
    assert [item["status"] for item in told["results"]] == [200, 404, 422]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"event_id": "x"}, 422),
        ({"value": True}, 422),
        ({"event_id": "x", "prediction_id": "y", "value": True}, 422),
        ({"event_id": "x", "value": "yes"}, 422),
        ({"event_id": "x", "value": 2}, 422),
        ({"event_id": "x", "value": 1.5}, 422),
        ({"event_id": "x", "value": True, "version": "two"}, 422),
        ({"event_id": "x", "value": True, "version": True}, 422),
        ({"event_id": "x", "value": True, "version": 0}, 400),
        ({"event_id": "x", "value": True, "version": 10**30}, 400),
        ({"event_id": "x", "value": True, "label": "nope"}, 400),
        ({"event_id": "x", "value": True, "surplus": 1}, 422),
        ({"event_id": "x" * 400, "value": True}, 422),
    ],
)
def test_an_outcome_that_makes_no_sense_is_refused(server: Server, body: dict[str, Any], status: int) -> None:
    assert server.post("/outcomes", body).status_code == status


def test_an_outcome_names_its_event_in_any_spelling_of_unicode(server: Server) -> None:
    name = payment("caf\u00e9-outcome")["payment_id"]
    assert server.post("/predict", payment("caf\u00e9-outcome")).status_code == 200
    told = server.post("/outcomes", {"event_id": normalize("NFD", name), "value": True}).json()
    assert (told["event_id"], told["pending"]) == (name, False)

"""The fraud template as its users meet it: four fields in, an answer or every fault out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.serving.shop import ROOT, Server, pack_model, promote, serving

from holdfast.contract import load_file

GOOD: dict[str, Any] = {"amount": 100.0, "hour": 14, "day_of_week": 3, "merchant_category": "online"}


@pytest.fixture(scope="module")
def fraud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("fraud") / ".holdfast"
    (home / "bundles").mkdir(parents=True)
    contract = load_file(ROOT / "src" / "holdfast" / "templates" / "fraud" / "contract.py")
    promote(home, contract, pack_model(home, contract), "1")
    with serving(home) as running:
        yield running


def test_a_payment_is_answered_with_a_truth_value_and_a_probability(fraud: Server) -> None:
    reply = fraud.post("/predict", GOOD)
    assert reply.status_code == 200
    assert isinstance(reply.json()["is_fraud"], bool)
    assert 0 <= reply.json()["fraud_probability"] <= 1


def test_a_large_amount_at_night_is_answered_too(fraud: Server) -> None:
    reply = fraud.post("/predict", GOOD | {"amount": 500.0, "hour": 3, "day_of_week": 1})
    assert reply.json()["fraud_probability"] >= 0


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"amount": -500.0}, {"amount"}),
        ({"hour": 25}, {"hour"}),
        ({"day_of_week": 10}, {"day_of_week"}),
        ({"merchant_category": "unknown_category"}, {"merchant_category"}),
        (
            {"amount": -999, "hour": 99, "day_of_week": 99, "merchant_category": "FAKE"},
            {"amount", "hour", "day_of_week", "merchant_category"},
        ),
    ],
)
def test_garbage_is_refused_with_each_of_its_faults(fraud: Server, changes: dict[str, Any], fields: set[str]) -> None:
    reply = fraud.post("/predict", GOOD | changes)
    assert reply.status_code == 400
    detail = reply.json()["detail"]
    assert {item["field"] for item in detail["problems"]} == fields
    assert len(detail["errors"]) == len(fields)
    assert detail["input"]["amount"] == (GOOD | changes)["amount"]


def test_missing_fields_are_all_named(fraud: Server) -> None:
    reply = fraud.post("/predict", {"amount": 100.0, "hour": 14})
    assert reply.status_code == 422
    assert {item["field"] for item in reply.json()["detail"]["problems"]} == {"day_of_week", "merchant_category"}


def test_health_is_healthy(fraud: Server) -> None:
    reply = fraud.get("/health")
    assert (reply.status_code, reply.json()["status"]) == (200, "healthy")

"""Many rows in one request."""

from __future__ import annotations

from pathlib import Path

from tests.serving.shop import Server, payment, serving, shop

from holdfast.ledger.read import LedgerReader


def test_rows_are_answered_one_by_one_good_and_bad(server: Server) -> None:
    rows = [payment("batch-1"), payment("batch-2", hour=77), "no object", payment("batch-3", amount=...)]
    reply = server.post("/predict/batch", {"rows": rows})
    assert reply.status_code == 200
    told = reply.json()
    assert (told["accepted"], told["refused"]) == (1, 3)
    assert [item["status"] for item in told["results"]] == [200, 400, 422, 422]
    assert told["results"][0]["is_fraud"] is told["results"][0]["decision"]
    assert told["results"][1]["detail"]["problems"][0]["field"] == "hour"


def test_rows_of_one_batch_share_a_snapshot_and_do_not_see_each_other(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    shop(home)
    with serving(home) as server:
        rows = [payment(f"share-{number}", card_id="same") for number in range(5)]
        told = server.post("/predict/batch", {"rows": rows}).json()["results"]
        after = server.post("/predict", payment("share-after", card_id="same")).json()
    reader = LedgerReader(home / "ledger")
    found = [reader.prediction(item["prediction_id"]) for item in told]
    assert len({item.read_seq for item in found if item is not None}) == 1
    assert len({item.features for item in found if item is not None}) == 1
    last = reader.prediction(after["prediction_id"])
    assert last is not None
    assert last.features != found[0].features  # type: ignore[union-attr]


def test_a_repeated_row_gets_the_first_answer_and_another_body_a_conflict(server: Server) -> None:
    rows = [payment("twice"), payment("twice"), payment("twice", amount=3)]
    rows[1]["occurred_at"] = rows[2]["occurred_at"] = rows[0]["occurred_at"]
    told = server.post("/predict/batch", {"rows": rows}).json()["results"]
    assert [item["status"] for item in told] == [200, 200, 409]
    assert told[0]["prediction_id"] == told[1]["prediction_id"]
    again = server.post("/predict/batch", {"rows": rows[:1]}).json()["results"]
    assert again[0]["prediction_id"] == told[0]["prediction_id"]


def test_what_is_no_list_of_rows_is_refused(server: Server) -> None:
    bodies: tuple[dict[str, object], ...] = ({}, {"rows": {}}, {"rows": None})
    for body in bodies:
        assert server.post("/predict/batch", body).status_code == 422
    assert server.post("/predict/batch", {"rows": [{}] * 10_001}).status_code == 413


def test_an_empty_batch_is_an_empty_answer(server: Server) -> None:
    assert server.post("/predict/batch", {"rows": []}).json() == {"accepted": 0, "refused": 0, "results": []}

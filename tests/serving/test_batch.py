"""Many rows in one request."""

from __future__ import annotations

import json
import struct
import threading
from pathlib import Path

import httpx
from tests.serving.shop import Server, first, payment, serving, shop, stamp

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


def test_rows_of_one_batch_share_a_snapshot_while_others_write(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    shop(home)
    stop = threading.Event()
    with serving(home) as server:

        def others() -> None:
            with httpx.Client(base_url=server.address, timeout=20) as client:
                at = 0
                while not stop.is_set():
                    at += 1
                    client.post("/predict", content=json.dumps(payment(f"other-{at}", card_id="same")).encode())

        thread = threading.Thread(target=others)
        thread.start()
        batches = []
        for batch in range(5):
            now = stamp()  # one time for all: a window ends at its own row's time
            rows = [payment(f"share-{batch}-{number}", card_id="same", occurred_at=now) for number in range(300)]
            batches.append(server.post("/predict/batch", {"rows": rows}).json()["results"])
        stop.set()
        thread.join()
        after = server.post("/predict", payment("share-after", card_id="same", occurred_at=stamp())).json()
    reader = LedgerReader(home / "ledger")
    cuts = []
    for told in batches:
        found = [reader.prediction(item["prediction_id"]) for item in told]
        assert len({item.read_seq for item in found if item is not None}) == 1
        assert len({item.features for item in found if item is not None}) == 1
        cuts.append(found[0].read_seq if found[0] is not None else 0)
    assert cuts == sorted(set(cuts))
    at = [item.name for item in first().features].index("card_payments_7d")
    last = reader.prediction(after["prediction_id"])
    assert last is not None
    assert struct.unpack_from("<d", last.features, at * 8)[0] >= 1_500


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

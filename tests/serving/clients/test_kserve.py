"""KServe's own client, from an environment of its own: V2 in JSON and in binary, V1 predict and explain."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.serving.clients.environment import python_of
from tests.serving.clients.events import bits, events, kept, predicted
from tests.serving.shop import Server, payment


def asked(server: Server, rows: list[dict[str, Any]]) -> dict[str, Any]:
    script = Path(__file__).with_name("kserve_asks.py")
    told = json.dumps({"address": server.address, "model": "fraud", "events": rows})
    done = subprocess.run(
        [str(python_of("kserve")), "-W", "ignore", str(script)], input=told, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.mark.long  # its client wants an environment of its own, made first
def test_kserves_client_gets_the_bits_of_predict(server: Server) -> None:
    rows = events("kserve")
    told = asked(server, rows)
    first = predicted(server, rows)
    assert (told["live"], told["ready"], told["model_ready"], told["v1_ready"]) == (True, True, True, True)
    for way in ("v2_binary_False", "v2_binary_True"):
        assert told[way] == {
            "id": "asked-by-kserve",
            "probability": bits(first),
            "prediction_id": [one["prediction_id"] for one in first],
        }
    assert told["v1"] == bits(first)
    assert "there is no model of that name here" in told["unknown"]
    for one, row in zip(told["explained"]["explanations"], rows, strict=True):
        ours = server.post("/explain", row).json()
        assert one == ours
        assert one["contributions"]


def test_v1_decides_on_instances_and_says_what_it_is_asked(server: Server) -> None:
    rows = events("v1")
    first = predicted(server, rows)
    told = server.post("/v1/models/fraud:predict", {"instances": rows, "parameters": {"output": "decision"}})
    assert told.json() == {"predictions": first}
    assert server.get("/v1/models").json() == {"models": ["fraud"]}
    by_id = server.post("/v1/models/fraud:explain", {"instances": [{"prediction_id": first[0]["prediction_id"]}]})
    assert by_id.json()["explanations"][0]["event_id"] == first[0]["event_id"]


@pytest.mark.parametrize("verb", ["predict", "explain"])
@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "instances: is missing"),
        ({"instances": {}}, "instances: is not a list"),
        ({"instances": [1]}, r"instances[0]: is not an object"),
        ({"instances": [payment("v1-bad"), payment("v1-bad-2", hour=99)]}, "instances[1].hour"),
        ({"instances": [], "inputs": []}, "inputs: has no meaning here"),
    ],
)
def test_v1_refuses_in_its_own_shape(server: Server, verb: str, body: dict[str, Any], says: str) -> None:
    reply = server.post(f"/v1/models/fraud:{verb}", body)
    assert reply.status_code == 400
    assert reply.json().keys() == {"error"}
    assert says in reply.json()["error"]
    assert not kept(server, payment("v1-bad"))
    assert server.post(f"/v1/models/another:{verb}", body).status_code == 404


def test_explaining_keeps_nothing(server: Server) -> None:
    rows = events("v1-explain", 2)
    assert server.post("/v1/models/fraud:explain", {"instances": rows}).status_code == 200
    assert not any(kept(server, row) for row in rows)

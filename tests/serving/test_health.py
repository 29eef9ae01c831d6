"""What the server says about itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.serving.shop import ROOT, Server, first, pack_model, payment, promote, serving

from holdfast.contract import load_file


def test_health_says_healthy_and_which_model_answers(server: Server) -> None:
    reply = server.get("/health")
    assert reply.status_code == 200
    told = reply.json()
    assert told["status"] == "healthy"
    assert told["model"]["version"] == "1"
    assert told["checks"] == {"model": "ok", "state": "ok", "ledger": "ok"}
    assert told["problems"] == []


def test_alive_and_ready(server: Server) -> None:
    assert server.get("/livez").json() == {"alive": True}
    reply = server.get("/readyz")
    assert (reply.status_code, reply.json()["ready"]) == (200, True)


def test_model_info_names_the_version_its_features_and_its_bundle(server: Server) -> None:
    told = server.get("/model-info").json()
    assert (told["name"], told["version"], told["contract"]) == ("fraud", "1", first().hash)
    assert [item["name"] for item in told["features"]] == [item.name for item in first().features]
    assert told["features"][0]["unit"] == "USD"
    assert told["threshold"]["value"] == 0.5
    assert re.fullmatch("[0-9a-f]{64}", told["bundle"])


def test_the_first_page_says_where_to_look(server: Server) -> None:
    told = server.get("/").json()
    assert told["docs"] == "/docs"
    assert {"/predict", "/events", "/outcomes", "/explain", "/health"} <= set(told["routes"])


def test_metrics_count_answers_refusals_and_latency(server: Server) -> None:
    body = payment("metrics")
    server.post("/predict", body)
    server.post("/predict", body)
    server.post("/predict", payment("metrics-2", hour=99))
    reply = server.get("/metrics")
    assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")
    samples = dict(line.rsplit(" ", 1) for line in reply.text.splitlines() if not line.startswith("#"))
    assert float(samples['holdfast_replies_total{route="/predict",status="200"}']) >= 2
    assert float(samples['holdfast_refusals_total{code="range"}']) >= 1
    assert float(samples["holdfast_repeated_requests_total"]) >= 1
    assert float(samples["holdfast_state_seq"]) > 1
    name = "holdfast_request_duration_seconds"
    assert float(samples[f'{name}_bucket{{route="/predict",le="+Inf"}}']) == float(
        samples[f'{name}_count{{route="/predict"}}']
    )
    assert any(name.startswith("holdfast_model_info") and 'version="1"' in name for name in samples)


def test_docs_show_swagger_and_the_document_speaks_the_contract(server: Server) -> None:
    assert "swagger" in server.get("/docs").text.lower()
    document = server.get("/openapi.json").json()
    event = document["components"]["schemas"]["Event"]
    assert event["properties"]["amount"] == {
        "type": "number", "multipleOf": 0.01, "exclusiveMinimum": 0, "maximum": 50000, "description": "in USD"
    }  # fmt: skip
    assert event["properties"]["merchant_category"]["enum"] == ["grocery", "online", "travel"]
    assert event["properties"]["hour"] == {"type": "integer", "minimum": 0, "maximum": 23}
    assert event["required"] == ["card_id", "amount", "hour", "merchant_category"]
    posted = document["paths"]["/predict"]["post"]
    assert posted["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Event"}
    assert "fraud_probability" in document["components"]["schemas"]["Decision"]["required"]
    rows = document["paths"]["/predict/batch"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert rows["properties"]["rows"]["items"]["anyOf"][0] == {"$ref": "#/components/schemas/Event"}
    assert set(document["paths"]) >= {
        "/predict", "/predict/batch", "/events", "/outcomes", "/explain", "/model-info", "/livez", "/readyz", "/health",
        "/metrics", "/",
    }  # fmt: skip


def test_the_documents_example_is_accepted(server: Server) -> None:
    document = server.get("/openapi.json").json()
    example = document["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]["example"]
    assert server.post("/predict", example).status_code == 200


def test_every_example_of_a_contract_with_a_required_time_is_accepted(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    (home / "bundles").mkdir(parents=True)
    contract = load_file(ROOT / "src" / "holdfast" / "templates" / "cards" / "contract.py")
    promote(home, contract, pack_model(home, contract), "1")
    with serving(home) as server:
        paths = server.get("/openapi.json").json()["paths"]
        posts = {path: told["post"] for path, told in paths.items() if "post" in told}
        assert set(posts) >= {"/predict", "/predict/batch", "/events", "/outcomes", "/explain", "/invocations"}
        for path, told in posts.items():
            content = told["requestBody"]["content"]["application/json"]
            parameters = [item for item in told.get("parameters", ()) if item["in"] == "path"]
            place = path.format(**{item["name"]: item["schema"]["enum"][0] for item in parameters})
            reply = server.post(place, content["example"])
            assert (reply.status_code, reply.json().get("refused", 0)) == (200, 0), path
            assert content["schema"]
            assert "route" not in told["description"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/predict", 405), ("GET", "/nothing", 404), ("DELETE", "/health", 405), ("PUT", "/outcomes", 405)],
)
def test_a_wrong_route_has_the_one_error_shape(server: Server, method: str, path: str, status: int) -> None:
    reply = server.client.request(method, path)
    assert reply.status_code == status
    assert reply.json()["detail"].keys() == {"message", "errors", "problems", "input"}

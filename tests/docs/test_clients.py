"""The page of clients is run as it stands: each example against a real server of the `fraud` template."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.serving.clients.environment import python_of
from tests.serving.shop import ROOT, Server, pack_model, promote, serving

from holdfast.contract import load_file

PAGE = (ROOT / "docs" / "clients.md").read_text(encoding="utf-8")
BLOCK = re.compile(
    r"^## (?P<title>[^\n]+)\n(?:(?!^## ).)*?^```(?P<kind>python|sh|dockerfile)\n(?P<code>.*?)^```$", re.M | re.S
)
EXAMPLES = {found["title"]: (found["kind"], found["code"]) for found in BLOCK.finditer(PAGE)}
PATHS = {**os.environ, "PYTHONPATH": str(ROOT / "src")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of the template, with a model that was promoted."""
    place = tmp_path_factory.mktemp("fraud")
    home = place / ".holdfast"
    (home / "bundles").mkdir(parents=True)
    contract = load_file(ROOT / "src" / "holdfast" / "templates" / "fraud" / "contract.py")
    promote(home, contract, pack_model(home, contract), "1")
    (place / "holdfast.toml").write_text('name = "fraud"\n')
    return place


@pytest.fixture(scope="module")
def fraud(folder: Path) -> Iterator[Server]:
    with serving(folder / ".holdfast") as running:
        yield running


def ran(command: list[str], code: str, folder: Path) -> str:
    done = subprocess.run([*command, code], cwd=folder, env=PATHS, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def answered(server: Server, event_id: str) -> dict[str, object]:
    """What `/predict` says of the page's event."""
    event = {"payment_id": event_id, "amount": 99.95, "hour": 14, "day_of_week": 3, "merchant_category": "online"}
    reply = server.post("/predict", event)
    assert reply.status_code == 200, reply.text
    answer: dict[str, object] = reply.json()
    return answer


def here(code: str, server: Server) -> str:
    port = server.address.rsplit(":", 1)[1]
    assert "8000" in code
    return code.replace("8000", port)


def test_every_section_with_an_example_is_tested() -> None:
    assert set(EXAMPLES) == {
        "Plain HTTP",
        "MLflow",
        "Triton's client, Open Inference Protocol",
        "KServe's client",
        "Flask, or any Python program",
        "SageMaker",
    }
    assert PAGE.count("```") == 2 * len(EXAMPLES)


def test_plain_http(fraud: Server, folder: Path) -> None:
    kind, code = EXAMPLES["Plain HTTP"]
    assert kind == "sh"
    assert json.loads(ran(["sh", "-c"], here(code, fraud), folder))["fraud_probability"] >= 0


def test_mlflow(fraud: Server, folder: Path) -> None:
    told = ran([sys.executable, "-W", "ignore", "-c"], here(EXAMPLES["MLflow"][1], fraud), folder)
    answer = answered(fraud, "p-1")
    assert str(answer["prediction_id"]) in told
    assert str(answer["probability"])[:6] in told


def test_triton(fraud: Server, folder: Path) -> None:
    code = EXAMPLES["Triton's client, Open Inference Protocol"][1]
    told = ran([sys.executable, "-W", "ignore", "-c"], here(code, fraud), folder)
    answer = answered(fraud, "p-2")
    assert "'merchant_category'" in told
    assert str(answer["prediction_id"]) in told
    assert str(answer["probability"])[:6] in told


def test_kserve(fraud: Server, folder: Path) -> None:
    code = EXAMPLES["KServe's client"][1]
    told = ran([str(python_of("kserve")), "-W", "ignore", "-c"], here(code, fraud), folder)
    answer = answered(fraud, "p-3")
    assert f"{{'predictions': [{answer['probability']!r}]}}" in told
    assert f"probability [{answer['probability']!r}]" in told
    assert "the score" in told


def test_embedded(fraud: Server, folder: Path) -> None:
    told = ran([sys.executable, "-c"], EXAMPLES["Flask, or any Python program"][1], folder)
    answer = answered(fraud, "p-4")
    assert told.split() == [answer["prediction_id"], repr(answer["fraud_probability"])]


def sagemaker(folder: Path, *without: str) -> subprocess.Popen[str]:
    """The container's command with the container's environment, told a port as SageMaker tells it."""
    code = EXAMPLES["SageMaker"][1]
    environment = {name: value for name, value in re.findall(r"^ENV (\w+)=(.*)$", code, re.M) if name not in without}
    (entrypoint,) = re.findall(r"^ENTRYPOINT (.*)$", code, re.M)
    (argument,) = re.findall(r"^CMD (.*)$", code, re.M)
    command = [*json.loads(entrypoint), *json.loads(argument)]
    assert (command[0], command[-1]) == ("holdfast", "serve")
    command = [sys.executable, "-m", "holdfast.cli.main", *command[1:]]
    command[command.index("/srv/shop")] = str(folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    environment |= {**PATHS, "SAGEMAKER_BIND_TO_PORT": port}
    return subprocess.Popen(
        [*command, "--json"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_sagemaker(fraud: Server, folder: Path) -> None:
    container = sagemaker(folder)
    try:
        assert container.stdout is not None
        address = json.loads(container.stdout.readline())["address"]
        port = address.rsplit(":", 1)[1]
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"host": "endpoint.internal:8080"}) as client:
            assert client.get("/ping").status_code == 200
            rows = b"payment_id,amount,hour,day_of_week,merchant_category\np-5,99.95,14,3,online\n"
            reply = client.post("/invocations", content=rows, headers={"content-type": "text/csv"})
            assert reply.json()["predictions"] == [answered(fraud, "p-5")["probability"]]
    finally:
        container.terminate()
        container.communicate(timeout=30)


@pytest.mark.parametrize("setting", ["HOLDFAST_SERVING_TLS_IN_FRONT", "HOLDFAST_ACCESS_CALLERS_IN_FRONT"])
def test_without_a_platform_in_front_the_container_refuses_to_start(folder: Path, setting: str) -> None:
    container = sagemaker(folder, setting)
    told = "".join(container.communicate(timeout=30))
    assert container.returncode != 0
    assert "not protected" in told

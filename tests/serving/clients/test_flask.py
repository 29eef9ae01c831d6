"""The Flask example as its users run it: gunicorn, two processes, several threads each, beside a server of ours."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import httpx
import numpy as np
import pytest
from tests.serving.clients.events import bits, events, predicted
from tests.serving.shop import ROOT, payment, serving, shop

from holdfast.errors import HoldfastError
from holdfast.ledger.read import LedgerReader
from holdfast.project.embed import open_predictor
from holdfast.serving.embed import NotAnswered

PATHS = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
EXAMPLE = ROOT / "examples" / "flask_app"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("flask")
    shop(place / ".holdfast")
    (place / "holdfast.toml").write_text('name = "fraud"\n')
    return place


@contextmanager
def flask(folder: Path, workers: int = 2) -> Iterator[httpx.Client]:
    """The example behind gunicorn on a free port."""
    environment = {**PATHS, "HOLDFAST_PROJECT": str(folder)}
    command = [
        sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:0", "--workers", str(workers), "--threads", "4",
        "--no-control-socket", "app:app",
    ]  # fmt: skip
    process = subprocess.Popen(command, cwd=EXAMPLE, env=environment, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    reader = threading.Thread(target=process.stderr.read)  # a full pipe would stop it
    try:
        said = ""
        while "Listening at: " not in said:
            said = process.stderr.readline()
            assert said, "gunicorn did not start"
        reader.start()
        address = said.split("Listening at: ")[1].split()[0]
        with httpx.Client(base_url=address, timeout=30) as client:
            yield client
    finally:
        process.terminate()
        process.wait(20)
        if reader.ident is not None:
            reader.join()
        process.stderr.close()


def test_flask_answers_the_bits_of_predict_also_beside_a_server(folder: Path) -> None:
    rows = events("flask", 40)
    with flask(folder) as client, serving(folder / ".holdfast") as server:
        with ThreadPoolExecutor(8) as pool:
            replies = list(pool.map(lambda row: client.post("/score", json=row), rows))
        assert [reply.status_code for reply in replies] == [200] * len(rows), replies[0].text
        assert [reply.json() for reply in replies] == predicted(server, rows)
        after = events("flask-after", 5)
        known = predicted(server, after)
        assert [client.post("/score", json=row).json() for row in after] == known
        bad = client.post("/score", json=payment("flask-bad", hour=99, amount=-1))
        assert bad.status_code == 400
        assert bad.json() == server.post("/predict", payment("flask-bad", hour=99, amount=-1)).json() | bad.json()
        assert {item["field"] for item in bad.json()["detail"]["problems"]} == {"hour", "amount"}
        assert client.post("/score", json=rows[0] | {"amount": 1}).status_code == 409
        assert client.post("/score", content=b'{"amount": NaN}').status_code == 400


def test_what_an_embedded_predictor_answered_is_in_the_ledger(folder: Path) -> None:
    rows = events("embedded")
    with open_predictor(folder) as predictor:
        answers = [predictor.decide(row, reasons=2) for row in rows]
        assert predictor.decide(rows[0]) == answers[0]
        assert predictor.explain({"prediction_id": answers[0]["prediction_id"]})["contributions"]
        assert (
            predictor.outcome({"event_id": rows[0]["payment_id"], "value": True})["event_id"] == rows[0]["payment_id"]
        )
    reader = LedgerReader(folder / ".holdfast" / "ledger")
    kept = [reader.prediction(answer["prediction_id"]) for answer in answers]
    assert [item.probability.hex() for item in kept if item is not None] == bits(answers)
    assert all("reasons" in answer for answer in answers)


def test_python_values_are_what_their_json_would_be(folder: Path) -> None:
    (row,) = events("typed", 1)
    with open_predictor(folder) as predictor:
        asked = predictor.decide(row | {"amount": Decimal("0.07"), "hour": np.int64(row["hour"])})
        assert predictor.decide(row) == asked
        assert predictor.decide(row | {"amount": np.float64(0.07)}) == asked
        at = datetime.now(UTC) - timedelta(minutes=1)
        first = predictor.decide(payment("typed-time", occurred_at=at))
        assert predictor.decide(payment("typed-time", occurred_at=at.isoformat())) == first
        for odd in (float("nan"), float("inf"), Decimal("NaN"), 1j, b"1", {1}, "\ud800"):
            with pytest.raises(NotAnswered) as refused:
                predictor.decide(payment("odd", amount=odd, hour=odd))
            assert refused.value.status == 422
            assert {item.field for item in refused.value.problems} == {"amount", "hour"}
            assert refused.value.answer["detail"]["errors"]


def test_many_threads_share_one_predictor_and_one_event_is_decided_once(folder: Path) -> None:
    rows = events("threads", 60)
    with open_predictor(folder) as predictor:
        with ThreadPoolExecutor(12) as pool:
            answers = list(pool.map(predictor.decide, [*rows, *rows]))
        assert answers[:60] == answers[60:]
        assert len({answer["prediction_id"] for answer in answers}) == 60


def test_a_promotion_is_followed_without_opening_again(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    shop(home)
    (tmp_path / "holdfast.toml").write_text('name = "fraud"\n')
    with open_predictor(tmp_path) as predictor:
        assert predictor.decide(payment("before"))["model"]["version"] == "1"
        script = "import sys; from pathlib import Path; from tests.serving.shop import *\n"
        script += "home = Path(sys.argv[1]); promote(home, second(), pack_model(home, second()), '2')"
        subprocess.run([sys.executable, "-c", script, str(home)], check=True, cwd=ROOT, env=PATHS)
        for number in range(500):
            try:
                predictor.decide(payment(f"after-{number}"))
            except NotAnswered:  # the second contract wants a field that the first refuses
                break
            time.sleep(0.02)
        answer = predictor.decide(payment("after", channel="web"))
        assert answer["model"]["version"] == "2"


def test_closed_or_forked_it_says_so_instead_of_waiting(folder: Path) -> None:
    predictor = open_predictor(folder)
    child = os.fork()
    if child == 0:  # pragma: no cover — another process
        try:
            predictor.decide(payment("forked"))
        except HoldfastError as error:
            os._exit(0 if "another process" in error.what else 2)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    predictor.close()
    predictor.close()
    with pytest.raises(HoldfastError, match="closed"):
        predictor.decide(payment("closed"))


def test_without_a_champion_it_does_not_open(tmp_path: Path) -> None:
    (tmp_path / "holdfast.toml").write_text('name = "fraud"\n')
    with pytest.raises(HoldfastError, match="no champion"):
        open_predictor(tmp_path)
    with pytest.raises(HoldfastError, match="no project"):
        open_predictor(tmp_path / "nowhere")

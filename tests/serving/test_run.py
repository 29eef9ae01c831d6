"""The worker as a process: what it refuses to start with, what it weighs, how it ends."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import psutil
import pytest
from tests.serving.shop import payment, serving, shop

from holdfast.errors import HoldfastError
from holdfast.ledger.read import LedgerReader
from holdfast.ledger.records import Decision
from holdfast.serving.run import listen, opened
from holdfast.serving.wire import Limits

HEAVY = ("pandas", "sklearn", "mlflow", "lightgbm", "xgboost", "polars", "duckdb", "matplotlib", "scipy", "pyarrow")


def test_without_a_champion_it_does_not_start_and_says_so(tmp_path: Path) -> None:
    with pytest.raises(HoldfastError, match="no champion") as refused, opened(tmp_path / ".holdfast", Limits()):
        pass
    assert "holdfast promote" in refused.value.mend


def test_a_taken_port_is_told_with_what_to_do() -> None:
    with listen("127.0.0.1", 0) as bound:
        bound.listen()
        with pytest.raises(HoldfastError, match="cannot listen"):
            listen("127.0.0.1", bound.getsockname()[1])


def test_a_worker_is_ready_in_three_seconds_and_250_megabytes_and_imports_nothing_heavy(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    shop(home)
    before = "import threading\nthreading.Timer(2.5, lambda: print(' '.join(sys.modules), flush=True)).start()"
    began = time.monotonic()
    with serving(home, before=before) as server:
        ready = time.monotonic() - began
        used = psutil.Process(server.process.pid).cpu_times()
        for number in range(500):
            assert server.post("/predict", payment(number)).status_code == 200
        server.post("/explain", payment("why"))
        server.post("/predict/batch", {"rows": [payment(f"b{number}") for number in range(1_000)]})
        server.get("/openapi.json")
        megabytes = psutil.Process(server.process.pid).memory_info().rss / 2**20
        assert server.process.stdout is not None
        modules = server.process.stdout.readline().split()
    # It waits for nothing while it starts, so on an idle core its processor time is the time until it is ready;
    # beside other tests the clock on the wall would measure those.
    print(f"ready in {ready:.2f} s ({used.user + used.system:.2f} s of a processor), {megabytes:.0f} MB")
    assert used.user + used.system < 3
    assert megabytes < 250
    assert not {name.partition(".")[0] for name in modules} & set(HEAVY)


def test_a_signal_lets_requests_in_flight_be_answered(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    shop(home)
    acknowledged: list[str] = []
    broken: list[str] = []

    def run(address: str, number: int) -> None:
        with httpx.Client(base_url=address, timeout=20) as client:
            for at in range(100_000):
                try:
                    reply = client.post("/predict", content=json.dumps(payment(f"{number}-{at}")).encode())
                except (httpx.ConnectError, httpx.RemoteProtocolError, httpx.ReadError):
                    return  # the connection was closed between two requests
                if reply.status_code != 200:
                    broken.append(reply.text)
                acknowledged.append(reply.json()["prediction_id"])

    with serving(home) as server:
        threads = [threading.Thread(target=run, args=(server.address, number)) for number in range(4)]
        for thread in threads:
            thread.start()
        while len(acknowledged) < 60:
            time.sleep(0.01)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(15) == 0
        for thread in threads:
            thread.join()
    assert broken == []
    kept = {item.prediction_id for item in LedgerReader(home / "ledger").records() if isinstance(item, Decision)}
    assert len(acknowledged) > 50
    assert set(acknowledged) <= kept


def test_kill_loses_no_acknowledged_decision(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    shop(home)
    acknowledged: list[str] = []
    for run in range(3):
        with serving(home) as server:
            for at in range(100):
                told = server.post("/predict", payment(f"{run}-{at}")).json()
                acknowledged += [told["prediction_id"]]
            server.kill()
    kept = [item.prediction_id for item in LedgerReader(home / "ledger").records() if isinstance(item, Decision)]
    assert kept == acknowledged


FULL = """
import os
from holdfast.ledger import files
real = files.Files.write
def write(self, fd, data, offset):
    if os.path.exists(sys.argv[1] + "/full"):
        raise OSError(28, "No space left on device")
    return real(self, fd, data, offset)
files.Files.write = write
"""


def test_a_full_disk_answers_503_loses_nothing_and_recovers(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    shop(home)
    with serving(home, before=FULL) as server:
        assert server.post("/predict", payment(1)).status_code == 200
        (home / "full").touch()
        reply = server.post("/predict", payment(2))
        assert reply.status_code == 503
        assert reply.headers["retry-after"] == "1"
        assert reply.json()["detail"]["problems"][0]["code"] == "unavailable"
        assert server.post("/outcomes", {"event_id": "p1", "value": True}).status_code == 503
        assert server.get("/readyz").status_code == 503
        assert server.get("/livez").status_code == 200
        (home / "full").unlink()
        assert server.post("/predict", payment(2)).status_code == 200
        assert server.get("/readyz").status_code == 200
    kept = [item.event_id for item in LedgerReader(home / "ledger").records() if isinstance(item, Decision)]
    assert kept == ["p1", "p2"]


def test_a_half_sent_request_is_no_fault(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    shop(home)
    with serving(home) as server:
        host, _, port = server.address.removeprefix("http://").partition(":")
        for _ in range(5):
            with socket.create_connection((host, int(port))) as raw:
                raw.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        assert server.post("/predict", payment(1)).status_code == 200


def test_importing_the_room_is_cheap_enough_for_a_worker() -> None:
    script = "import holdfast.serving.run, sys; print(' '.join(sys.modules))"
    modules = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert not {name.partition(".")[0] for name in modules} & set(HEAVY)

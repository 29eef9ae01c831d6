"""Several workers: one address, one order, one state; a dead one is replaced, and all end together."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from tests.serving.shop import ROOT, Server, command, payment, serving, shop, stamp

from holdfast.ledger.read import LedgerReader
from holdfast.ledger.records import Decision

OCCURRED = stamp(timedelta(minutes=1))


def send(server: Server, body: bytes) -> tuple[int, dict[str, Any]]:
    """On a connection of its own, so that any worker may be the one that answers."""
    with closing(HTTPConnection("127.0.0.1", int(server.address.rpartition(":")[2]), timeout=20)) as connection:
        connection.request("POST", "/predict", body)
        reply = connection.getresponse()
        return reply.status, json.loads(reply.read())


def post(server: Server, number: int | str) -> dict[str, Any]:
    """The same body whenever the same number is sent."""
    status, shape = send(server, json.dumps(payment(number, occurred_at=OCCURRED)).encode())
    assert status == 200, shape
    return shape


def workers_of(server: Server) -> list[psutil.Process]:
    return psutil.Process(server.process.pid).children()


def decided(server: Server) -> int:
    lines = server.get("/metrics").text.splitlines()
    return sum(int(line.split()[-1]) for line in lines if line.startswith("holdfast_decisions_total{"))


def test_workers_share_one_order_and_one_state_and_their_counts_add_up(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    shop(home)
    with serving(home, workers=2) as server, ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda number: post(server, number), range(200)))
        used = [sum(item.cpu_times()[:2]) for item in workers_of(server)]
        # The same event again, from whichever worker: the stored answer, once in the ledger.
        again = list(pool.map(lambda number: post(server, number % 200), range(100)))
        assert all(told[number] == shape for number, shape in enumerate(again))
        time.sleep(1.2)
        seen = {decided(server) for _ in range(5)}
    assert len(used) == 2
    assert seen == {200}
    kept = [item for item in LedgerReader(home / "ledger").records() if isinstance(item, Decision)]
    assert {item.event_id for item in kept} == {f"p{number}" for number in range(200)}
    assert len(kept) == 200


def test_many_at_once_with_one_event_id_get_one_answer_from_two_workers(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    shop(home)
    with serving(home, workers=2) as server, ThreadPoolExecutor(16) as pool:
        for number in range(10):
            body = json.dumps(payment(number)).encode()
            replies = list(pool.map(lambda body: send(server, body), [body] * 16))
            assert {status for status, _ in replies} == {200}
            assert len({shape["prediction_id"] for _, shape in replies}) == 1
    assert len(list(LedgerReader(home / "ledger").records())) == 11  # with the promotion


def test_a_dead_worker_is_replaced_and_its_counts_go_on(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    shop(home)
    with serving(home, workers=2) as server:
        for number in range(40):
            post(server, number)
        time.sleep(1.3)
        assert decided(server) == 40
        before = workers_of(server)
        for worker in before:
            worker.kill()
            worker.wait()
        # The other is gone too: who connects waits in the socket's queue until a new worker accepts.
        post(server, "after")
        deadline = time.monotonic() + 20
        while len(workers_of(server)) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        now = workers_of(server)
        assert not {item.pid for item in before} & {item.pid for item in now}
        time.sleep(2.5)
        assert decided(server) == 41


def test_without_its_supervisor_a_worker_ends_in_order(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    shop(home)
    with serving(home, workers=2) as server:
        post(server, 1)
        workers = workers_of(server)
        server.kill()
        _, alive = psutil.wait_procs(workers, timeout=10)
        assert alive == []
    assert (home / "state" / "clean").exists()


def test_a_worker_that_cannot_start_is_told_with_its_own_words_and_ends_all(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    home.mkdir()
    done = subprocess.run(
        command(home, workers=2),
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        timeout=30,
    )
    assert done.returncode == 1
    assert "there is no champion to serve" in done.stderr.splitlines()[-2] + done.stderr.splitlines()[-1]
    assert done.stdout == ""


def test_an_interrupt_drains_all_workers(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    shop(home)
    with serving(home, workers=2) as server:
        post(server, 1)
        host, _, port = server.address.removeprefix("http://").partition(":")
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(15) == 0
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((host, int(port)))
    assert (home / "state" / "clean").exists()


def test_a_worker_that_ends_badly_while_draining_is_told(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    shop(home)
    with serving(home, workers=2) as server:
        post(server, 1)
        workers = workers_of(server)
        for worker in workers:
            worker.suspend()
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        workers[0].kill()
        workers[1].resume()
        assert server.process.wait(20) == 1


def test_the_command_serves_with_workers(tmp_path: Path) -> None:
    """The whole way: the command line, a worker that reads the settings again, and misuse told at once."""
    home = tmp_path / ".holdfast"
    shop(home)
    (tmp_path / "holdfast.toml").write_text('name = "fraud"\n[serving]\nworkers = 2\nmax_rows = 3\n')
    words = [sys.executable, "-m", "holdfast.cli.main", "-C", str(tmp_path), "serve", "--port", "0", "--json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        try:
            assert (told["workers"], told["version"]) == (2, "1")
            many = {"rows": [payment(number) for number in range(4)]}
            assert httpx.post(told["address"] + "/predict/batch", json=many).status_code == 413
            assert len(psutil.Process(process.pid).children()) == 2
        finally:
            process.terminate()
            assert process.wait(20) == 0
    done = subprocess.run([*words, "--workers", "65"], capture_output=True, text=True, env=environment)
    assert done.returncode == 2

"""`holdfast watch` as a real process before real receivers: killed in between, started again, and never twice."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.project.alerts.receivers import web

from holdfast.project.alerts.outbox import FOLDER, Outbox

ROOT = Path(__file__).parents[3]
SEED = int(os.environ.get("HOLDFAST_TEST_SEED", "20261122"))
KILLS = int(os.environ.get("HOLDFAST_TEST_KILLS", "4"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "holdfast.toml").write_text('name = "shop"\n')
    return tmp_path


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


NOBODY = f"http://127.0.0.1:{free_port()}"
"""Where no server answers: an outage, at the first look."""


@contextmanager
def watching(project: Path, address: str, *more: str) -> Iterator[subprocess.Popen[str]]:
    """The command as a process of its own, killed at the end."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "HOLDFAST_ALERTS_WEBHOOK": address}
    command = [sys.executable, "-m", "holdfast.cli.main", "-C", str(project), "watch", NOBODY, "--every", "1", *more]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def until(what: Callable[[], object], patience: float = 30.0) -> None:
    end = time.monotonic() + patience
    while not what():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)


def tries(project: Path) -> int:
    """How often the alert was sent to nobody."""
    if not (project / ".holdfast" / FOLDER / "outbox.db").exists():
        return 0
    return sum(what.tries for what in Outbox(project / ".holdfast" / FOLDER).owed("webhook"))


def test_once_for_each_incident_though_the_receiver_was_down_and_the_watcher_killed(project: Path) -> None:
    port = free_port()
    address = f"http://127.0.0.1:{port}/"
    with watching(project, address):
        until(lambda: tries(project) >= 1)  # it is on the disk, and was sent to nobody
    before = tries(project)
    with watching(project, address):
        until(lambda: tries(project) > before)  # the second process goes on with what the first one owed
        with web(204, port=port) as (_, got):
            until(lambda: got and not Outbox(project / ".holdfast" / FOLDER).owed("webhook"))
            time.sleep(2.5)  # two more looks at the same outage
    assert [(item["rule"], item["event"]) for item in got] == [("outage", "opened")]


def test_killed_at_any_time_it_tells_of_one_incident_under_one_key(project: Path) -> None:
    """Most kills fall between two instructions of ours; some between sending and writing down that it arrived."""
    chance = random.Random(SEED)
    with web(204) as (address, got):
        for _ in range(KILLS):
            with watching(project, address):
                time.sleep(chance.uniform(0.3, 2.2))
        with watching(project, address):
            until(lambda: got and not Outbox(project / ".holdfast" / FOLDER).owed("webhook"))
    print(f"seed {SEED}: {KILLS} kills, {len(got)} arrived, keys {sorted({item['key'] for item in got})}")
    assert len({item["key"] for item in got}) == 1
    assert len(got) <= 2


def test_what_was_not_acknowledged_is_sent_again_with_the_same_key(project: Path) -> None:
    """The receiver has it, and the watcher dies before it hears so: at least once, and the key tells."""
    got: list[dict[str, Any]] = []
    heads: list[str | None] = []

    class Silent(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            heads.append(self.headers["idempotency-key"])
            if len(got) == 1:
                time.sleep(4.0)  # until it was killed
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Silent)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/"
    try:
        with watching(project, address):
            until(lambda: len(got) == 1)
        with watching(project, address):
            until(lambda: len(got) == 2)
            until(lambda: not Outbox(project / ".holdfast" / FOLDER).owed("webhook"))
    finally:
        server.shutdown()
        server.server_close()
    assert len(got) == 2
    assert len({item["key"] for item in got}) == len(set(heads)) == 1


def test_two_never_watch_one_project_and_a_killed_one_leaves_no_lock(project: Path) -> None:
    with web(204) as (address, got):
        with watching(project, address) as first:
            until(lambda: got)
            with watching(project, address) as second:
                assert second.wait(30) == 2
                _, told = second.communicate()
            assert f"being watched already, by process {first.pid}" in told
            assert first.poll() is None
        with watching(project, address, "--once", "--json") as third:
            told, _ = third.communicate(timeout=30)
            assert third.returncode == 1
    assert json.loads(told)["sent"] == []  # it was told before
    assert len(got) == 1


def test_it_ends_in_order_when_told_to(project: Path) -> None:
    with web(204) as (address, got), watching(project, address) as process:
        until(lambda: got)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


FULL = """
import resource, sys
from pathlib import Path
from holdfast.project.alerts.outbox import FOLDER, Outbox
from holdfast.project.alerts.sending import Sending
from holdfast.project.alerts.webhook import WebhookDoor
from holdfast.project.duties import Server
from holdfast.project.project import Project
from holdfast.project.watching import Watching
project, outbox = Project.open(Path(sys.argv[1])), Outbox(Path(sys.argv[1]) / ".holdfast" / FOLDER)
duty = Server(1.0)
with Sending(outbox, [WebhookDoor(sys.argv[2])]) as sending:
    watching = Watching(project, outbox, sending, [duty], address=sys.argv[3])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    first = watching.round(duty)
    print(len(first.messages), len(outbox.open()))
    second = watching.round(duty)
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    third = watching.round(duty)
    print(len(second.messages) + len(third.messages), len(outbox.open()), len(outbox.owed("webhook")))
"""


def test_a_full_disk_is_told_of_though_it_cannot_be_written_down(project: Path) -> None:
    with web(204) as (address, got):
        command = [sys.executable, "-c", FULL, str(project), address, NOBODY]
        done = subprocess.run(
            command, env={**os.environ, "PYTHONPATH": str(ROOT / "src")}, capture_output=True, text=True
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["1", "0", "0", "1", "0"]  # told while nothing could be written, then written once
    assert len(got) == 1

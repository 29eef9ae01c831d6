"""Slow clients, crowds, and the end: what a connection may cost, and who is answered all the same."""

from __future__ import annotations

import json
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.serving.shop import Server, payment, serving, shop

from holdfast.ledger.read import LedgerReader
from holdfast.ledger.records import Decision
from holdfast.serving.door import FEWEST, Door, Patience

BEFORE = "from holdfast.serving.door import Patience"
SHORT = "patience=Patience(head=0.4, body=0.4, reply=0.4, idle=0.4, connections=40)"


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that waits for nobody for longer than 0.4 s."""
    home = tmp_path_factory.mktemp("hasty") / ".holdfast"
    shop(home)
    with serving(home, before=BEFORE, more=SHORT) as server:
        yield server


def connect(server: Server) -> socket.socket:
    host, _, port = server.address.removeprefix("http://").partition(":")
    found = socket.create_connection((host, int(port)))
    found.settimeout(10)
    return found


def whole(number: int | str) -> bytes:
    body = json.dumps(payment(number)).encode()
    return b"POST /predict HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: %d\r\n\r\n" % len(body) + body


def rest(connection: socket.socket) -> bytes:
    """All that comes until the server hangs up."""
    found = b""
    while data := connection.recv(65_536):
        found += data
    return found


def one(connection: socket.socket) -> bytes:
    """One whole reply of a connection that stays open."""
    found = b""
    while True:
        data = connection.recv(65_536)
        found += data
        head, end, body = found.partition(b"\r\n\r\n")
        if not data or (end and len(body) >= int(head.lower().partition(b"content-length: ")[2].split(b"\r")[0])):
            return found


def told(reply: bytes) -> tuple[int, dict[str, Any]]:
    head, _, body = reply.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)["detail"]


def turned_away(server: Server) -> dict[str, int]:
    lines = [
        line for line in server.get("/metrics").text.splitlines() if line.startswith("holdfast_turned_away_total{")
    ]
    return {line.split('"')[1]: int(line.split()[-1]) for line in lines}


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"POST /predict HTTP/1.1\r\nhost: 127.0.0.1\r\n", 408, "slow_head"),
        (b"P", 408, "slow_head"),
        (b"POST /predict HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 100\r\n\r\n{", 408, "slow_body"),
        (b"POST /predict HTTP/1.1\r\nhost: 127.0.0.1\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{", 408, "slow_body"),
        (b"GET / HTTP/1.1\r\nx: " + b"y" * 70_000, 431, "large_head"),
        (b"no http\r\n\r\n", 400, "not_http"),
    ],
)
def test_what_does_not_come_in_time_or_is_no_request_is_told_and_ended(
    hasty: Server, sent: bytes, status: int, code: str
) -> None:
    with connect(hasty) as slow:
        slow.sendall(sent)
        got, detail = told(rest(slow))
    assert (got, detail["problems"][0]["code"]) == (status, code)
    assert detail.keys() == {"message", "errors", "problems", "input"}


def test_a_drop_now_and_then_does_not_extend_the_deadline(hasty: Server) -> None:
    with connect(hasty) as slow:
        began = time.monotonic()
        with pytest.raises(OSError):  # noqa: PT012 — whichever of the two notices first
            for byte in b"POST /predict HTTP/1.1\r\nhost: 127.0.0.1\r\n" * 20:
                slow.sendall(bytes([byte]))
                time.sleep(0.05)
        assert time.monotonic() - began < 10


def test_who_says_nothing_is_hung_up_on_without_a_word(hasty: Server) -> None:
    with connect(hasty) as silent:
        assert rest(silent) == b""


def test_an_idle_connection_is_closed_and_a_busy_one_is_not(hasty: Server) -> None:
    with connect(hasty) as kept:
        for number in range(6):
            kept.sendall(whole(f"idle-{number}"))
            assert one(kept).startswith(b"HTTP/1.1 200")
            time.sleep(0.15)
        assert rest(kept) == b""


def test_who_does_not_read_is_cut(hasty: Server) -> None:
    before = turned_away(hasty).get("reply", 0)
    with connect(hasty) as deaf:
        deaf.setblocking(False)
        for _ in range(2_000):
            try:
                deaf.send(b"GET /openapi.json HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n" * 20)
            except BlockingIOError:
                break
        for _ in range(200):
            if turned_away(hasty).get("reply", 0) > before:
                break
            time.sleep(0.05)
    assert turned_away(hasty)["reply"] > before


def test_at_the_limit_of_connections_those_give_way_who_finish_nothing(hasty: Server) -> None:
    with ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(connect(hasty)).sendall(b"POST /predict HTTP/1.1\r\nhost: 127.0.0.1\r\n")
        with httpx.Client(base_url=hasty.address) as client:
            for number in range(20):
                assert client.post("/predict", json=payment(f"crowd-{number}")).status_code == 200
    assert turned_away(hasty)["connections"] >= 60


SLOW_DISK = """
import time
from holdfast.serving.door import Patience
from holdfast.ledger import files
real = files.Files.sync
def sync(self, fd):
    time.sleep(0.4)
    real(self, fd)
files.Files.sync = sync
"""


def test_more_than_may_wait_are_told_at_once_and_answered_when_they_come_again(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    shop(home)
    statuses: list[int] = []
    quick: list[float] = []

    def client(number: int) -> None:
        with httpx.Client(base_url=server.address, timeout=20) as own:
            for _ in range(40):
                began = time.monotonic()
                reply = own.post("/predict", json=payment(number, occurred_at="2026-11-20T10:00:00Z"))
                statuses.append(reply.status_code)
                if reply.status_code == 200:
                    return
                assert reply.headers["retry-after"] == "1"
                assert reply.json()["detail"]["problems"][0]["code"] == "busy"
                quick.append(time.monotonic() - began)

    with serving(home, before=SLOW_DISK, more="patience=Patience(waiting=3)") as server:
        threads = [threading.Thread(target=client, args=(number,)) for number in range(12)]
        for thread in threads:
            thread.start()
        # Whoever looks after the server is answered meanwhile.
        while len(statuses) < 12:
            assert server.get("/livez").status_code == 200
            time.sleep(0.02)
        for thread in threads:
            thread.join()
        assert turned_away(server)["busy"] == len(quick)
    assert statuses.count(200) == 12
    assert set(statuses) == {200, 503}
    # Told once each, not as often as there was time for.
    assert len(quick) < 60


STUCK = """
import time
from holdfast.serving.door import Patience
from holdfast.serving import decide
real = decide.Decider.decide
def slow(self, *given, **more):
    time.sleep(0.5)
    return real(self, *given, **more)
decide.Decider.decide = slow
"""


def test_a_request_that_waited_too_long_is_refused_before_anything_is_done_for_it(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    shop(home)
    with serving(home, before=STUCK, more="patience=Patience(queue=0.3)") as server, ExitStack() as stack:
        first, *others = (stack.enter_context(connect(server)) for _ in range(4))
        first.sendall(whole(0))
        time.sleep(0.15)
        for number, connection in enumerate(others, 1):
            connection.sendall(whole(number))
        assert one(first).startswith(b"HTTP/1.1 200")
        replies = [one(connection) for connection in others]
        assert [told(reply)[0] for reply in replies] == [503] * 3
        assert all(b"retry-after: 1" in reply for reply in replies)
        assert "waited too long" in told(replies[0])[1]["message"]
        # The connection stays in order: the same request, sent again, is answered.
        others[0].sendall(whole(1))
        assert one(others[0]).startswith(b"HTTP/1.1 200")
    kept = [item.event_id for item in LedgerReader(home / "ledger").records() if isinstance(item, Decision)]
    assert kept == ["p0", "p1"]


@contextmanager
def stopped(server: Server) -> Iterator[None]:
    server.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        server.process.send_signal(signal.SIGCONT)


def test_whoever_was_let_in_before_the_signal_is_answered(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    shop(home)
    with serving(home) as server, ExitStack() as stack:
        kept = [stack.enter_context(connect(server)) for _ in range(10)]
        for number, connection in enumerate(kept):
            connection.sendall(whole(f"first-{number}"))
            assert one(connection).startswith(b"HTTP/1.1 200")
        with stopped(server):
            # Connected, as the kernel says, but accepted by nobody yet; beside them idle ones that ask again.
            fresh = [stack.enter_context(connect(server)) for _ in range(10)]
            for number, connection in enumerate([*kept, *fresh]):
                connection.sendall(whole(f"last-{number}"))
            server.process.send_signal(signal.SIGTERM)
        replies = [rest(connection) for connection in [*kept, *fresh]]
        assert server.process.wait(15) == 0
    assert [reply for reply in replies if not reply.startswith(b"HTTP/1.1 200")] == []
    kept_ids = {item.event_id for item in LedgerReader(home / "ledger").records() if isinstance(item, Decision)}
    assert {f"plast-{number}" for number in range(20)} <= kept_ids


def test_how_many_may_wait_follows_how_fast_they_are_answered() -> None:
    now = 100.0
    door = Door(Patience(waiting=500, queue=0.5), None, lambda: now)  # type: ignore[arg-type]  # counts nothing here
    answered = 0

    def second(done: int, busy: int) -> int:
        nonlocal now, answered
        now, answered = now + 1, answered + done
        door.measure(now, answered, busy)
        return door.allowed

    assert second(5_000, 500) == 500
    assert second(200, 400) == 100
    assert second(0, 400) == FEWEST
    # Nobody waits: nobody is turned away, however few came.
    assert second(3, 0) == 500
    assert second(200, 90) == 100

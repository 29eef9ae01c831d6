"""The short way of a plain prediction: taken when it may be, and told apart from the app's by nothing but speed."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.serving.shop import Server, payment, serving, shop, stamp
from tests.serving.test_door import connect, one, rest, turned_away

from holdfast.ledger.read import LedgerReader
from holdfast.ledger.records import Decision, Refusal

DIRECT, APP = "/predict", "/predict?"
"""A query, even an empty one, is not plain."""
NOW = stamp(timedelta(seconds=1))
NO_APP = """
from holdfast.serving import predict
async def gone(self, scope, receive, send):
    raise RuntimeError("the app was asked")
predict.Predict.__call__ = gone
"""


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose app answers no prediction: what it answers went the short way."""
    home = tmp_path_factory.mktemp("straight") / ".holdfast"
    shop(home)
    with serving(home, before=NO_APP) as server:
        server.post("/predict", b"")  # the guard looks at a route once before it knows it
        yield server


def raw(path: str, body: bytes, *headers: str, method: str = "POST", version: str = "1.1") -> bytes:
    lines = [f"{method} {path} HTTP/{version}", "host: 127.0.0.1", *headers]
    if not any(line.lower().startswith("transfer-encoding") for line in headers):
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def chunked(body: bytes, size: int = 40) -> bytes:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def paid(number: int | str, **changes: Any) -> bytes:
    return json.dumps(payment(number, **{"occurred_at": NOW} | changes)).encode()


def seen(reply: bytes) -> tuple[str, list[str], Any]:
    """Status, headers in order, and what the body says, without what differs from request to request."""
    head, _, body = reply.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    found = json.loads(body)
    for name in ("prediction_id", "event_id"):
        found.pop(name, None)
    text = json.dumps(found)
    for way in ("direct", "app"):
        text = text.replace(f"{way}-", "")
    own = ("date", "content-length", "x-request-id")
    return first, [line.partition(":")[0] if line.startswith(own) else line for line in lines], text


REQUESTS = {
    "plain": lambda path, n: raw(path, paid(n)),
    "chunked": lambda path, n: raw(path, chunked(paid(n)), "transfer-encoding: chunked"),
    "a long body": lambda path, n: raw(path, paid(n) + b" " * 200_000),
    "its own request id": lambda path, n: raw(path, paid(n), f"x-request-id: {'0af' * 10}00"),
    "hangs up": lambda path, n: raw(path, paid(n), "connection: close"),
    "no JSON": lambda path, n: raw(path, b"{"),
    "a field is missing": lambda path, n: raw(path, paid(n, amount=...)),
    "too large": lambda path, n: raw(path, b"x" * 300_000),
    "no body": lambda path, n: raw(path, b""),
    "another host": lambda path, n: raw(path, paid(n)).replace(b"127.0.0.1", b"example.org"),
    "another site's page": lambda path, n: raw(path, paid(n), "origin: http://example.org"),
    "HTTP/1.0": lambda path, n: raw(path, paid(n), version="1.0"),
    "expects to be told to go on": lambda path, n: raw(path, paid(n), "expect: 100-continue"),
}


@pytest.mark.parametrize("what", REQUESTS)
def test_both_ways_say_the_same(server: Server, what: str) -> None:
    replies = []
    for way, path in (("direct", DIRECT), ("app", APP)):
        with connect(server) as client:
            client.sendall(REQUESTS[what](path, f"{way}-{what}"))
            if "expects" in what:
                told = b"HTTP/1.1 100 Continue\r\n\r\n"
                assert client.recv(len(told)) == told
            replies.append(seen(one(client)))
    assert replies[0] == replies[1]


def test_a_plain_request_goes_the_short_way_and_others_do_not(straight: Server) -> None:
    for what in ("plain", "chunked", "a long body", "its own request id", "hangs up"):
        with connect(straight) as client:
            client.sendall(REQUESTS[what](DIRECT, f"short-{what}"))
            assert one(client).startswith(b"HTTP/1.1 200 "), what
    for what in ("plain", "chunked"):  # the control: what the app is asked for, it does not answer here
        with connect(straight) as client:
            client.sendall(REQUESTS[what](APP, f"long-{what}"))
            assert one(client).startswith(b"HTTP/1.1 500 "), what


def test_a_repeat_and_a_conflict_are_answered_as_by_the_app(server: Server) -> None:
    body = paid("direct-twice")
    first = server.post(DIRECT, body).json()
    assert server.post(DIRECT, body).json() == first == server.post(APP, body).json()
    other = paid("direct-twice", amount=13.5)
    refused = [server.post(path, other) for path in (DIRECT, APP)]
    assert [reply.status_code for reply in refused] == [409, 409]
    assert refused[0].json() == refused[1].json()


def test_pipelined_requests_are_answered_in_order(server: Server) -> None:
    sent = [raw(path, paid(f"piped-{at}")) for at, path in enumerate((DIRECT, DIRECT, APP, DIRECT))]
    with connect(server) as client:
        client.sendall(b"".join(sent[:-1]) + raw(DIRECT, paid("piped-3"), "connection: close"))
        replies = rest(client).split(b"HTTP/1.1 ")[1:]
    assert [reply[:3] for reply in replies] == [b"200"] * 4
    told = [json.loads(reply.partition(b"\r\n\r\n")[2])["prediction_id"] for reply in replies]
    assert told == sorted(told)
    assert len(set(told)) == 4


def test_a_client_that_leaves_does_not_take_its_decision_with_it(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    shop(home)
    with serving(home) as server:
        for number in range(20):
            with connect(server) as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                client.sendall(raw(DIRECT, paid(f"left-{number}")))
        with connect(server) as client:
            client.sendall(raw(DIRECT, paid("half"))[:-20])  # and one that leaves before it said all
        time.sleep(0.3)
        assert server.post(DIRECT, paid("stayed")).status_code == 200
        metrics = server.get("/metrics").text
        assert "holdfast_requests_in_flight 1\n" in metrics or "holdfast_requests_in_flight 1.0\n" in metrics
    records = list(LedgerReader(home / "ledger").records())
    kept = {item.event_id for item in records if isinstance(item, Decision)}
    assert "pstayed" in kept
    assert "phalf" not in kept
    assert not [item for item in records if isinstance(item, Refusal)]


def test_a_body_too_large_is_refused_before_it_has_come_and_the_connection_goes_on(server: Server) -> None:
    with connect(server) as client:
        large = raw(DIRECT, b"x" * 400_000)
        client.sendall(large[:300_000])
        assert one(client).startswith(b"HTTP/1.1 413 ")
        client.sendall(large[300_000:] + raw(DIRECT, paid("after the large one")))
        assert one(client).startswith(b"HTTP/1.1 200 ")


def test_what_the_guard_stops_is_counted_as_turned_away(server: Server) -> None:
    before = turned_away(server).get("wrong_host", 0)
    with connect(server) as client:
        client.sendall(REQUESTS["another host"](DIRECT, "stranger"))
        assert one(client).startswith(b"HTTP/1.1 421 ")
    assert turned_away(server)["wrong_host"] == before + 1

"""The guard before an application of its own: closed by default, ids, limits, memory."""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, Request, Response
from starlette.routing import Mount, Route

from holdfast.access import keys
from holdfast.access.recognise import Access, Locks
from holdfast.serving import guard
from holdfast.serving.guard import EVERYTHING, Declared, Guard
from holdfast.serving.metrics import Counts


async def hello(request: Request) -> Response:
    return Response(json.dumps({"caller": request.state.caller, "id": request.state.request_id}))


async def bare(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": ((b"x", b"y"),)})
    await send({"type": "http.response.body", "body": b"bare"})


@dataclass
class Reply:
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def code(self) -> str:
        return str(json.loads(self.body)["detail"]["problems"][0]["code"])


class Room:
    """An application with one route for each way to declare, and its guard."""

    def __init__(self, home: Path, locks: Locks = Locks()) -> None:  # noqa: B008 — frozen
        self.api = FastAPI(openapi_url=None)
        for path, permission in (
            ("/scored", "predict"),
            ("/seen", "metrics"),
            ("/open", "open"),
            ("/thing/{name}", "log"),
        ):
            self.api.add_api_route(path, hello, methods=["GET"], openapi_extra={"x-permission": permission})
        self.api.router.routes.append(Declared("/bare", bare, ["POST"], "predict"))
        self.access = Access(home, locks)
        self.guard = Guard(self.api, lambda: self.api.routes, self.access, Counts())

    def ask(self, path: str, key: str = "", *, method: str = "GET", **more: Any) -> Reply:
        heads = {"host": "localhost", **({"authorization": f"Bearer {key}"} if key else {}), **more.pop("headers", {})}
        raw = [(name.encode(), value.encode("latin-1")) for name, value in heads.items() if value is not None]
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "path": path,
            "raw_path": path.encode(), "query_string": b"", "root_path": "", "scheme": "http",
            "headers": raw + more.pop("raw", []), "server": ("127.0.0.1", 1), "client": ("127.0.0.1", 2), "state": {},
        } | more  # fmt: skip
        reply = Reply()

        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                reply.status = message["status"]
                reply.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            else:
                reply.body += message.get("body", b"")

        async def run() -> None:
            await self.guard(scope, receive, send)

        asyncio.run(run())
        return reply


def key(home: Path, *roles: str, **more: Any) -> str:
    return keys.create(home, "-".join(roles), roles, by="test", **more)[1]


def undeclared(api: FastAPI) -> None:
    api.add_api_route("/new", hello, methods=["GET"])


def misspelt(api: FastAPI) -> None:
    api.add_api_route("/new", hello, methods=["GET"], openapi_extra={"x-permission": "Predict"})


def plain(api: FastAPI) -> None:
    api.router.routes.append(Route("/new", hello))


def mounted(api: FastAPI) -> None:
    api.router.routes.append(Mount("/new", app=bare))


def included(api: FastAPI) -> None:
    router = APIRouter(prefix="/new")
    router.add_api_route("", hello, methods=["GET"])
    api.include_router(router)


@pytest.mark.parametrize("add", [undeclared, misspelt, plain, mounted, included])
def test_a_new_route_that_declares_nothing_is_closed_to_everyone(
    tmp_path: Path, add: Callable[[FastAPI], None]
) -> None:
    path = "/new/inside" if add is mounted else "/new"
    open_room = Room(tmp_path / "open")
    assert open_room.ask("/scored").status == 200
    add(open_room.api)
    assert (open_room.ask(path).status, open_room.ask(path).code) == (403, "undeclared")
    texts = [key(tmp_path, role) for role in ("scorer", "viewer", "approver", "operator", "admin")]
    room = Room(tmp_path)
    add(room.api)
    assert [room.ask(path, text).status for text in texts] == [403] * 5
    assert room.ask(path).status in (401, 403)


def test_a_new_route_that_declares_its_permission_is_open_to_those_who_hold_it(tmp_path: Path) -> None:
    scorer, viewer = key(tmp_path, "scorer"), key(tmp_path, "viewer")
    room = Room(tmp_path)
    room.ask("/scored", scorer)
    router = APIRouter(prefix="/later")
    router.add_api_route("/{name}", hello, methods=["GET"], openapi_extra={"x-permission": "metrics"})
    room.api.include_router(router)
    assert room.ask("/later/x", viewer).status == 200
    assert room.ask("/later/x", scorer).status == 403


def test_what_matches_no_route_never_reaches_the_application(tmp_path: Path) -> None:
    reached: list[str] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        reached.append(scope["path"])
        await bare(scope, receive, send)

    room = Room(tmp_path)
    room.guard = Guard(inner, lambda: room.api.routes, room.access, Counts())
    for path in ("/nothing", "/scored/", "//scored", "/thing", "/SCORED", "/", ""):
        reply = room.ask(path)
        assert (reply.status, reply.code) == (404, "route"), path
    refused = room.ask("/scored", method="DELETE")
    assert (refused.status, refused.headers["allow"]) == (405, "GET")
    assert reached == []
    room.ask("/scored")
    assert reached == ["/scored"]


def test_strangers_learn_nothing_about_which_routes_there_are(tmp_path: Path) -> None:
    viewer = key(tmp_path, "viewer")
    room = Room(tmp_path)
    told = {room.ask(path, method=method).body for path in ("/seen", "/nothing") for method in ("GET", "PUT")}
    assert len(told) == 1
    assert room.ask("/nothing", viewer).status == 404
    assert room.ask("/seen", viewer, method="PUT").status == 405
    assert room.ask("/open").status == 200


def test_the_fast_way_and_the_long_way_say_the_same(tmp_path: Path) -> None:
    texts = {role: key(tmp_path, role) for role in ("scorer", "viewer")}
    room = Room(tmp_path)
    asked = [(path, role) for path in ("/scored", "/seen", "/open", "/thing/a", "/nothing") for role in texts]
    first = [room.ask(path, texts[role]).status for path, role in asked]
    assert [room.ask(path, texts[role]).status for path, role in asked] == first
    assert first == [200, 403, 403, 200, 200, 200, 403, 200, 404, 404]
    assert room.guard._remembered


def test_a_well_formed_request_id_comes_back_and_any_other_is_replaced(tmp_path: Path) -> None:
    room = Room(tmp_path)
    good = ("0123456789abcdef0123456789ABCDEF", "12345678-1234-1234-1234-123456789abc", "01ARZ3NDEKTSV4RRFFQ69G5FAV")
    for given in good:
        reply = room.ask("/open", headers={"x-request-id": given})
        assert reply.headers["x-request-id"] == given
        assert json.loads(reply.body)["id"] == given
    bad = ("4111111111111111", "ann@example.org", "+49 170 1234567", "", "x" * 33, "a\r\nb", "g" * 32, good[0] + "0")
    made = [room.ask("/open", headers={"x-request-id": given}).headers["x-request-id"] for given in bad]
    made += [room.ask(path).headers["x-request-id"] for path in ("/open", "/nothing")]
    assert all(re.fullmatch("[0-9a-f]{32}", item) for item in made)
    assert len(set(made)) == len(made)


def test_every_refusal_has_an_id_and_the_one_shape(tmp_path: Path) -> None:
    scorer = key(tmp_path, "scorer", rate=1)
    room = Room(tmp_path)
    room.ask("/scored", scorer)
    refused = [
        (room.ask("/scored", headers={"host": "evil.example"}), 421, "wrong_host"),
        (room.ask("/scored", headers={"host": None}), 400, "bad_host"),
        (room.ask("/scored", headers={"host": "a b"}), 400, "bad_host"),
        (room.ask("/scored", raw=[(b"host", b"localhost")]), 400, "bad_host"),
        (room.ask("/scored"), 401, "no_credentials"),
        (room.ask("/scored", headers={"authorization": "Basic eDp5"}), 401, "scheme"),
        (room.ask("/scored", "hf_x_y"), 401, "unknown_key"),
        (room.ask("/scored", scorer, raw=[(b"authorization", b"Bearer x")]), 401, "scheme"),
        (room.ask("/seen", scorer), 403, "forbidden"),
        (room.ask("/scored", scorer), 429, "rate"),
        (room.ask("/nothing", scorer), 404, "route"),
    ]
    for reply, status, code in refused:
        assert (reply.status, reply.code) == (status, code)
        assert reply.headers["content-type"] == "application/json"
        assert re.fullmatch("[0-9a-f]{32}", reply.headers["x-request-id"])
        assert ("www-authenticate" in reply.headers) is (status == 401)
        assert ("retry-after" in reply.headers) is (status == 429)
        assert scorer.rpartition("_")[2] not in reply.body.decode()


def test_a_strange_name_is_not_answered_on_the_fast_way_either(tmp_path: Path) -> None:
    for home, text in ((tmp_path / "open", ""), (tmp_path, key(tmp_path, "scorer"))):
        room = Room(home)
        assert room.ask("/scored", text).status == 200
        assert room.ask("/scored", text, headers={"host": "evil.example"}).status == 421
        assert room.ask("/scored", text, headers={"host": None}).status == 400
        assert room.ask("/scored", text, raw=[(b"host", b"localhost")]).status == 400


def test_old_clients_that_name_no_host_are_served_where_no_browser_can_be_meant(tmp_path: Path) -> None:
    assert Room(tmp_path).ask("/open", headers={"host": None}, http_version="1.0").status == 200


def test_a_page_of_another_site_cannot_write_to_an_open_server(tmp_path: Path) -> None:
    room = Room(tmp_path)
    assert room.ask("/bare", method="POST").status == 200
    for origin in ("http://evil.example", "null", "", "http://localhost.evil.example", "file://"):
        reply = room.ask("/bare", method="POST", headers={"origin": origin})
        assert (reply.status, reply.code) == (403, "cross_origin"), origin
    assert room.ask("/bare", method="POST", headers={"origin": "http://localhost:8000"}).status == 200
    scorer = key(tmp_path, "scorer")
    room.access.look()
    # A key is no cookie: the browser does not add it by itself.
    assert room.ask("/bare", scorer, method="POST", headers={"origin": "http://evil.example"}).status == 200


def test_a_caller_that_asks_too_often_is_told_when_to_come_again(tmp_path: Path) -> None:
    fast, slow = key(tmp_path, "viewer"), key(tmp_path, "admin", rate=3)
    room = Room(tmp_path)
    assert [room.ask("/seen", slow).status for _ in range(5)] == [200, 200, 200, 429, 429]
    assert room.ask("/seen", slow).headers["retry-after"] == "1"
    assert {room.ask("/seen", fast).status for _ in range(20)} == {200}, "another caller's bucket is another"


def test_the_limit_of_the_settings_holds_for_every_key_without_one(tmp_path: Path) -> None:
    viewer = key(tmp_path, "viewer")
    room = Room(tmp_path, Locks(rate=2))
    assert [room.ask("/seen", viewer).status for _ in range(4)] == [200, 200, 429, 429]


def test_a_key_is_forgotten_when_it_expires_also_where_it_was_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = key(tmp_path, "viewer", lives=1_000)
    room = Room(tmp_path)
    assert room.ask("/seen", text).status == 200
    later, monotonic = time.time() + 1_001, time.monotonic() + 1_001
    monkeypatch.setattr(time, "time", lambda: later)
    monkeypatch.setattr(guard, "time", lambda: later)
    assert room.ask("/seen", text).status == 200, "remembered, for this is another clock"
    monkeypatch.setattr(guard, "monotonic", lambda: monotonic)
    assert (room.ask("/seen", text).status, room.ask("/seen", text).code) == (401, "expired_key")


def test_a_revoked_key_is_refused_as_soon_as_the_file_was_looked_at(tmp_path: Path) -> None:
    text = key(tmp_path, "viewer")
    room = Room(tmp_path)
    assert room.ask("/seen", text).status == 200
    keys.revoke(tmp_path, "viewer", by="test")
    assert room.ask("/seen", text).status == 200, "nobody has looked yet"
    room.access.look()
    assert (room.ask("/seen", text).status, room.ask("/seen", text).code) == (401, "revoked_key")


def test_memory_of_callers_routes_and_buckets_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "MOST_REMEMBERED", 5)
    texts = [keys.create(tmp_path, f"v{at}", ["viewer"], by="t", rate=99)[1] for at in range(12)]
    room = Room(tmp_path)
    for at, text in enumerate(texts):
        assert room.ask(f"/thing/{at}", text).status == 200
        room.ask(f"/thing/{at}", text + "0")
    assert len(room.guard._remembered) <= 5
    assert len(room.guard._permissions) <= 5
    assert len(room.guard._buckets) <= 5
    room.ask("/thing/" + "x" * 5_000, texts[0])
    assert not any(len(path) > 200 for _, path in room.guard._permissions)


def test_a_websocket_is_refused(tmp_path: Path) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def run() -> None:
        await Room(tmp_path).guard({"type": "websocket", "path": "/open"}, None, send)  # type: ignore[arg-type]

    asyncio.run(run())
    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_nobody_may_edit_the_audit_not_even_where_all_is_open() -> None:
    assert "edit-audit" not in EVERYTHING


def test_looking_at_the_file_and_asking_at_once_never_lets_a_revoked_key_stay(tmp_path: Path) -> None:
    """A key that is recognised while the file changes is not remembered beyond the change."""
    room = Room(tmp_path)
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            room.access.look()

    looking = threading.Thread(target=look)
    looking.start()
    try:
        for at in range(25):
            text = keys.create(tmp_path, f"v{at}", ["viewer"], by="t")[1]
            for _ in range(5):
                room.ask("/seen", text)
            keys.revoke(tmp_path, f"v{at}", by="t")
            room.access.look()
            deadline = time.monotonic() + 5
            while room.ask("/seen", text).status != 401:
                assert time.monotonic() < deadline, "a revoked key is still let in"
    finally:
        stop.set()
        looking.join()

"""A real server under lock: the whole role matrix over HTTP, keys, real tokens, and whose decisions are whose."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from fastapi.routing import iter_route_contexts
from tests.access.issuer import AUDIENCE, Issuer, issuing, jwk
from tests.access.test_tokens import SECRET, made_up
from tests.serving.shop import Server, payment, serving, shop

from holdfast.access import keys
from holdfast.access.recognise import Access
from holdfast.access.roles import MATRIX, PERMISSIONS, ROLES
from holdfast.ledger.read import LedgerReader
from holdfast.ledger.records import Decision
from holdfast.serving.guard import permission_of
from holdfast.serving.run import opened
from holdfast.serving.wire import Limits

BEFORE = "from holdfast.access.recognise import Locks"

NEEDS = {
    "POST /predict": "predict", "POST /predict/batch": "predict", "POST /events": "record",
    "POST /outcomes": "record", "POST /explain": "explain", "GET /": "open", "GET /livez": "open",
    "GET /readyz": "open", "GET /health": "metrics", "GET /model-info": "metrics", "GET /metrics": "metrics",
    "GET /docs": "metrics", "GET /openapi.json": "metrics", "POST /invocations": "predict",
    "POST /v2/models/{name}/infer": "predict", "POST /v1/models/{name}:explain": "explain",
}  # fmt: skip
"""What routes need, written out once more; of others the test believes what they declare."""


class Shop:
    """A server with a key for each role, and a real issuer beside it."""

    def __init__(self, server: Server, home: Path, issuer: Issuer, texts: dict[str, str]) -> None:
        self.server = server
        self.home = home
        self.issuer = issuer
        self.texts = texts

    def ask(self, path: str, credentials: str | None, body: Any = None, method: str = "POST") -> httpx.Response:
        heads = {} if credentials is None else {"authorization": f"Bearer {credentials}"}
        return self.server.client.request(method, path, headers=heads, json=body)


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    home = tmp_path_factory.mktemp("locked") / ".holdfast"
    shop(home)
    texts: dict[str, str] = {role: keys.create(home, f"the-{role}", [role], by="test")[1] for role in ROLES}
    with issuing("one", "two") as issuer:
        issuer.keys += [jwk("curve", "ES256"), jwk("weak-rsa"), jwk("seal", use="enc")]
        locks = f"oidc_issuer={issuer.address!r}, oidc_audience={AUDIENCE!r}, leeway=5"
        locks += f", jwt_secret={SECRET!r}, jwt_issuer='house', jwt_audience='house-scoring'"
        with serving(home, before=BEFORE, more=f"locks=Locks({locks})") as server:
            yield Shop(server, home, issuer, texts)


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str, str | None]]:
    """Method, path and declared permission of every route of the real application."""
    home = tmp_path_factory.mktemp("routes") / ".holdfast"
    shop(home)
    with opened(home, Limits()) as parts:
        return [
            (method, re.sub(r":\w+}", "}", route.path or ""), permission_of(route))
            for route in iter_route_contexts(parts.app._routes())
            for method in sorted(route.methods or {"?"})
        ]


def test_every_route_of_the_application_declares_its_permission(routes: list[tuple[str, str, str | None]]) -> None:
    without = [(method, path) for method, path, permission in routes if permission is None]
    print(f"{len(routes)} routes, {len(without)} without a permission")
    assert without == []
    declared = {f"{method} {path}": permission for method, path, permission in routes}
    assert {name: declared.get(name) for name in NEEDS} == NEEDS
    assert len(routes) >= len(NEEDS)


@pytest.mark.parametrize("by", ["key", "token"])
def test_the_whole_role_matrix(locked: Shop, routes: list[tuple[str, str, str | None]], by: str) -> None:
    """Every role, and nobody, at every route: let in exactly where the matrix says so."""
    wrong_accepts, wrong_refusals, other, asked, allowed = [], [], [], 0, 0
    for role in (*ROLES, None):
        if role is None:
            credentials = None
        else:
            credentials = locked.texts[role] if by == "key" else locked.issuer.token(roles=[role], sub=f"a-{role}")
        for method, pattern, permission in routes:
            path = pattern.replace("{name}", "fraud").replace("{version}", "1")
            reply = locked.ask(path, credentials, {} if method == "POST" else None, method)
            let_in = reply.status_code not in (401, 403)
            expected = permission == "open" or (role is not None and permission in MATRIX[role])
            asked, allowed = asked + 1, allowed + expected
            if let_in and not expected:
                wrong_accepts.append((role, method, path, reply.status_code))
            if expected and not let_in:
                wrong_refusals.append((role, method, path, reply.status_code))
            if not let_in and reply.status_code != (401 if role is None else 403):
                other.append((role, method, path, reply.status_code))
            if reply.status_code >= 500:
                other.append((role, method, path, reply.status_code))
    print(
        f"{by}: {asked} requests, {allowed} to be let in; "
        f"wrong accepts {len(wrong_accepts)}, wrong refusals {len(wrong_refusals)}"
    )
    assert (wrong_accepts, wrong_refusals, other) == ([], [], [])
    assert 0 < allowed < asked


def test_the_matrix_test_sees_a_hole(locked: Shop, routes: list[tuple[str, str, str | None]]) -> None:
    """Its control: with the scorer's credentials in everybody's hands, strangers get in."""
    let_in = [
        path
        for method, path, permission in routes
        if permission == "predict"
        and "{" not in path
        and locked.ask(path, locked.texts["scorer"], {} if method == "POST" else None, method).status_code
        not in (401, 403)
    ]
    assert "/predict" in let_in


def test_every_forged_token_is_refused_by_the_server(locked: Shop) -> None:
    assert locked.ask("/predict", locked.issuer.token(), payment("real")).status_code == 200
    tried = made_up(locked.issuer)
    seen = {}
    for name, (text, code) in tried.items():
        reply = locked.ask("/predict", text or "x", payment("forged"))
        seen[name] = (reply.status_code, reply.json()["detail"]["problems"][0]["code"])
        assert reply.headers["www-authenticate"].startswith("Bearer"), name
        assert seen[name] == (401, code), name
    print(f"{len(seen)} tokens refused")
    forged = [
        item for item in LedgerReader(locked.home / "ledger").records() if getattr(item, "event_id", "") == "pforged"
    ]
    assert forged == []


def test_keys_that_expired_or_were_revoked_are_refused_by_the_running_server(locked: Shop) -> None:
    _, text = keys.create(locked.home, "guest", ["viewer"], by="test")
    _, short = keys.create(locked.home, "brief", ["viewer"], by="test", lives=3)
    seen(lambda: locked.ask("/health", text, method="GET").status_code == 200, "a new key is let in")
    assert locked.ask("/health", short, method="GET").status_code == 200
    keys.revoke(locked.home, "guest", by="test")
    seen(lambda: locked.ask("/health", text, method="GET").status_code == 401, "a revoked one is not")
    assert locked.ask("/health", text, method="GET").json()["detail"]["problems"][0]["code"] == "revoked_key"
    seen(lambda: locked.ask("/health", short, method="GET").status_code == 401, "nor is one that expired")
    assert locked.ask("/health", short, method="GET").json()["detail"]["problems"][0]["code"] == "expired_key"
    other = locked.texts["viewer"][:-1] + ("0" if locked.texts["viewer"][-1] != "0" else "1")
    assert locked.ask("/health", other, method="GET").json()["detail"]["problems"][0]["code"] == "unknown_key"


def seen(true: Any, what: str, patience: float = 10.0) -> None:
    until = time.monotonic() + patience
    while not true():
        assert time.monotonic() < until, f"not within {patience} s: {what}"
        time.sleep(0.02)


def test_an_issuers_new_key_is_found_and_the_one_it_took_back_is_refused(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    shop(home)
    before = BEFORE + "\nfrom holdfast.access import oidc\nfrom holdfast.serving import guard\n"
    before += "oidc.AGAIN = 0.2; oidc.FRESH = 1.0; guard.REMEMBER = 0.2"  # in place of 10 s, 10 minutes and 1 minute
    with issuing("old") as issuer:
        locks = f"locks=Locks(oidc_issuer={issuer.address!r}, oidc_audience={AUDIENCE!r})"
        with serving(home, before=before, more=locks) as server:
            running = Shop(server, home, issuer, {})
            seen(lambda: len(issuer.asked) >= 2, "its keys are fetched before anybody comes")
            old = issuer.token("old")
            assert running.ask("/predict", old, payment(1)).status_code == 200
            issuer.keys = [jwk("new")]
            new = issuer.token("new")
            seen(lambda: running.ask("/predict", new, payment(2)).status_code == 200, "the new key is found")
            seen(lambda: running.ask("/predict", old, payment(3)).status_code == 401, "the old key is gone")
            assert len(issuer.asked) < 40, "and the issuer was not asked for each request"
            issuer.fault = True
            time.sleep(1.2)
            assert running.ask("/predict", new, payment(4)).status_code == 200, "away, it is still believed"


def test_while_the_issuer_was_never_reached_tokens_are_not_refused_but_put_off(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    shop(home)
    _, text = keys.create(home, "shop", ["scorer"], by="test")
    with issuing("one") as issuer:
        issuer.fault = True
        with serving(
            home, before=BEFORE, more=f"locks=Locks(oidc_issuer={issuer.address!r}, oidc_audience='x')"
        ) as server:
            running = Shop(server, home, issuer, {})
            reply = running.ask("/predict", issuer.token(), payment(1))
            assert (reply.status_code, reply.headers["retry-after"]) == (503, "5")
            assert reply.json()["detail"]["problems"][0]["code"] == "unchecked"
            assert running.ask("/predict", text, payment(1)).status_code == 200, "keys need no issuer"
            assert running.ask("/livez", issuer.token(), method="GET").status_code == 200


def test_a_caller_explains_and_records_outcomes_of_its_own_decisions_only(locked: Shop) -> None:
    _, shop_key = keys.create(locked.home, "shop", ["scorer"], by="test")
    _, second = keys.create(locked.home, "shop", ["scorer"], by="test")
    _, bank = keys.create(locked.home, "bank", ["scorer"], by="test")
    seen(lambda: locked.ask("/predict", bank, payment("bank")).status_code == 200, "the keys are known")
    made = locked.ask("/predict", shop_key, payment("own")).json()
    by_id, by_event = {"prediction_id": made["prediction_id"]}, {"event_id": "pown"}
    for text in (shop_key, second):
        assert locked.ask("/explain", text, by_id).status_code == 200
        assert locked.ask("/explain", text, by_event).status_code == 200
    for body in (by_id, by_event):
        reply = locked.ask("/explain", bank, body)
        nothing = locked.ask("/explain", bank, {"prediction_id": "nothing"})
        assert (reply.status_code, nothing.status_code) == (404, 404)
        assert reply.json()["detail"]["problems"][0]["code"] == "unknown_id"
    assert locked.ask("/outcomes", bank, {**by_id, "value": True}).status_code == 404
    refused = locked.ask("/outcomes", bank, {**by_event, "value": True})
    assert (refused.status_code, refused.json()["detail"]["problems"][0]["code"]) == (403, "not_own")
    many = locked.ask(
        "/outcomes", bank, {"outcomes": [{**by_event, "value": True}, {"event_id": "pbank", "value": True}]}
    )
    assert [row["status"] for row in many.json()["results"]] == [403, 200]
    assert locked.ask("/outcomes", second, {**by_event, "value": False}).status_code == 200
    rows = locked.ask("/predict/batch", bank, {"rows": [payment("row")]})
    assert rows.json()["accepted"] == 1
    record = [item for item in LedgerReader(locked.home / "ledger").records() if isinstance(item, Decision)]
    callers = {item.event_id: item.caller for item in record}
    assert {name: callers[name] for name in ("pown", "pbank", "prow")} == {
        "pown": "shop",
        "pbank": "bank",
        "prow": "bank",
    }


def test_the_first_key_locks_a_server_that_runs_and_what_it_decided_before_is_open_to_scorers(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    shop(home)
    with serving(home) as server:
        body = payment("early")
        before = server.post("/predict", body).json()
        assert server.post("/explain", {"event_id": "pearly"}).status_code == 200
        _, text = keys.create(home, "shop", ["scorer"], by="test")
        seen(lambda: server.post("/predict", body).status_code == 401, "it is locked")
        heads = {"authorization": f"Bearer {text}"}
        for asked in ({"event_id": "pearly"}, {"prediction_id": before["prediction_id"]}):
            assert server.post("/explain", asked, headers=heads).status_code == 200
        assert server.post("/predict", body, headers=heads).json() == before
        assert server.get("/livez").status_code == 200
        assert server.get("/readyz").json() == {"ready": True}
        assert server.get("/").json() == {"service": "holdfast", "docs": "/docs"}
        keys.revoke(home, "shop", by="test")
        seen(lambda: server.post("/predict", payment("late"), headers=heads).status_code == 401, "it is revoked")
        assert server.post("/predict", payment("late")).status_code == 401, "and still locked"


def test_readiness_says_why_only_to_those_who_may_know(locked: Shop) -> None:
    assert locked.ask("/readyz", None, method="GET").json() == {"ready": True}
    assert locked.ask("/readyz", "hf_no_such", method="GET").json() == {"ready": True}
    assert "checks" in locked.ask("/readyz", locked.texts["viewer"], method="GET").json()
    assert "routes" in locked.ask("/", locked.texts["admin"], method="GET").json()


def test_a_limit_is_told_with_when_to_come_again(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    shop(home)
    _, slow = keys.create(home, "slow", ["scorer"], by="test", rate=2)
    _, fast = keys.create(home, "fast", ["scorer"], by="test")
    with serving(home) as server:
        codes = [
            server.post("/predict", payment(at), headers={"authorization": f"Bearer {slow}"}).status_code
            for at in range(30)
        ]
        assert codes[:2] == [200, 200]
        refused = server.post("/predict", payment("x"), headers={"authorization": f"Bearer {slow}"})
        assert codes.count(429) > 20
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) >= 1
        time.sleep(int(refused.headers["retry-after"]))
        assert server.post("/predict", payment("y"), headers={"authorization": f"Bearer {slow}"}).status_code == 200
        assert {server.post("/predict", payment(f"f{at}"), headers={"authorization": f"Bearer {fast}"}).status_code
                for at in range(20)} == {200}  # fmt: skip


def test_a_rebound_name_is_not_answered(locked: Shop) -> None:
    for host, status in (
        ("evil.example", 421),
        ("localhost:1", 200),
        ("127.0.0.1", 200),
        ("10.0.0.1", 421),
        ("a b", 400),
    ):
        assert locked.server.client.get("/livez", headers={"host": host}).status_code == status, host


def test_a_large_body_of_a_stranger_is_not_read(locked: Shop) -> None:
    host, _, port = locked.server.address.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as raw:
        raw.sendall(b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000\r\n\r\n{")
        assert b" 401 " in raw.recv(4_096)


def test_documents_say_what_each_route_needs_and_load_nothing_from_elsewhere(locked: Shop) -> None:
    told = locked.ask("/openapi.json", locked.texts["viewer"], method="GET").json()
    operations = {(path, method): item for path, found in told["paths"].items() for method, item in found.items()}
    assert all(item["x-permission"] in {*PERMISSIONS, "open"} for item in operations.values())
    assert operations["/predict", "post"]["security"] == [{"key": []}]
    assert "security" not in operations["/livez", "get"]
    page = locked.ask("/docs", locked.texts["viewer"], method="GET")
    assert not re.findall(r"""(?:src|href|url|import)\s*[=(]\s*['"]?\s*(?:https?:)?//""", page.text)
    assert not re.findall(r"https?://", page.text)
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    for path in told["paths"]:
        assert f"<code>{path}</code>" in page.text


def test_the_home_of_keys_of_another_project_lets_nobody_in(locked: Shop, tmp_path: Path) -> None:
    _, text = keys.create(tmp_path, "the-scorer", ["scorer"], by="test")
    assert locked.ask("/predict", text, payment(1)).status_code == 401
    stranger = jwt.encode({"sub": "x"}, "y" * 40, algorithm="HS256")
    assert locked.ask("/predict", stranger, payment(1)).status_code == 401
    assert Access(tmp_path).recognise(text).name == "the-scorer"

"""The outermost layer: every request passes it before anything of it is looked at.

In this order: the name it was sent to, who sends it, what the route needs, how often. A route that declares no
permission is refused to everyone, and what matches no route never reaches the application; so a route that is added
and not declared is closed, not open. Callers are remembered by the bytes of their header, so that a known one costs
one look-up.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from http import HTTPStatus
from itertools import count
from time import monotonic, time
from typing import Any, NamedTuple

from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute, Match, Route

from holdfast.access.binding import Hosts, host_name, trusted
from holdfast.access.callers import Caller, KeysWanted, Unchecked, Unknown
from holdfast.access.limits import Bucket, retry_after
from holdfast.access.recognise import Access
from holdfast.access.roles import MATRIX, OPEN, PERMISSIONS
from holdfast.errors import Problem
from holdfast.serving import replies
from holdfast.serving.caller import CALLER, REQUEST
from holdfast.serving.metrics import Counts
from holdfast.serving.wire import App, Message, Receive, Scope, Send, send_json

REMEMBER = 60.0
"""Seconds after which a caller is recognised anew, whatever its key or token says."""
MOST_REMEMBERED = 10_000
REQUEST_ID = re.compile(
    rb"[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-7][0-9A-HJKMNP-TV-Z]{25}"
)
"""A request id that a client may choose: a trace's id, a UUID or a ULID. Others are replaced, because an id goes into
logs, and a card number or a telephone number must not."""
EVERYTHING = frozenset({*PERMISSIONS, OPEN}) - {"edit-audit"}
TWICE = b"\0"
"""In place of a header that came twice: nothing accepts it."""


class Remembered:
    """A caller, as the fast way needs it. `until` is on the monotonic clock."""

    __slots__ = ("bucket", "caller", "held", "name", "until")

    def __init__(self, caller: Caller, until: float, bucket: Bucket | None) -> None:
        self.caller = caller
        self.name = caller.name
        self.held = caller.held | {OPEN}
        self.until = until
        self.bucket = bucket


class Shown(NamedTuple):
    """What a request says of itself to the guard."""

    request_id: str
    host: bytes | None
    credentials: bytes | None
    origin: bytes | None


class Refused(Exception):  # noqa: N818 — an answer, not a fault
    """A request that goes no further."""

    def __init__(
        self, status: int, code: str, what: str, mend: str, headers: tuple[tuple[bytes, bytes], ...] = ()
    ) -> None:
        super().__init__(what)
        self.status = status
        self.code = code
        self.body = replies.error(what, [Problem("", code, what, mend)])
        self.headers = headers


class Declared(Route):
    """A bare ASGI route that says what it needs, as FastAPI's routes do with ``openapi_extra``."""

    def __init__(self, path: str, endpoint: Callable[..., Any], methods: list[str], permission: str) -> None:
        super().__init__(path, endpoint, methods=methods)
        self.app = endpoint  # as it is: a function, too, is an ASGI application here
        self.openapi_extra = {"x-permission": permission}


def permission_of(route: Any) -> str | None:
    """What a route declares; None when it declares nothing that there is."""
    told = (getattr(route, "openapi_extra", None) or {}).get("x-permission")
    return told if told == OPEN or told in PERMISSIONS else None


def security(document: dict[str, Any]) -> dict[str, Any]:
    """An OpenAPI document with what each of its routes needs."""
    document.setdefault("components", {})["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "an API key, or a JSON Web Token"}
    }
    fault = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    for path, methods in document["paths"].items():
        for told in methods.values():
            if path == "/predict":
                told["x-permission"] = "predict"
            if told.get("x-permission") != OPEN:
                told["security"] = [{"key": []}]
                for status, what in ((401, "Nobody known"), (403, "Not permitted"), (429, "Too many requests")):
                    told["responses"].setdefault(str(status), {"description": what, "content": fault})
    return document


class Guard:
    """The application with its locks before it. `routes` answers the routes of the application."""

    def __init__(self, inner: App, routes: Callable[[], Sequence[BaseRoute]], access: Access, counts: Counts) -> None:
        self._inner = inner
        self._routes = routes
        self.access = access
        self._counts = counts
        self.hosts: Hosts = trusted("127.0.0.1")
        """Replaced when it is known where the server listens."""
        self._permissions: dict[tuple[str, str], str] = {}
        self._remembered: dict[bytes | None, Remembered] = {}
        self._buckets: dict[str, Bucket] = {}
        self._edition = access.edition
        self._start = os.urandom(10).hex()
        self._next = count().__next__

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Lets a known caller through; everything else goes the long way. No coroutine of its own: that would cost."""
        if scope["type"] != "http":
            return self._other(scope, receive, send)
        shown = self.read(scope["headers"])
        request_id = shown.request_id
        state = scope.get("state")
        if state is None:
            state = scope["state"] = {}
        state["request_id"] = request_id
        REQUEST.set(request_id)
        header = (b"x-request-id", request_id.encode("ascii"))

        def tagged(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), header]
            return send(message)

        admitted = self.admit((scope["method"], scope["path"]), shown)
        if admitted is None:
            return self._examine(scope, receive, tagged, shown)
        state["caller"], state["held"] = admitted
        CALLER.set(admitted[0])
        return self._inner(scope, receive, tagged)

    def read(self, headers: Iterable[tuple[bytes, bytes]]) -> Shown:
        """What the guard wants to know of a request's headers, and the id it gives the request."""
        host = credentials = asked = origin = None
        for name, value in headers:
            if name == b"host":
                host = value if host is None else TWICE
            elif name == b"authorization":
                credentials = value if credentials is None else TWICE
            elif name == b"x-request-id":
                asked = value
            elif name == b"origin":
                origin = value
        if asked is not None and REQUEST_ID.fullmatch(asked):
            return Shown(asked.decode("ascii"), host, credentials, origin)
        return Shown(f"{self._start}{self._next():012x}", host, credentials, origin)

    def admit(self, route: tuple[str, str], shown: Shown) -> tuple[str, frozenset[str]] | None:
        """Name and permissions of a caller who may use this route (method, path) now, if that needs no second look.

        None: nothing is decided, `_examine` does. A turn of the caller's rate may have been taken all the same.
        """
        permission, access = self._permissions.get(route), self.access
        if permission is None or shown.host is None or not self.hosts.accept(shown.host):
            return None
        if not access.locked:
            return ("", EVERYTHING) if shown.origin is None else None
        if access.edition != self._edition:
            return None
        found = self._remembered.get(shown.credentials)
        if found is None or permission not in found.held:
            return None
        now, bucket = monotonic(), found.bucket
        if now < found.until and (bucket is None or bucket.take(now) == 0.0):
            return found.name, found.held
        return None

    async def _other(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._inner(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _examine(self, scope: Scope, receive: Receive, send: Send, shown: Shown) -> None:
        """The long way: who is not known yet, and whoever is refused, learns why here."""
        try:
            self._require_host(scope, shown.host)
            found, why = await self._caller(shown.credentials)
            permission = self._require_route(scope, found)
            if found is None and self.access.locked and permission != OPEN:
                raise why
            if found is not None:
                self._require_permission(found, permission)
                self._require_turn(found)
            elif not self.access.locked:
                self._require_own_page(shown.origin)
        except Refused as refused:
            self._counts.replies["(guard)", refused.status] += 1
            self._counts.turned_away[refused.code] += 1
            await send_json(send, refused.status, refused.body, refused.headers)
            return
        name = "" if found is None else found.name
        scope["state"]["caller"] = name
        nobody = frozenset({OPEN}) if self.access.locked else EVERYTHING
        scope["state"]["held"] = nobody if found is None else found.held
        CALLER.set(name)
        await self._inner(scope, receive, send)

    def _require_host(self, scope: Scope, host: bytes | None) -> None:
        if host is None and scope.get("http_version") == "1.0":
            return  # it need not say, and no browser speaks it
        if host is None or host_name(host) is None:
            what = "the request has no Host header" if host is None else "the request's Host header is not well formed"
            raise Refused(400, "bad_host", what, "send one: the server's name, and its port")
        if not self.hosts.accept(host):
            raise Refused(
                421, "wrong_host", "this server does not answer to that name", "add the name to serving.trusted_hosts"
            )

    def _require_own_page(self, origin: bytes | None) -> None:
        """Where nobody has to be known, a page of another site must not write through its visitor's browser."""
        if origin is None:
            return
        _, _, host = origin.partition(b"://")
        if not host or not self.hosts.accept(host):
            what = "a page of another site may not ask an open server"
            raise Refused(403, "cross_origin", what, "create a key, or add the site to serving.trusted_hosts")

    async def _caller(self, credentials: bytes | None) -> tuple[Remembered | None, Refused]:
        """Whoever is known by this header; else why nobody is."""
        access = self.access
        if not access.locked:
            return None, _unknown(None)
        if self._edition != access.edition:
            self._edition = access.edition
            self._remembered.clear()
        if credentials is None:
            return None, _unknown(None)
        found = self._remembered.get(credentials)
        if found is not None and monotonic() < found.until:
            return found, _unknown(None)
        scheme, _, text = credentials.decode("latin-1").partition(" ")
        if scheme.lower() != "bearer" or not text:
            return None, _unknown(Unknown("scheme", "the credentials are not of the form: Bearer KEY"))
        try:
            caller = await self._recognised(text.strip())
        except Unknown as error:
            return None, _unknown(error)
        except Unchecked:
            what = "tokens cannot be checked now, because their issuer does not answer"
            mend = "send it again in a few seconds"
            return None, Refused(503, "unchecked", what, mend, ((b"retry-after", b"5"),))
        return self._remember(credentials, caller), _unknown(None)

    async def _recognised(self, text: str) -> Caller:
        try:
            return self.access.recognise(text)
        except KeysWanted as wanted:
            await asyncio.to_thread(wanted.refresh)
            return self.access.recognise(text, asked=True)

    def _remember(self, credentials: bytes, caller: Caller) -> Remembered:
        now = monotonic()
        rate = caller.rate or self.access.rate
        bucket = None
        if rate:
            bucket = self._buckets.get(caller.account)
            if bucket is None or bucket.rate != rate:
                if len(self._buckets) >= MOST_REMEMBERED:
                    self._buckets.clear()
                bucket = self._buckets[caller.account] = Bucket(rate, rate, now)
        found = Remembered(caller, now + min(REMEMBER, caller.until - time()), bucket)
        if len(self._remembered) >= MOST_REMEMBERED:
            self._remembered.clear()
        # Should keys have changed meanwhile, `access.edition` has too, and all are forgotten before the next look-up.
        self._remembered[credentials] = found
        return found

    def _require_route(self, scope: Scope, found: Remembered | None) -> str:
        """What the route of this request needs."""
        asked = (scope["method"], scope["path"])
        permission = self._permissions.get(asked)
        if permission is not None:
            return permission
        allowed: set[str] = set()
        for route in iter_route_contexts(self._routes()):
            match, _ = route.matches(scope)
            if match is Match.FULL:
                permission = permission_of(route)
                if permission is None:
                    what = "this route declares no permission, so it is closed"
                    raise Refused(403, "undeclared", what, "tell the server's operator")
                if len(asked[1]) > 200:
                    return permission  # not worth remembering
                if len(self._permissions) >= MOST_REMEMBERED:
                    self._permissions.clear()
                self._permissions[asked] = permission
                return permission
            if match is Match.PARTIAL:
                allowed |= set(route.methods or ())
        if found is None and self.access.locked:
            raise _unknown(None)  # which routes there are is not told to strangers
        status, headers = (405, ((b"allow", ", ".join(sorted(allowed)).encode()),)) if allowed else (404, ())
        what = f"{HTTPStatus(status).phrase}: there is no such route"
        raise Refused(status, "route", what, "see /docs for the routes", headers)

    def _require_permission(self, found: Remembered, permission: str) -> None:
        if permission in found.held:
            return
        if found.caller.trouble:
            raise Refused(403, "roles_apart", found.caller.trouble, "ask whoever gives out keys and roles")
        roles = [role for role, held in MATRIX.items() if permission in held]
        what = f"the caller may not do this: it needs the permission {permission}"
        mend = f"use a key or token with the role {' or '.join(roles)}" if roles else "nobody may"
        raise Refused(403, "forbidden", what, mend)

    def _require_turn(self, found: Remembered) -> None:
        if found.bucket is None:
            return
        wait = found.bucket.take(monotonic())
        if wait:
            seconds = b"%d" % retry_after(wait)
            what = f"more than {found.bucket.rate:g} requests a second"
            raise Refused(429, "rate", what, f"wait {seconds.decode()} s", ((b"retry-after", seconds),))


def _unknown(error: Unknown | None) -> Refused:
    """401, with what the client should send."""
    if error is None:
        what, mend = "the request says not who sends it", "send the header Authorization: Bearer KEY"
        return Refused(401, "no_credentials", what, mend, ((b"www-authenticate", b'Bearer realm="holdfast"'),))
    asked = b'Bearer realm="holdfast", error="invalid_token"'
    mend = "send a key from `holdfast key create`, or a token of the issuer"
    return Refused(401, error.code, error.what, mend, ((b"www-authenticate", asked),))

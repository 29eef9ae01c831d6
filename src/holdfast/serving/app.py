"""The server as one ASGI app: `/predict` straight on ASGI, everything else through FastAPI."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from inspect import getdoc
from time import perf_counter
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.routing import Route

from holdfast import __version__
from holdfast.access.recognise import Access
from holdfast.access.roles import OPEN
from holdfast.errors import Problem
from holdfast.features.state.state import State
from holdfast.ledger.read import LedgerReader
from holdfast.ledger.records import Decision
from holdfast.serving import metrics, openapi, pages, replies, told
from holdfast.serving.batch import Batch
from holdfast.serving.caller import OwnDecisions
from holdfast.serving.decide import Decider, Refuse
from holdfast.serving.durable import Durable, Unavailable
from holdfast.serving.events import Events
from holdfast.serving.explain import Explain
from holdfast.serving.gauges import Gauges
from holdfast.serving.guard import Declared, Guard, security
from holdfast.serving.health import Health
from holdfast.serving.live import Live
from holdfast.serving.metrics import Counts
from holdfast.serving.outcomes import Outcomes
from holdfast.serving.predict import OURS, RETRY, Predict, too_large, unavailable
from holdfast.serving.protocols import documents, routes
from holdfast.serving.protocols.model import Model
from holdfast.serving.wire import Gone, Limits, Receive, Scope, Send, TooLarge, read_body, route_of, send_json

if TYPE_CHECKING:
    from fastapi.telemetry import TelemetryConfig

log = logging.getLogger("holdfast.serving")

ABOUT = "Decides on events by a contract, and keeps every decision so that it can be computed again."

NO_TELEMETRY: TelemetryConfig = {
    "tracing": False, "metrics": False, "logs": False, "operation_spans": False, "auto_configure": False,
}  # fmt: skip
"""FastAPI's own would tell paths as they came and the words of exceptions to whichever provider it finds."""

Answer = Callable[[bytes], Awaitable[bytes]]
"""A POST route: body in, JSON out; raises Refuse, Unavailable."""

Total = Callable[[], tuple[Counts, dict[str, float]]]
"""Counts and gauges of all workers of this server, where there are several."""


def now_us() -> int:
    return time.time_ns() // 1_000


def create_app(
    live: Live,
    state: State,
    durable: Durable,
    reader: LedgerReader,
    limits: Limits = Limits(),  # noqa: B008 — frozen
    clock: Callable[[], int] = now_us,
    counts: Counts | None = None,
    total: Total | None = None,
    access: Access | None = None,
    gauges: Gauges | None = None,
) -> tuple[Guard, Predict]:
    """The app over parts that are open already, and its `/predict` for who asks that without ASGI.

    It neither starts nor stops the parts. `clock` answers µs UTC. Without `access` it is open to everyone.
    """
    counts = counts or Counts()
    decider = Decider(lambda seq: _decision(reader, seq), limits, clock)
    predict = Predict(live, decider, durable, counts, limits)
    health = Health(live, state, durable)
    # FastAPI's own documents would be routes that declare nothing, and its page loads scripts from elsewhere.
    title = f"Holdfast: {live.now.champion.name}"
    api = FastAPI(title=title, version=__version__, description=ABOUT, openapi_url=None, telemetry=NO_TELEMETRY)
    api.router.routes.append(Declared("/predict", predict, ["POST"], "predict"))
    batch = Batch(live, decider, predict, state, durable, limits)
    mine = OwnDecisions(reader)
    explain = Explain(live, Decider(mine.at, limits, clock), state, mine.prediction, mine.of_event)
    events = Events(live, state, durable, limits, clock)
    outcomes = Outcomes(live, state, durable, mine.prediction, mine.foreign, limits)
    posts: tuple[tuple[str, Answer, int, str, str], ...] = (
        ("/predict/batch", batch, limits.bulk_body, "predict", "Decide on many"),
        ("/events", events, limits.bulk_body, "record", "Record what happened"),
        ("/outcomes", outcomes, limits.bulk_body, "record", "Record outcomes"),
        ("/explain", explain, limits.body, "explain", "Say why"),
    )
    for path, answer, most, permission, summary in posts:
        _add_post(api, path, answer, most, permission, summary, counts)
    _add_gets(api, live, health, gauges or Gauges(live, state, durable, reader), counts, total)
    routes.add(api, Model(live, health, batch, explain, limits))
    _add_errors(api)
    pages.add(api, _Document(api, live, clock))

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == "/predict" and scope["method"] == "POST":
            await predict(scope, receive, send)
        else:
            await _guarded(api, scope, receive, send, counts)

    return Guard(app, lambda: api.routes, access or Access(), counts), predict


def _decision(reader: LedgerReader, seq: int) -> Decision | None:
    record = reader.record(seq)
    return record if isinstance(record, Decision) else None


async def _guarded(inner: Any, scope: Scope, receive: Receive, send: Send, counts: Counts) -> None:
    """A fault of ours is a logged 500 in the one error shape; each reply is counted and measured under its route."""
    began = perf_counter()
    started = ended = False
    status = 0

    async def watched(message: Any) -> None:
        nonlocal started, ended, status
        started = True
        status = message.get("status", status)
        ended = message["type"] == "http.response.body" and not message.get("more_body", False)
        await send(message)

    try:
        await inner(scope, receive, watched)
    except Exception as error:
        told.failed(error)
        log.exception("a request could not be answered: %s", route_of(scope))
        if ended:
            return  # the framework has answered already (see `_add_errors`), and raises all the same
        if started or scope["type"] != "http":
            raise
        status = 500
        await send_json(send, 500, OURS)
    finally:
        if status:
            route = route_of(scope)
            counts.replies[route, status] += 1
            counts.requests[route].add(perf_counter() - began)


def _json(status: int, body: bytes, headers: dict[str, str] | None = None) -> Response:
    return Response(body, status, headers, "application/json")


def _add_post(
    api: FastAPI, path: str, answer: Answer, most: int, permission: str, summary: str, counts: Counts
) -> None:
    """One JSON route: body limit, strict JSON and the error shape are the same for all of them."""

    async def route(request: Request) -> Response:
        try:
            body = await read_body(request.receive, most)
            given = (body, request.url.query) if isinstance(answer, Explain) else (body,)
            reply = _json(200, await answer(*given))
        except Gone:
            return Response(status_code=499)
        except TooLarge:
            reply = _json(413, too_large(most))
        except Refuse as refused:
            told.refused(refused.problems)
            for problem in refused.problems:
                counts.refusals[problem.code] += 1
            reply = _json(refused.status, replies.error(refused.message, refused.problems, refused.shown))
        except Unavailable as error:
            reply = _json(503, unavailable(error), {name.decode(): value.decode() for name, value in RETRY})
        return reply

    statuses: dict[int | str, dict[str, Any]] = {
        400: {"description": "Not JSON, or a rule is broken"},
        409: {"description": "Recorded before with another body"},
        413: {"description": "Too large"},
        422: {"description": "A field is missing, unknown or of the wrong type"},
        503: {"description": "The ledger cannot be written now"},
    }
    if path in ("/outcomes", "/explain"):
        statuses[404] = {"description": "No such prediction"}
    api.add_api_route(
        path, route, methods=["POST"], summary=summary, description=getdoc(type(answer)) or "", responses=statuses,
        name=path.strip("/"), response_class=Response, openapi_extra={"x-permission": permission},
    )  # fmt: skip


def _add_gets(api: FastAPI, live: Live, health: Health, gauges: Gauges, counts: Counts, total: Total | None) -> None:
    async def info(request: Request) -> Response:
        """What this is and where to look."""
        if not _knows(request):
            return _json(200, b'{"service":"holdfast","docs":"/docs"}')
        champion = live.now.champion
        shape = {
            "service": "holdfast",
            "model": {"name": champion.name, "version": champion.version},
            "docs": "/docs",
            "routes": sorted(route.path for route in api.routes if isinstance(route, Route)),
        }
        return _json(200, replies.encode(shape))

    async def livez() -> Response:
        """The process answers; nothing more is meant."""
        return _json(200, b'{"alive":true}')

    async def readyz(request: Request) -> Response:
        """200 when a prediction would be answered now; why not is told to those who may read metrics."""
        status, shape = health.ready()
        return _json(status, replies.encode(shape if _knows(request) else {"ready": status == 200}))

    async def healthy() -> Response:
        """Model, state, ledger and registry in one picture."""
        status, shape = health.health()
        return _json(status, replies.encode(shape))

    async def model_info() -> Response:
        """Which version answers, where it comes from, and what it knows."""
        return _json(200, replies.encode(health.model_info()))

    async def prometheus() -> Response:
        """Counts and gauges for Prometheus."""
        shown, found = (counts, gauges.of_worker()) if total is None else total()
        told = metrics.exposition(shown, found | gauges.of_all(), gauges.labelled())
        return Response(told, media_type=metrics.CONTENT_TYPE)

    gets = (
        ("/", info, OPEN), ("/livez", livez, OPEN), ("/readyz", readyz, OPEN), ("/health", healthy, "metrics"),
        ("/model-info", model_info, "metrics"), ("/metrics", prometheus, "metrics"),
    )  # fmt: skip
    for path, page, permission in gets:
        api.add_api_route(
            path, page, methods=["GET"], response_class=Response, name=path.strip("/") or "info",
            openapi_extra={"x-permission": permission},
        )  # fmt: skip


def _knows(request: Request) -> bool:
    """Whether the caller may see what an open route would otherwise keep to itself."""
    return "metrics" in request.state.held


def _add_errors(api: FastAPI) -> None:
    async def wrong(request: Request, error: Exception) -> Response:
        """404 and 405 in the one error shape."""
        assert isinstance(error, HTTPException)
        what = f"{request.method}: {error.detail}"
        body = replies.error(what, [Problem("", "route", what, "see /docs for the routes")])
        return _json(error.status_code, body, dict(error.headers or {}))

    async def ours(request: Request, error: Exception) -> Response:
        """A fault of ours, in the same shape; `_guarded` logs it."""
        return _json(500, OURS)

    api.add_exception_handler(HTTPException, wrong)
    api.add_exception_handler(Exception, ours)


class _Document:
    """The OpenAPI document of the contract that is live when it is asked for."""

    def __init__(self, api: FastAPI, live: Live, clock: Callable[[], int]) -> None:
        self._api = api
        self._live = live
        self._clock = clock
        self._made: dict[str, Any] = {}
        self._of: object = None

    def __call__(self) -> dict[str, Any]:
        """Made once for a contract and half a minute: it takes 20 ms, for which nobody else would be answered."""
        champion = self._live.now.champion
        of = (champion.contract_hash, champion.name, champion.version, self._clock() // 30_000_000)
        if of != self._of:
            self._made, self._of = self._make(), of
        return self._made

    def _make(self) -> dict[str, Any]:
        api = self._api
        plain = get_openapi(title=api.title, version=api.version, description=ABOUT, routes=api.routes)
        champion, now = self._live.now.champion, self._clock()
        document = openapi.document(plain, champion.contract, now)
        return security(documents.fill(document, champion.contract, champion.name, champion.version, now))

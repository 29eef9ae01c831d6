"""`POST /predict` from the parser to the ledger and back to the socket, with no ASGI between.

A scope, a task, a future and two messages cost more than parsing and scoring an event. So a request that is plain in
every way is handed over by its connection; whatever is unusual about it (a caller the guard has to look at, a query, a
pipelined request) goes through the guard and the app as everything else does. Both ways ask the same guard and the
same `Predict`. Used on the event loop only.
"""

from __future__ import annotations

from contextvars import Context
from time import perf_counter
from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from holdfast.serving.caller import CALLER, REQUEST
from holdfast.serving.durable import Unavailable
from holdfast.serving.guard import Guard
from holdfast.serving.predict import NONE, Headers, Predict
from holdfast.serving.wire import TooLarge

if TYPE_CHECKING:
    from holdfast.serving.protocol import Connection

ROUTE = ("POST", "/predict")


class Direct:
    """What the connections of one worker share on this way."""

    def __init__(self, guard: Guard, predict: Predict) -> None:
        self._guard = guard
        self.predict = predict
        self._standing: list[tuple[bytes, bytes]] = []
        self._standing_lines = b""

    def admit(self, connection: Connection) -> Ask | None:
        """The request whose headers `connection` has read, if its caller needs no second look."""
        shown = self._guard.read(connection.headers)
        admitted = self._guard.admit(ROUTE, shown)
        return None if admitted is None else Ask(self, connection, shown.request_id, admitted[0])

    def standing(self, headers: list[tuple[bytes, bytes]]) -> bytes:
        """The headers that every reply has, as bytes. uvicorn makes a new list each second, for the date."""
        if headers is not self._standing:
            self._standing = headers
            self._standing_lines = lines(headers)
        return self._standing_lines


class Ask:
    """One request on this way: to its connection what uvicorn calls a cycle, to the ledger whoever waits."""

    __slots__ = (
        "_asked", "_body", "_connection", "_context", "_direct", "_request_id", "_started",
        "disconnected", "keep_alive", "message_event", "response_complete", "response_started",
    )  # fmt: skip

    def __init__(self, direct: Direct, connection: Connection, request_id: str, caller: str) -> None:
        self._direct = direct
        self._connection = connection
        self._request_id = request_id
        self._started = perf_counter()
        self._body = bytearray()
        self._context = Context()
        self._context.run(_known, request_id, caller)
        self.keep_alive = connection.parser.should_keep_alive()
        self.disconnected = self.response_started = self.response_complete = False
        self.message_event = _NOBODY

    # What the connection tells

    def add(self, body: bytes) -> None:
        """A part of the body."""
        if self.response_complete:
            return  # it was too large already; what still comes of it is not kept
        self._body += body
        if len(self._body) > self._direct.predict.limit:
            self._body.clear()
            self.set_exception(TooLarge())

    def begin(self) -> None:
        """The body is whole."""
        try:
            self._asked = self._direct.predict.ask(bytes(self._body), self, self._context)
        except Unavailable as error:
            self.set_exception(error)

    def cancel(self, msg: object = None) -> None:
        """The server ends and waits no longer, as a task is told."""
        self.disconnected = True

    # What the ledger tells

    def done(self) -> bool:
        return self.response_complete

    def set_result(self, answer: bytes, /) -> None:
        asked, predict = self._asked, self._direct.predict
        predict.count(asked.decision, asked.old)
        self._reply(200, answer, NONE)

    def set_exception(self, error: BaseException, /) -> None:
        self._reply(*self._context.run(self._direct.predict.failed, error))

    def _reply(self, status: int, body: bytes, headers: Headers) -> None:
        connection = self._connection
        self._direct.predict.measure(status, self._started)
        self.response_started = self.response_complete = True
        connection.leave(self)
        if self.disconnected:
            return
        standing = self._direct.standing(connection.server_state.default_headers)
        more = lines(headers) if headers else b""
        close = b"" if self.keep_alive else b"connection: close\r\n"
        # One piece, so that it is one write.
        head = b"%bcontent-type: application/json\r\ncontent-length: %d\r\n%bx-request-id: %b\r\n%b\r\n" % (
            standing, len(body), more, self._request_id.encode("ascii"), close,
        )  # fmt: skip
        connection.transport.write(STATUS_LINE[status] + head + body)
        if not self.keep_alive:
            connection.transport.close()
        connection.on_response_complete()


def lines(headers: Headers | list[tuple[bytes, bytes]]) -> bytes:
    return b"".join(b"%b: %b\r\n" % header for header in headers)


def _known(request_id: str, caller: str) -> None:
    REQUEST.set(request_id)
    CALLER.set(caller)


class _Nobody:
    """In the place of the event that a coroutine would wait for."""

    def set(self) -> None:
        """Nobody waits."""


_NOBODY = _Nobody()

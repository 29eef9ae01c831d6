"""The server without its port: a predictor inside another program, with the same checks, bits and ledger.

The routes run on an event loop in a thread of their own, so any thread may ask, threads that ask together share one
sync of the disk, and whatever `/predict` does is done here too. Open one in each process, after it forked.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from holdfast.access.recognise import Access
from holdfast.contract.values import Number, canonical_body
from holdfast.errors import HoldfastError, Problem
from holdfast.serving.replies import counted, error_shape
from holdfast.serving.run import opened
from holdfast.serving.wire import App, Limits, Message

PATIENCE = 30.0
"""Seconds to wait for an answer; the disk has stopped when one takes longer."""


Event = Mapping[str, object] | bytes
"""Text, numbers (Decimal too), booleans, None and datetimes with a zone, by field; or the JSON itself."""


class NotAnswered(HoldfastError):  # noqa: N818 — an answer, not a fault
    """What `/predict` would answer with another status than 200: `status`, and `answer` as the body would be."""

    def __init__(self, status: int, answer: dict[str, Any]) -> None:
        detail = answer["detail"]
        super().__init__(detail["message"], problems=[Problem(**item) for item in detail["problems"]])
        self.status = status
        self.answer = answer


class Predictor:
    """The live champion of a project, in this process. Safe to share between threads; close it, or leave its block.

    `home` is the project's ``.holdfast``. Raises HoldfastError where nothing was promoted, or the ledger is damaged.
    """

    def __init__(self, home: Path, limits: Limits = Limits()) -> None:  # noqa: B008 — frozen
        self._process = os.getpid()
        self._limits = limits
        self._ready = threading.Event()
        self._fault: BaseException | None = None
        self._home = home
        self._app: App | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="holdfast-embedded", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._fault is not None:
            raise self._fault

    def decide(self, event: Event, *, reasons: int = 0) -> dict[str, Any]:
        """Decide on one event and keep the decision; answers what `/predict` replies, once it is on disk.

        The same event again gets the same answer. Raises NotAnswered for everything `/predict` would refuse.
        """
        return self._ask("/predict", event, f"reasons={reasons}" if reasons else "")

    def explain(self, event: Event) -> dict[str, Any]:
        """What each feature adds to the score: of an event, not kept, or ``{"prediction_id": …}``."""
        return self._ask("/explain", event)

    def outcome(self, outcome: Event) -> dict[str, Any]:
        """Record what an event turned out to be: ``{"event_id": …, "value": True}``."""
        return self._ask("/outcomes", outcome)

    def close(self) -> None:
        """Write what waits, then let everything go. Closing twice is once."""
        if self._thread.is_alive() and self._process == os.getpid():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()

    def __enter__(self) -> Predictor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self) -> None:
        """The thread: open, answer until stopped, drain, close."""
        with ExitStack() as stack:
            stack.callback(self._loop.close)
            try:
                parts = stack.enter_context(opened(self._home, self._limits))
                parts.app.access = Access()  # keys guard an address; whoever runs this can read the files anyway
                self._app = parts.app
            except BaseException as fault:  # noqa: BLE001 — told to whoever opens
                self._fault = fault
                return
            finally:
                self._ready.set()
            self._loop.run_forever()
            self._loop.run_until_complete(_finished())
            self._loop.run_until_complete(parts.durable.drained())
            self._loop.run_until_complete(self._loop.shutdown_default_executor())

    def _ask(self, path: str, body: Event, query: str = "") -> dict[str, Any]:
        if self._process != os.getpid():
            raise HoldfastError("this predictor was opened by another process", mend="open one after forking")
        if not self._thread.is_alive():
            raise HoldfastError("this predictor is closed", mend="open another one")
        sent = body if isinstance(body, bytes) else _json(body)
        asked = asyncio.run_coroutine_threadsafe(self._answer(path, query, sent), self._loop)
        try:
            status, told = asked.result(PATIENCE)
        except TimeoutError:
            mend = "send the same event again: if it was decided, that is the answer"
            raise HoldfastError(f"no answer within {PATIENCE:g} s", mend=mend) from None
        answer: dict[str, Any] = json.loads(told)
        if status != 200:
            raise NotAnswered(status, answer)
        return answer

    async def _answer(self, path: str, query: str, body: bytes) -> tuple[int, bytes]:
        """One request to the app, without a network."""
        status, parts = 500, []
        waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Message:
            return waiting.pop() if waiting else {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                parts.append(message.get("body", b""))

        scope = {
            "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": "POST",
            "scheme": "http", "path": path, "raw_path": path.encode(), "root_path": "", "query_string": query.encode(),
            "headers": [(b"content-type", b"application/json"), (b"host", b"127.0.0.1")],
            "client": ("127.0.0.1", 0), "server": ("127.0.0.1", 0), "state": {},
        }  # fmt: skip
        assert self._app is not None
        await self._app(scope, receive, send)
        return status, b"".join(parts)


async def _finished() -> None:
    """Returns when every request under way is answered."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*others, return_exceptions=True)


def _json(body: Mapping[str, object]) -> bytes:
    """A Python mapping as a request's body. Raises NotAnswered, with every value that no request can hold."""
    problems = []
    plain = {}
    for name, value in body.items():
        try:
            plain[name] = _plain(value)
        except ValueError as wrong:
            problems.append(Problem(name, "type", str(wrong), "send text, a finite number, true, false or null"))
    if problems:
        raise NotAnswered(422, error_shape(counted(problems), problems))
    return canonical_body(plain)


def _plain(value: object) -> object:
    """A Python value as strict JSON has it: decimals as their text, instants as ISO 8601. Raises ValueError."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        value.encode()  # half a character is no text; the error is a ValueError
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if hasattr(value, "item"):  # numpy's scalars, some of which are Python's own floats by class
        return _plain(value.item())
    if isinstance(value, int):
        return int(value)
    if isinstance(value, Decimal) and value.is_finite():
        return Number(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    raise ValueError(f"is {value!r:.60}" if isinstance(value, float | Decimal) else f"is a {type(value).__name__}")

"""`POST /predict`, straight on ASGI: FastAPI's validated route alone would cost four fifths of the time.

The reply leaves only when the decision is on disk.
"""

from __future__ import annotations

import logging
from time import perf_counter
from urllib.parse import parse_qs

from holdfast.errors import Problem
from holdfast.features.state.state import State
from holdfast.ledger.duplicates import Conflict
from holdfast.ledger.records import Decision, Refusal
from holdfast.serving import replies
from holdfast.serving.decide import Decider, Refuse, conflict, read_body_json
from holdfast.serving.durable import Durable, Unavailable
from holdfast.serving.live import Live, LiveSet
from holdfast.serving.metrics import Counts
from holdfast.serving.wire import Gone, Limits, Receive, Scope, Send, TooLarge, read_body, send_json

FAULT = "the server failed; the fault is ours and was logged"
log = logging.getLogger("holdfast.serving")

RETRY = ((b"retry-after", b"1"),)
OURS = replies.error(FAULT, [Problem("", "fault", FAULT, "send it again; if it fails again, tell its operator")])
"""A fault of ours, which is logged: nothing a client sends should lead here."""


class Predict:
    """The hot path as an ASGI application for one path and method."""

    def __init__(
        self, live: Live, decider: Decider, state: State, durable: Durable, counts: Counts, limits: Limits
    ) -> None:
        self._live = live
        self._decider = decider
        self._state = state
        self._durable = durable
        self._counts = counts
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = perf_counter()
        headers: tuple[tuple[bytes, bytes], ...] = ()
        try:
            body = await read_body(receive, self._limits.body)
            query = scope["query_string"]
            status, reply = 200, await self.answer(body, asked_reasons(query) if query else 0)
        except Gone:
            return
        except TooLarge:
            status, reply = 413, too_large(self._limits.body)
        except Refuse as refused:
            status, reply = refused.status, replies.encode(self.refuse(refused))
        except Unavailable as error:
            status, reply, headers = 503, unavailable(error), RETRY
        except Exception:
            log.exception("a prediction failed")
            status, reply = 500, OURS
        self._counts.replies["/predict", status] += 1
        self._counts.took(perf_counter() - started)
        await send_json(send, status, reply, headers)

    async def answer(self, body: bytes, reasons: int) -> bytes:
        """The reply to one body, once it is durable. Raises Refuse, Unavailable."""
        live = self._live.now
        raw = read_body_json(body)
        with self._state.snapshot() as snapshot:
            decision, old = self._decider.decide(live, raw, body, snapshot, reasons)
        if not old:
            decision = await self.keep(decision, live, raw)
        return replies.encode(self.reply(decision, old))

    async def keep(self, decision: Decision, live: LiveSet, raw: dict[str, object]) -> Decision:
        """The decision as the ledger keeps it."""
        try:
            return await self._durable.commit(decision)
        except Conflict:
            champion = live.champion
            name = replies.shown_id(champion.source, decision.event_id)
            raise conflict(name, replies.masked(raw, champion.openly)) from None

    def reply(self, decision: Decision, old: bool) -> dict[str, object]:
        """Counts a decision and puts it in its contract's words."""
        counts = self._counts
        if old:
            counts.repeats += 1
        else:
            counts.decisions[decision.version, decision.decision] += 1
            counts.warnings += len(decision.warnings)
        return replies.decision(decision, self._live.names(decision.contract, decision.version))

    def refuse(self, refused: Refuse) -> dict[str, object]:
        """The error; the refusal goes to the ledger without the client waiting for it."""
        live = self._live.now.champion
        for problem in refused.problems:
            self._counts.refusals[problem.code] += 1
        kept = Refusal(
            source=live.source.name,
            body=replies.encode(refused.shown) if refused.shown is not None else b"",
            status=refused.status,
            problems=[problem.as_dict() for problem in refused.problems],
            contract=live.contract_hash,
        )
        self._durable.note(kept)
        return replies.error_shape(refused.message, refused.problems, refused.shown)


def asked_reasons(query: bytes) -> int:
    """How many reasons ``?reasons=N`` asks for. Raises Refuse for anything that is no small whole number."""
    given = parse_qs(query.decode("latin-1")).get("reasons", ["0"])[-1]
    if given.isascii() and given.isdigit() and len(given) <= 4:
        return int(given)
    problem = Problem("reasons", "type", "is not a small whole number", "ask for ?reasons=3")
    raise Refuse(422, replies.counted([problem]), (problem,))


def too_large(limit: int) -> bytes:
    what = f"the body is larger than {limit} bytes"
    return replies.error(what, [Problem("", "too_large", what, "send one event, or use /predict/batch")])


def unavailable(error: Exception) -> bytes:
    what = str(error)
    return replies.error(what, [Problem("", "unavailable", what, "send the same request again in a second")])

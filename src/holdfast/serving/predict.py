"""`POST /predict`, straight on ASGI: FastAPI's validated route alone would cost four fifths of the time.

The reply leaves only when the decision is on disk.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextvars import Context
from time import perf_counter
from urllib.parse import parse_qs

from holdfast.errors import Problem
from holdfast.features.state.snapshot import Snapshot
from holdfast.ledger.duplicates import Conflict
from holdfast.ledger.records import Decision, Record, Refusal
from holdfast.ledger.writer import Bodies, Settled
from holdfast.serving import replies, told
from holdfast.serving.decide import Decider, Refuse, conflict, read_body_json
from holdfast.serving.durable import Awaiting, Durable, Unavailable
from holdfast.serving.live import Live
from holdfast.serving.metrics import Counts
from holdfast.serving.wire import Gone, Limits, Receive, Scope, Send, TooLarge, read_body, send_json

FAULT = "the server failed; the fault is ours and was logged"
log = logging.getLogger("holdfast.serving")

Headers = tuple[tuple[bytes, bytes], ...]
NONE: Headers = ()
RETRY: Headers = ((b"retry-after", b"1"),)
OURS = replies.error(FAULT, [Problem("", "fault", FAULT, "send it again; if it fails again, tell its operator")])
"""A fault of ours, which is logged: nothing a client sends should lead here."""


class Predict:
    """The hot path as an ASGI application for one path and method."""

    def __init__(self, live: Live, decider: Decider, durable: Durable, counts: Counts, limits: Limits) -> None:
        self._live = live
        self._decider = decider
        self._durable = durable
        self._counts = counts
        self._took = counts.requests["/predict"]
        self.limit = limits.body
        """Bytes of one body."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = perf_counter()
        status, headers = 200, NONE
        try:
            body = await read_body(receive, self.limit)
            query = scope["query_string"]
            reply = await self.answer(body, asked_reasons(query) if query else 0)
        except Gone:
            return
        except Exception as error:  # noqa: BLE001 - each has its answer
            status, reply, headers = self.failed(error)
        self.measure(status, started)
        await send_json(send, status, reply, headers)

    def failed(self, error: BaseException) -> tuple[int, bytes, Headers]:
        """What a request is told that could not be answered: status, body and further headers."""
        if isinstance(error, Refuse):
            return error.status, replies.encode(self.refuse(error)), NONE
        if isinstance(error, Unavailable):
            return 503, unavailable(error), RETRY
        if isinstance(error, TooLarge):
            return 413, too_large(self.limit), NONE
        log.error("a prediction failed", exc_info=error)
        told.failed(error)
        return 500, OURS, NONE

    def measure(self, status: int, started: float) -> None:
        """Count a reply to a request that began then, by `perf_counter`."""
        self._counts.replies["/predict", status] += 1
        self._took.add(perf_counter() - started)

    async def answer(self, body: bytes, reasons: int) -> bytes:
        """The reply to one body, once it is durable. Raises Refuse, Unavailable."""
        asked = Asked(self._live, self._decider, body, reasons)
        reply = await self._durable.do(asked)
        self.count(asked.decision, asked.old)
        return reply

    def ask(self, body: bytes, answer: Awaiting, context: Context) -> Asked:
        """Like `answer` without a coroutine: `answer` is told when it is durable, then the caller is to `count` it.

        The work is done in `context`. Raises Unavailable.
        """
        asked = Asked(self._live, self._decider, body, 0)
        self._durable.put(asked, answer, context)
        return asked

    def count(self, decision: Decision, old: bool) -> None:
        """On the event loop only."""
        counts = self._counts
        told.decided(decision, old=old)
        if old:
            counts.repeats += 1
        else:
            counts.decisions[decision.version, decision.variant, decision.decision] += 1
            counts.warnings += len(decision.warnings)
            if decision.because is not None and not decision.because.against:
                counts.fallbacks["no_reference"] += 1

    def reply(self, decision: Decision) -> dict[str, object]:
        """A decision in its contract's words."""
        return replies.decision(decision, self._live.names(decision.contract, decision.version))

    def refuse(self, refused: Refuse) -> dict[str, object]:
        """The error; the refusal goes to the ledger without the client waiting for it."""
        live = self._live.now.champion
        told.refused(refused.problems)
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


class Asked:
    """One request on its way through the ledger's thread: from its body to its reply."""

    __slots__ = ("_body", "_champion", "_decider", "_live", "_raw", "_reasons", "decision", "old")

    def __init__(self, live: Live, decider: Decider, body: bytes, reasons: int) -> None:
        self._live = live
        self._decider = decider
        self._body = body
        self._reasons = reasons

    decision: Decision
    old: bool

    def records(self, snapshot: Snapshot, read: Bodies) -> Sequence[Record]:
        live = self._live.now
        self._champion = live.champion
        read[self._body] = self._raw = read_body_json(self._body)
        self.decision, self.old = self._decider.decide(live, self._raw, self._body, snapshot, self._reasons)
        if live.measures is not None and not self.old:
            read[self.decision.body] = self._raw  # under the names that the contract knows
        return () if self.old else (self.decision,)

    def result(self, settled: Sequence[Settled]) -> bytes:
        if not self.old:
            kept = settled[0]
            if isinstance(kept, Conflict):
                champion = self._champion
                name = replies.shown_id(champion.source, self.decision.event_id)
                raise conflict(name, replies.masked(self._raw, champion.openly))
            assert isinstance(kept, Decision)
            self.decision = kept
        decision = self.decision
        return replies.encode(replies.decision(decision, self._live.names(decision.contract, decision.version)))


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

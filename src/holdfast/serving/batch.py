"""`POST /predict/batch`: many rows at one snapshot. They share one read_seq and do not see each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from holdfast.contract.values import canonical_body
from holdfast.features.state.snapshot import Snapshot
from holdfast.features.state.state import State
from holdfast.ledger.ids import canonical_digest
from holdfast.ledger.records import Decision, Record
from holdfast.serving import replies
from holdfast.serving.bulk import Answer, Row, listed, record_rows, summary
from holdfast.serving.decide import Decider, Refuse, conflict, read_body_json
from holdfast.serving.durable import Durable
from holdfast.serving.live import Live, LiveSet
from holdfast.serving.predict import Predict
from holdfast.serving.wire import Limits


class Batch:
    """The route: a body with ``rows``."""

    def __init__(
        self, live: Live, decider: Decider, predict: Predict, state: State, durable: Durable, limits: Limits
    ) -> None:
        self._live = live
        self._decider = decider
        self._predict = predict
        self._state = state
        self._durable = durable
        self._limits = limits

    async def __call__(self, body: bytes) -> bytes:
        rows = listed(read_body_json(body), "rows", self._limits.rows)
        return replies.encode(summary(await self.decide(rows)))

    async def decide(self, rows: Sequence[object], *, whole: bool = False) -> list[Answer]:
        """Each row's answer, once it is durable. Raises Unavailable; with `whole`, RefusedRows before any is kept."""
        recorder = _Rows(self._live.now, self._decider, self._predict)
        answers = await record_rows(recorder, rows, self._state, self._durable, whole=whole)
        for decision in recorder.repeated:
            self._predict.count(decision, old=True)
        return answers


class _Rows:
    """The rows of one request, all before one live set."""

    def __init__(self, live: LiveSet, decider: Decider, predict: Predict) -> None:
        self._live = live
        self._decider = decider
        self._predict = predict
        self.repeated: list[Decision] = []
        """Found beside the event loop; they are counted on it."""

    def prepare(self, row: Row, snapshot: Snapshot) -> Record | dict[str, Any]:
        body = canonical_body(row)
        decision, old = self._decider.decide(self._live, row, body, snapshot, digest=canonical_digest(body))
        if not old:
            return decision
        self.repeated.append(decision)
        return self._predict.reply(decision)

    def told(self, kept: Record) -> dict[str, Any]:
        assert isinstance(kept, Decision)
        self._predict.count(kept, old=False)
        return self._predict.reply(kept)

    def clash(self, record: Record) -> Refuse:
        assert isinstance(record, Decision)
        return conflict(replies.shown_id(self._live.champion.source, record.event_id))

    def refused(self, refusal: Refuse) -> dict[str, Any]:
        return self._predict.refuse(refusal)

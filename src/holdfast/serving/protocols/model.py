"""What every protocol asks: is there such a model, is it ready, decide on these rows, explain them.

The rows take the way of `/predict/batch`: the same checks, one snapshot, the same ledger, the event id as the key of
idempotency. One refused row refuses the whole request, and none of its rows is kept.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from holdfast.contract.values import canonical_body
from holdfast.errors import Problem
from holdfast.serving.batch import Batch
from holdfast.serving.bulk import RefusedRows, Row
from holdfast.serving.decide import Refuse
from holdfast.serving.health import Health
from holdfast.serving.live import Live, Version
from holdfast.serving.protocols.tables import MOST_TOLD, Tables
from holdfast.serving.replies import counted
from holdfast.serving.wire import Limits

Decision = dict[str, Any]
"""A decision as `/predict` replies it."""


class Model:
    """The model that answers now, under its registered name."""

    def __init__(
        self,
        live: Live,
        health: Health,
        batch: Batch,
        explain: Callable[[bytes], Awaitable[bytes]],
        limits: Limits,
    ) -> None:
        self._live = live
        self._health = health
        self._batch = batch
        self._explain = explain
        self.limits = limits

    @property
    def champion(self) -> Version:
        return self._live.now.champion

    def tables(self) -> Tables:
        """What reads the tables of the live contract."""
        now = self._live.now
        return Tables(now.champion.source, self.limits.rows, now.foreign)

    def ready(self) -> bool:
        """Whether a request would be answered now."""
        return self._health.ready()[0] == 200

    def named(self, name: str, version: str | None = None) -> Version:
        """The champion, asked for by its name (and version). Raises Refuse (404) for any other."""
        champion = self.champion
        if name != champion.name:
            what = "there is no model of that name here"  # which one was asked for is not repeated: it came in a path
        elif version is not None and version != champion.version:
            what = f"another version of {name!r} answers here"
        else:
            return champion
        mend = f"ask for {champion.name!r}, whose version {champion.version} answers now"
        raise Refuse(404, what, (Problem("", "unknown_model", what, mend),))

    async def decide(self, rows: Sequence[Row], name: str) -> list[Decision]:
        """A decision for each row, all durable. Raises Refuse, naming rows under `name`; raises Unavailable."""
        try:
            answers = await self._batch.decide(rows, whole=True)
        except RefusedRows as refused:
            raise _merged(refused.rows, name) from None
        late = {at: _told(status, shape) for at, (status, shape) in enumerate(answers) if status != 200}
        if late:  # another request took the id of a row in between
            raise _merged(late, name)
        return [shape for _, shape in answers]

    async def explain(self, rows: Sequence[Row], name: str) -> list[msgspec.Raw]:
        """An explanation for each row, in JSON, at today's state and not kept. Raises Refuse, naming rows."""
        told: list[msgspec.Raw] = []
        refused: dict[int, Refuse] = {}
        for at, row in enumerate(rows):
            try:
                told.append(msgspec.Raw(await self._explain(canonical_body(row))))
            except Refuse as refusal:
                refused[at] = refusal
        if refused:
            raise _merged(refused, name)
        return told


def _merged(refused: dict[int, Refuse], name: str) -> Refuse:
    """One refusal for many: the faults under their rows, at the highest of their statuses."""
    problems = [
        Problem(f"{name}[{at}].{item.field}" if item.field else f"{name}[{at}]", item.code, item.what, item.mend)
        for at, refusal in refused.items()
        for item in refusal.problems
    ]
    status = max(refusal.status for refusal in refused.values())
    return Refuse(status, counted(problems), tuple(problems[:MOST_TOLD]))


def _told(status: int, shape: Decision) -> Refuse:
    problems = tuple(Problem(**item) for item in shape["detail"]["problems"])
    return Refuse(status, shape["detail"]["message"], problems)

"""One row or many in one request: read together at one snapshot, recorded together, answered row by row."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

from holdfast.errors import Problem
from holdfast.features.state.snapshot import Snapshot
from holdfast.features.state.state import State
from holdfast.ledger.duplicates import Conflict
from holdfast.ledger.records import Decision, Event, Record
from holdfast.ledger.writer import Bodies
from holdfast.serving import replies
from holdfast.serving.decide import Refuse
from holdfast.serving.durable import Durable

PIECE = 1_000
"""Rows recorded at once; what others ask meanwhile comes between two pieces."""

Row = dict[str, object]
Answer = tuple[int, dict[str, Any]]
"""HTTP status and body of one row."""


class Recorder(Protocol):
    """What one route knows about its rows."""

    def prepare(self, row: Row, snapshot: Snapshot) -> Record | dict[str, Any]:
        """The record to write, or the answer where nothing is to be written. Raises Refuse."""
        ...

    def told(self, kept: Record) -> dict[str, Any]:
        """The answer to a row whose record is on disk."""
        ...

    def clash(self, record: Record) -> Refuse:
        """What to say when another record took this one's place meanwhile."""
        ...

    def refused(self, refusal: Refuse) -> dict[str, Any]:
        """The answer to a row that was refused."""
        ...


def rows_of(raw: Row, one: str, many: str, most: int) -> tuple[list[object], bool]:
    """The rows of a request that holds `one` or a list of `many`, and whether it was one. Raises Refuse."""
    if (one in raw) == (many in raw):
        what = f"holds neither {one!r} nor {many!r}" if one not in raw else f"holds both {one!r} and {many!r}"
        problem = Problem("", "missing", what, f"send {one!r} for one, or {many!r} with a list")
        raise Refuse(422, replies.counted([problem]), (problem,))
    return ([raw[one]], True) if one in raw else (listed(raw, many, most), False)


def listed(raw: Row, name: str, most: int) -> list[object]:
    """The list under a name, no longer than `most`. Raises Refuse."""
    rows = raw.get(name)
    if name not in raw:
        problem = Problem(name, "missing", "is missing", "send a list of objects")
    elif not isinstance(rows, list):
        problem = Problem(name, "type", "is not a list", "send a list of objects")
    elif len(rows) > most:
        problem = Problem(name, "too_many", f"has {len(rows)} rows, more than {most}", "send it in parts")
        raise Refuse(413, replies.counted([problem]), (problem,))
    else:
        return rows
    raise Refuse(422, replies.counted([problem]), (problem,))


async def record_rows(
    recorder: Recorder, rows: Sequence[object], state: State, durable: Durable, *, whole: bool = False
) -> list[Answer]:
    """Each row's answer, in order. Raises Unavailable when the ledger does not take them.

    With `whole`, one refused row refuses all: RefusedRows is raised and none is recorded.
    """
    read: Bodies = {}
    prepared = await asyncio.to_thread(_prepare, recorder, rows, state, read)
    if whole:
        _all_or_none(recorder, prepared)
    answers: list[Answer] = []
    for at in range(0, len(prepared), PIECE):
        answers += await _record(recorder, prepared[at : at + PIECE], durable, read)
    return answers


class RefusedRows(Exception):  # noqa: N818 — an answer, not a fault
    """Rows that refuse their whole request: position → why. None of the request's rows was recorded."""

    def __init__(self, rows: dict[int, Refuse]) -> None:
        super().__init__(f"{len(rows)} rows are refused")
        self.rows = rows


def _all_or_none(recorder: Recorder, prepared: Sequence[Record | dict[str, Any] | Refuse]) -> None:
    """Raises RefusedRows for refused rows, and for a row whose id an earlier row has with another body."""
    refused: dict[int, Refuse] = {}
    digests: dict[str, bytes] = {}
    for at, item in enumerate(prepared):
        if isinstance(item, Refuse):
            refused[at] = item
        elif isinstance(item, Event | Decision) and digests.setdefault(item.event_id, item.digest) != item.digest:
            refused[at] = recorder.clash(item)
    for refusal in refused.values():
        recorder.refused(refusal)
    if refused:
        raise RefusedRows(refused)


def _prepare(
    recorder: Recorder, rows: Sequence[object], state: State, read: Bodies
) -> list[Record | dict[str, Any] | Refuse]:
    """What is to be recorded or answered for each row; the rows go into `read` by the bodies of their records."""
    prepared: list[Record | dict[str, Any] | Refuse] = []
    with state.snapshot() as snapshot:
        for row in rows:
            try:
                if not isinstance(row, dict):
                    problem = Problem("", "type", "the row is not an object", "send an object of fields")
                    raise Refuse(422, replies.counted([problem]), (problem,))
                item = recorder.prepare(row, snapshot)
                if isinstance(item, Event | Decision):
                    read[item.body] = row
                prepared.append(item)
            except Refuse as refusal:
                prepared.append(refusal)
    return prepared


async def _record(
    recorder: Recorder, items: Sequence[Record | dict[str, Any] | Refuse], durable: Durable, read: Bodies
) -> list[Answer]:
    records = [item for item in items if not isinstance(item, dict | Refuse)]
    settled = iter(await durable.commit_all(records, read) if records else ())
    answers: list[Answer] = []
    for item in items:
        if isinstance(item, dict):
            answers.append((200, item))
            continue
        kept = item if isinstance(item, Refuse) else next(settled)
        if isinstance(kept, Conflict):
            assert not isinstance(item, Refuse)
            kept = recorder.clash(item)
        if isinstance(kept, Refuse):
            answers.append((kept.status, recorder.refused(kept)))
        else:
            answers.append((200, recorder.told(kept)))
    return answers


def summary(answers: Sequence[Answer]) -> dict[str, Any]:
    """The reply to many rows: each with its own status, and how many were accepted and refused."""
    accepted = sum(status == 200 for status, _ in answers)
    return {
        "accepted": accepted,
        "refused": len(answers) - accepted,
        "results": [{"row": at, "status": status, **shape} for at, (status, shape) in enumerate(answers)],
    }

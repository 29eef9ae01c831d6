"""What the rehearsal's server answers about rows of history, told again as the traffic of two days that are just over.

The watches go by event time and look at hours and days; rows of history lie years apart. So each row is asked about at
its own time, where its windows hold what they held then. The answers are then laid into days next to each other, each
at its own hour, as the ledger of a project that nobody else asks. Nothing but time and id is changed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.bundle.bins import season
from holdfast.checks.rehearsal import Rehearsal
from holdfast.contract.model import DAY, SECOND
from holdfast.errors import HoldfastError
from holdfast.ledger.records import Decision
from holdfast.project.counted import acknowledged
from holdfast.project.project import Project
from holdfast.project.traffic import Client

HOUR = 3_600 * SECOND
SATURDAY = 24
"""The first season of weekends."""
PART = 500
"""Rows asked about at once."""

Times = NDArray[np.int64]


def answered(rehearsal: Rehearsal, ids: Sequence[str]) -> dict[str, Decision]:
    """What the rehearsal's server decides about the rows of history with these ids, each at its own time.

    Raises HoldfastError where it refuses one.
    """
    found = rehearsal.requests_of(list(ids))
    # The newest first: none may find another in its windows.
    rows = sorted(found.rows, key=lambda row: -row.time)
    project, port = rehearsal.project, rehearsal.server.port
    begin, size = acknowledged(project), min(PART, project.settings.serving_max_rows)
    names: dict[str, str] = {}
    with Client(port) as client:
        for start in range(0, len(rows), size):
            part = rows[start : start + size]
            body: dict[str, Any] = json.loads(found.many("watched", part))
            status, reply = client.post("/predict/batch", body)
            if status != 200 or reply["refused"]:
                raise HoldfastError(f"the server refuses rows of its history: {json.dumps(reply)[:600]}")
            names |= {str(told[found.id]): row.event_id for told, row in zip(body["rows"], part, strict=True)}
    records = project.reader.records(begin)
    return {names[item.event_id]: item for item in records if isinstance(item, Decision) and item.event_id in names}


def alike(times: Times) -> tuple[bool, NDArray[np.bool_]]:
    """Whether most of these instants lie on weekends, and which lie as most do: what comes then is compared apart."""
    weekend = season(times) >= SATURDAY
    most = bool(weekend.mean() > 0.5)
    return most, weekend == most


class TwoDays:
    """The newest two days next to each other, both on a weekend or neither, that have been over for a day."""

    def __init__(self, project: Project, weekend: bool) -> None:
        self.project = project
        second = time.time_ns() // 1_000 // DAY * DAY - 2 * DAY
        while (season(np.array([second - DAY, second])) >= SATURDAY).tolist() != [weekend, weekend]:
            second -= DAY
        self._days = (second - DAY, second)

    def lay(self, decisions: Sequence[Decision], which: int) -> list[Decision]:
        """Each in its own hour of a day (0 or 1), spread over it evenly; in order of time, under ids of their own."""
        by_hour: dict[int, list[Decision]] = {}
        for item in decisions:
            by_hour.setdefault(item.time % DAY // HOUR, []).append(item)
        return [
            msgspec.structs.replace(
                item, event_id=f"{which}-{hour}-{at}", time=self._days[which] + hour * HOUR + HOUR * at // len(those)
            )
            for hour, those in sorted(by_hour.items())
            for at, item in enumerate(those)
        ]

    def tell(self, decisions: Sequence[Decision]) -> None:
        """Write them into the ledger."""
        with self.project.writing() as (_, writer):
            writer.commit(decisions)

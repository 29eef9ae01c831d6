"""Decisions of the ledger joined with their outcomes, as columns and in event time.

When an outcome arrived is told in event time, too: see `holdfast.project.arrival`.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from threading import RLock
from typing import Any

import numpy as np

from holdfast.contract.model import DAY, NULL_CODE, Contract, Field
from holdfast.contract.values import read_strict
from holdfast.features.columns import Column, given
from holdfast.ledger.read import LedgerReader
from holdfast.ledger.recompute import columns
from holdfast.ledger.records import Decision, Outcome
from holdfast.monitoring.judged import Floats, Groups, Integers, Judged, Mask, segments_of, truth_at, word_of
from holdfast.project.arrival import EventClock

BATCH = 20_000
"""Decisions turned into columns at a time."""
FIRST = 1_000
"""Values of a protected number whose thirds make its groups: the first ones, so that groups stay what they are."""
OVER = 8
"""What is too old is dropped when so large a part of what is looked back on is: an eighth."""


class Judgements:
    """What one version decided, and what became of it. `catch_up` reads what the ledger got since; any thread may.

    `contract` is the version's own. `cuts` are where protected numbers are cut into groups, by field; else at the
    thirds of the first thousand values. `back` (µs) is how far before the newest decision is looked: what is older is
    dropped, and so is an outcome that came earlier and whose decision was not read. What is held depends on the records
    alone, not on how often they were read on: read anew, it is the same.
    """

    def __init__(
        self,
        reader: LedgerReader,
        contract: Contract,
        version: str,
        cuts: Mapping[str, Sequence[float]] | None = None,
        *,
        back: int | None = None,
    ) -> None:
        self._reader = reader
        self._contract = contract
        self._hash = contract.hash  # not once for each record
        self._version = version
        self._back = back
        self._cuts: dict[str, list[float]] = {name: list(map(float, cut)) for name, cut in (cuts or {}).items()}
        self._lock = RLock()
        self._seen = self._front = self._cleared = 0
        self._clock = EventClock(contract.decide_on)
        self._fields = [item for item in contract.deciding.fields if item.protected and item.type != "text"]
        self._waiting: list[Decision] = []
        self._place: dict[str, int] = {}
        self._times, self._probability = _Grown(np.int64), _Grown(np.float64)
        self._decided, self._features = _Grown(np.bool_), _Grown(np.float64, len(contract.features))
        self._cells = {item.name: _Grown(np.float64) for item in self._fields}
        self._first: dict[str, Floats] = {item.name: np.zeros(0) for item in self._fields}
        self._told = tuple(array("q") for _ in range(4))
        """(row, version, value, arrival) of every outcome of the label, in order of seq."""
        self._early: dict[str, list[tuple[int, int, int]]] = {}
        """(version, value, arrival) of outcomes whose decision was not read yet, by event."""

    @property
    def held(self) -> tuple[int, int]:
        """(decisions, outcomes) in memory."""
        with self._lock:
            return len(self._place), len(self._told[0]) + sum(map(len, self._early.values()))

    def catch_up(self) -> int:
        """Read on; answers the last record read."""
        label = self._contract.target
        with self._lock:
            for record in self._reader.records(self._seen):
                self._seen = record.seq
                if isinstance(record, Decision):
                    if record.source == self._contract.decide_on:
                        self._decision(record)
                elif isinstance(record, Outcome) and (record.source, record.label) == (label.source, label.name):
                    self._outcome(record)
            self._hold()
            return self._seen

    def outcomes(self, start: int, end: int, now: int) -> Judged:
        """Every decision of [start, end) in event time, with its truth as it was settled at `now` (µs UTC).

        What lies further back than `back` is not among them.
        """
        with self._lock:
            start = max(start, self._from())
            times = self._times.all
            order = np.argsort(times, kind="stable")
            order = order[(times[order] >= start) & (times[order] < end)]
            value, arrived = self._said(now)
            truth = truth_at(now, self._contract.target, times, value, arrived)
            X = self._features.all[order]
            return Judged(
                times=times[order], probability=self._probability.all[order],
                decided=self._decided.all[order], truth=truth[order], arrived=arrived[order], X=X,
                names=tuple(item.name for item in self._contract.features),
                groups={item.name: self._grouped(item, order) for item in self._fields if len(times)},
                segments=segments_of(self._contract, X),
            )  # fmt: skip

    def _decision(self, record: Decision) -> None:
        self._clock.known(record)
        self._front = max(self._front, record.time)
        if self._back is not None and self._front - self._cleared >= max(DAY, self._back // OVER):
            self._forget()
        if (record.version, record.contract) != (self._version, self._hash):
            return
        if record.event_id in self._place:
            return
        row = self._place[record.event_id] = len(self._place)
        self._waiting.append(record)
        for version, value, came in self._early.pop(record.event_id, ()):
            if came >= self._from():
                self._tell(row, version, value, came)
        if len(self._waiting) >= BATCH:
            self._hold()

    def _outcome(self, record: Outcome) -> None:
        came, row = self._clock.known(record), self._place.get(record.event_id)
        if row is not None:
            self._tell(row, record.version, record.value, came)
        else:
            self._early.setdefault(record.event_id, []).append((record.version, record.value, came))

    def _tell(self, *told: int) -> None:
        for column, item in zip(self._told, told, strict=True):
            column.append(item)

    def _from(self) -> int:
        """Event time from which on decisions are held."""
        return 0 if self._back is None else self._front - self._back

    def _said(self, now: int) -> tuple[np.ndarray[Any, np.dtype[np.int8]], Integers]:
        """(value, arrival) by row, as far as it was known at `now`: −1 and 0 where nothing came."""
        count = len(self._place)
        value, arrived = np.full(count, -1, np.int8), np.zeros(count, np.int64)
        row, version, said, came = (np.array(column, np.int64) for column in self._told)
        there = np.flatnonzero(came <= now)[::-1]  # of several that are assigned to a row the last stays
        arrived[row[there]] = came[there]  # when it first came; a correction does not make it late
        there = there[np.argsort(version[there], kind="stable")]  # the highest version, the first of equal ones
        value[row[there]] = said[there]
        return value, arrived

    def _hold(self) -> None:
        """What was read, as columns."""
        some, self._waiting = self._waiting, []
        if not some:
            return
        bodies = [read_strict(item.body) for item in some] if self._fields else []
        ids, times = [item.event_id for item in some], [item.time for item in some]
        cells = columns(self._contract.deciding, self._fields, bodies, ids, times)[0] if self._fields else {}
        self._times.add(np.array(times, np.int64))
        self._probability.add(np.array([item.probability for item in some]))
        self._features.add(np.vstack([np.frombuffer(item.features, "<f8") for item in some]))
        self._decided.add(np.array([item.decision for item in some], np.bool_))
        for item in self._fields:
            values = _numbers(item, cells[item.name])
            self._cells[item.name].add(values)
            first = self._first[item.name]
            self._first[item.name] = np.concatenate([first, values[~np.isnan(values)][: FIRST - len(first)]])

    def _forget(self) -> None:
        """Drop what nobody looks back on any more."""
        self._hold()
        self._cleared = self._front
        kept: Mask = self._times.all >= self._from()
        moved = np.cumsum(kept) - 1
        self._place = {name: int(moved[row]) for name, row in self._place.items() if kept[row]}
        for grown in (self._times, self._probability, self._decided, self._features, *self._cells.values()):
            grown.keep(kept)
        row, *rest = (np.array(column, np.int64) for column in self._told)
        stays = kept[row]
        self._told = tuple(array("q", item[stays].tobytes()) for item in (moved[row], *rest))
        self._early = {
            name: stay
            for name, told in self._early.items()
            if (stay := [item for item in told if item[2] >= self._from()])
        }

    def _grouped(self, item: Field, order: Integers) -> Groups:
        values = self._cells[item.name].all[order]
        known = ~np.isnan(values)
        if item.type in ("category", "boolean"):
            words = (
                tuple(word_of("category", at + 1, item.values) for at in range(len(item.values) + 1))
                if item.type == "category"
                else ("false", "true")
            )
            return Groups(words, np.where(known, values, -1).astype(np.int64))
        first = self._first[item.name]
        cuts = self._cuts.get(item.name)
        if cuts is None:
            cuts = np.unique(np.quantile(first, [1 / 3, 2 / 3])).tolist() if len(first) else []
        edges = [f"{cut:g}" for cut in cuts]
        words = tuple(
            f"{low} to {high}" if low and high else f"under {high}" if high else f"from {low}" if low else "all"
            for low, high in zip(["", *edges], [*edges, ""], strict=True)
        )
        return Groups(words, np.where(known, np.searchsorted(cuts, values, side="right"), -1).astype(np.int64))


class _Grown:
    """Rows in one array that has room for more."""

    def __init__(self, kind: Any, width: int | None = None) -> None:
        self._rows, self._count = np.zeros((0,) if width is None else (0, width), kind), 0

    @property
    def all(self) -> Any:
        return self._rows[: self._count]

    def add(self, rows: Any) -> None:
        count = self._count + len(rows)
        if count > len(self._rows):
            room = np.zeros((max(count, len(self._rows) * 5 // 4), *self._rows.shape[1:]), self._rows.dtype)
            room[: self._count] = self.all
            self._rows = room
        self._rows[self._count : count] = rows
        self._count = count

    def keep(self, which: Mask) -> None:
        self._rows = self.all[which]
        self._count = len(self._rows)


def _numbers(item: Field, column: Column) -> Floats:
    """A field's values as numbers, codes of a category from 0 on; NaN where it is not known."""
    values = column.values.astype(np.float64)
    if item.type == "category":
        return np.where(column.values == NULL_CODE, np.nan, values - 1)
    values = values / 10**item.scale if item.type == "decimal" else values
    return np.where(given(column), values, np.nan)

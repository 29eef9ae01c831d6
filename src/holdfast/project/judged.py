"""Decisions of the ledger joined with their outcomes, as columns and in event time.

When an outcome arrived is told in event time, too: see `holdfast.project.arrival`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from holdfast.contract.model import NULL_CODE, Contract, Field
from holdfast.contract.values import read_strict
from holdfast.features.columns import Column, given
from holdfast.ledger.read import LedgerReader
from holdfast.ledger.recompute import columns
from holdfast.ledger.records import Decision, Outcome
from holdfast.monitoring.judged import Floats, Groups, Integers, Judged, segments_of, truth_at, word_of
from holdfast.project.arrival import EventClock

BATCH = 20_000
"""Decisions turned into columns at a time."""


class Judgements:
    """What one version decided, and what became of it. `catch_up` reads what the ledger got since.

    `contract` is the version's own. `cuts` are where protected numbers are cut into groups, by field; else at their
    thirds, as they stood when there were first any.
    """

    def __init__(
        self, reader: LedgerReader, contract: Contract, version: str, cuts: Mapping[str, Sequence[float]] | None = None
    ) -> None:
        self._reader = reader
        self._contract = contract
        self._hash = contract.hash  # not once for each record
        self._version = version
        self._cuts: dict[str, list[float]] = {name: list(map(float, cut)) for name, cut in (cuts or {}).items()}
        self._seen = 0
        self._clock = EventClock(contract.decide_on)
        self._place: dict[str, int] = {}
        self._waiting: list[Decision] = []
        self._told: list[tuple[str, int, int, int]] = []
        """(event, version, value, arrival) of every outcome of the label, in order of seq."""
        self._held: list[tuple[Integers, Floats, Floats, Any, dict[str, Column]]] = []

    def catch_up(self) -> int:
        """Read on; answers the last record read."""
        label = self._contract.target
        for record in self._reader.records(self._seen):
            self._seen = record.seq
            if isinstance(record, Decision):
                if record.source != self._contract.decide_on:
                    continue
                self._clock.known(record)
                if (record.version, record.contract) != (self._version, self._hash):
                    continue
                if record.event_id in self._place:
                    continue
                self._place[record.event_id] = len(self._place)
                self._waiting.append(record)
                if len(self._waiting) >= BATCH:
                    self._hold()
            elif isinstance(record, Outcome) and (record.source, record.label) == (label.source, label.name):
                self._told.append((record.event_id, record.version, record.value, self._clock.known(record)))
        self._hold()
        return self._seen

    def outcomes(self, start: int, end: int, now: int) -> Judged:
        """Every decision of [start, end) in event time, with its truth as it was settled at `now` (µs UTC)."""
        contract, count = self._contract, len(self._place)
        times = self._joined(0, np.int64)
        value, arrived = np.full(count, -1, np.int8), np.zeros(count, np.int64)
        best = np.full(count, -1, np.int64)
        for event, version, said, came in self._told:
            at = self._place.get(event)
            if at is None or came > now:
                continue
            if not arrived[at]:
                arrived[at] = came  # when it first came; a correction does not make it late
            if version > best[at]:
                best[at], value[at] = version, said
        order = np.argsort(times, kind="stable")
        order = order[(times[order] >= start) & (times[order] < end)]
        truth = truth_at(now, contract.target, times, value, arrived)
        X = self._X()[order]
        return Judged(
            times=times[order], probability=self._joined(1, np.float64)[order],
            decided=self._joined(3, np.bool_)[order], truth=truth[order], arrived=arrived[order], X=X,
            names=tuple(item.name for item in contract.features), groups=self._groups(order),
            segments=segments_of(contract, X),
        )  # fmt: skip

    def _hold(self) -> None:
        some, self._waiting = self._waiting, []
        if not some:
            return
        fields = [item for item in self._contract.deciding.fields if item.protected and item.type != "text"]
        bodies = [read_strict(item.body) for item in some] if fields else []
        ids, times = [item.event_id for item in some], [item.time for item in some]
        cells = columns(self._contract.deciding, fields, bodies, ids, times)[0] if fields else {}
        self._held.append(
            (
                np.array(times, np.int64),
                np.array([item.probability for item in some]),
                np.vstack([np.frombuffer(item.features, "<f8") for item in some]),
                np.array([item.decision for item in some], np.bool_),
                cells,
            )
        )

    def _joined(self, part: int, kind: Any) -> Any:
        return np.concatenate([held[part] for held in self._held]) if self._held else np.zeros(0, kind)

    def _X(self) -> Floats:  # noqa: N802 - a matrix
        if not self._held:
            return np.zeros((0, len(self._contract.features)))
        return np.concatenate([held[2] for held in self._held])

    def _groups(self, order: Integers) -> dict[str, Groups]:
        found = {}
        for item in self._contract.deciding.fields:
            if item.protected and item.type != "text" and self._held:
                found[item.name] = self._grouped(item, order)
        return found

    def _grouped(self, item: Field, order: Integers) -> Groups:
        parts = [held[4][item.name] for held in self._held]
        values = np.concatenate([part.values for part in parts])
        known = np.concatenate([given(part) for part in parts])
        if item.type == "category":
            code = np.where(values == NULL_CODE, -1, values - 1).astype(np.int64)[order]
            return Groups(tuple(word_of("category", at + 1, item.values) for at in range(len(item.values) + 1)), code)
        if item.type == "boolean":
            return Groups(("false", "true"), np.where(known, values, -1).astype(np.int64)[order])
        numbers = values.astype(np.float64) / (10**item.scale if item.type == "decimal" else 1)
        if item.name not in self._cuts and known.any():
            self._cuts[item.name] = np.unique(np.quantile(numbers[known], [1 / 3, 2 / 3])).tolist()
        cuts = self._cuts.get(item.name, [])
        edges = [f"{cut:g}" for cut in cuts]
        words = tuple(
            f"{low} to {high}" if low and high else f"under {high}" if high else f"from {low}" if low else "all"
            for low, high in zip(["", *edges], [*edges, ""], strict=True)
        )
        code = np.where(known, np.searchsorted(cuts, numbers, side="right"), -1).astype(np.int64)
        return Groups(words, code[order])

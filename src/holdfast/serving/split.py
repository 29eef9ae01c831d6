"""An experiment's record compiled for requests: which version answers this event, and its answer.

A challenger that fails is answered for by the champion, and the failure counted; a challenger whose contract does not
take the request refuses it, as it would if it were champion. Counts are this process's own since the last tally.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from threading import Lock
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

from holdfast.contract.model import Cell
from holdfast.errors import Problem
from holdfast.features.state.snapshot import Snapshot
from holdfast.ledger.records import Experiment
from holdfast.traffic.plan import plan_from
from holdfast.traffic.route import Router, fallback

if TYPE_CHECKING:
    from holdfast.serving.live import Version

log = logging.getLogger("holdfast.serving")

ANSWERED, FAILED, REFUSED, SLOW = range(4)


class Unfit(Exception):  # noqa: N818 — an answer, not a fault
    """The variant's contract does not take this request."""

    def __init__(self, status: int, problems: tuple[Problem, ...]) -> None:
        super().__init__(status)
        self.status = status
        self.problems = problems


class Answer(NamedTuple):
    """What a variant answers, before it is a decision."""

    version: Version
    row: list[float]
    score: float
    probability: float
    warnings: tuple[str, ...]
    assigned: str


class Split:
    """One experiment as this process serves it. `arms` are the versions of the record's arms, in their order."""

    def __init__(self, record: Experiment, arms: Sequence[Version], accepted: frozenset[str]) -> None:
        self.record = record
        self.seq = record.seq
        self.arms = tuple(arms)
        self._route = Router(record, arms[0].contract)
        self._foreign = [accepted - version.accepted for version in arms]
        """Names in a body that are for other live versions only."""
        self._slow = plan_from(record.plan).slow_ms / 1_000
        self._why = [fallback(record, place) for place in range(len(arms))]
        self._counts = [[0, 0, 0, 0] for _ in arms]
        self._lock = Lock()

    def answer(
        self, raw: Mapping[str, object], cells: tuple[Cell, ...], warnings: tuple[str, ...], snapshot: Snapshot, t: int
    ) -> Answer:
        """The answer of whichever variant the event goes to. `cells` are the champion's. Raises Unfit."""
        place, why = self._route(cells)
        champion, version = self.arms[0], self.arms[place]
        began = perf_counter()
        if place:
            try:
                if version.contract_hash != champion.contract_hash:
                    own, told = self._read(place, raw, cells, t)
                else:
                    own, told = cells, warnings
                row = version.row(own, version.reads(snapshot, own, t))
                score, probability = version.bundle.predict(row)
                self._count(place, ANSWERED, perf_counter() - began)
                return Answer(version, row, score, probability, told, why)
            except Unfit:
                self._count(place, REFUSED, 0.0)
                raise
            except Exception:
                log.exception("version %s failed; the champion answers for it", version.version)
                self._count(place, FAILED, 0.0)
                why = self._why[place]
        row = champion.row(cells, champion.reads(snapshot, cells, t))
        score, probability = champion.bundle.predict(row)
        if place == 0:
            self._count(0, ANSWERED, perf_counter() - began)
        return Answer(champion, row, score, probability, warnings, why)

    def _read(
        self, place: int, raw: Mapping[str, object], cells: tuple[Cell, ...], t: int
    ) -> tuple[tuple[Cell, ...], tuple[str, ...]]:
        """The event as the variant's own contract reads it; id and time are those the champion's gave."""
        version, foreign = self.arms[place], self._foreign[place]
        parsed = version.read({name: value for name, value in raw.items() if name not in foreign})
        if parsed.problems:
            raise Unfit(max(parsed.status, 400), parsed.problems)
        own = list(parsed.cells)
        own[version.id_at] = cells[self.arms[0].id_at]
        own[version.time_at] = t
        return tuple(own), parsed.warnings

    def _count(self, place: int, what: int, seconds: float) -> None:
        with self._lock:  # rows of a batch are decided in another thread
            counts = self._counts[place]
            counts[what] += 1
            if seconds > self._slow:
                counts[SLOW] += 1

    def taken(self) -> list[tuple[str, int, int, int, int]]:
        """The counts since the last call, of variants that had any; they begin anew."""
        with self._lock:
            found, self._counts = self._counts, [[0, 0, 0, 0] for _ in self.arms]
        names = [arm.name for arm in self.record.arms]
        return [(name, *counts) for name, counts in zip(names, found, strict=True) if any(counts)]  # type: ignore[misc]  # four

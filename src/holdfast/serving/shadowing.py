"""The process that scores shadows: ``python -m holdfast.serving.beside shadowing HOME``.

It reads answered decisions from the ledger, writes their shadows beside it, and uses time that nobody else wants. When
it falls behind it leaves the oldest out, and says how many. What a shadow knew is in its own `read_seq`, so that it can
be replayed like a decision.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from holdfast.bundle.load import load
from holdfast.contract.model import NULL_CODE, Cell
from holdfast.contract.values import read_strict
from holdfast.errors import HoldfastError
from holdfast.features.state.state import State
from holdfast.ledger.read import LedgerReader
from holdfast.ledger.records import Decision, Experiment, Record, Shadow, Tally
from holdfast.ledger.shadows import ShadowLog
from holdfast.serving.aside import write_frame
from holdfast.serving.conducting import end_with_parent
from holdfast.serving.live import Version, compile_version
from holdfast.serving.logs import begin_as_told
from holdfast.traffic.course import Experiments, origin
from holdfast.traffic.route import Router

log = logging.getLogger("holdfast.shadowing")

LOOK = 0.25
MOST = 10_000
"""Decisions that may wait; the oldest are left out for newer ones."""
PART = 256
"""Decisions whose shadows are scored and written before it is looked who else was answered."""
TOLD = 1.0
"""Seconds between two tellings of how many were left out."""


class Shadower:
    """Decisions in, shadows out, for the shadow experiment that is under way. At most `most` decisions wait.

    `done` is the last decision that has its shadows.
    """

    def __init__(self, home: Path, state: State, reader: LedgerReader, done: int = 0, most: int = MOST) -> None:
        self._most = most
        self._home = home
        self._state = state
        self._reader = reader
        self._course = Experiments()
        self._waiting: deque[Decision] = deque()
        self._seq = 0
        self._done = done
        self._record: Experiment | None = None
        self._router: Router | None = None
        self._versions: list[Version] = []
        self.dropped = 0

    def read(self) -> None:
        """Take what was appended to the ledger."""
        until = self._state.applied_seq
        if self._seq == 0:
            past = list(self._reader.course(0, until))
            now = Experiments(past).shadowing()
            self._seq = until if now is None else max(origin(now) - 1, min(self._done, until))
            for step in past:
                if step.seq <= self._seq and self._course.take(step):
                    self._follow(self._course.shadowing())
        for record in self._reader.records(self._seq, until):
            self._take(record)
        self._seq = max(self._seq, until)

    def _take(self, record: Record) -> None:
        if isinstance(record, Decision):
            if self._record is not None:
                self._waiting.append(record)
                if len(self._waiting) > self._most:
                    self._waiting.popleft()
                    self.dropped += 1
        elif self._course.take(record):
            self._follow(self._course.shadowing())

    def _follow(self, record: Experiment | None) -> None:
        if record == self._record:
            return
        self._record, self._versions, self._router = record, [], None
        self._waiting.clear()
        if record is None:
            return
        try:
            champion, *others = (load(self._home / "bundles" / arm.bundle, expect=arm.bundle) for arm in record.arms)
            arms = record.arms[1:]
            self._router = Router(record, champion.contract)
            self._versions = [
                compile_version(bundle, arm.version, arm.name) for bundle, arm in zip(others, arms, strict=True)
            ]
        except HoldfastError as error:
            log.error("the shadows of %s cannot be scored: %s", record.name, error)

    @property
    def waiting(self) -> int:
        """How many decisions have no shadow yet."""
        return len(self._waiting)

    def shadows(self, most: int) -> list[Shadow]:
        """The shadows of the next decisions that wait, of so many at most."""
        part: list[Shadow] = []
        for _ in range(min(most, len(self._waiting))):
            decision = self._waiting.popleft()
            if decision.seq <= self._done or self._record is None or self._router is None:
                continue
            self._done = decision.seq
            if self._router.takes_part(decision):
                part += [shadow_of(version, decision, self._state, self._record.seq) for version in self._versions]
        return part

    def left_out(self) -> Tally | None:
        """How many were left out since this was asked, if any were."""
        if not self.dropped or self._record is None:
            return None
        name = f"{os.uname().nodename}:{os.getpid()}"
        dropped, self.dropped = self.dropped, 0
        return Tally(process=name, experiment=self._record.seq, counts=[], dropped=dropped)


def shadow_of(version: Version, decision: Decision, state: State, experiment: int) -> Shadow:
    """What this version would have decided.

    Where it has the contract that answered, it is given the features of the answer: what was known then, and most of
    the work spared. Otherwise state is read as it is now, and what its contract does not find in the request is null.
    """
    if version.contract_hash == decision.contract:
        row = list(version.packed.unpack(decision.features))
        return _judged(version, decision, row, decision.read_seq, [], experiment)
    raw = read_strict(decision.body)
    parsed = version.read({name: value for name, value in raw.items() if name in version.accepted})
    wrong = {problem.field for problem in parsed.problems}
    cells: list[Cell] = [
        NULL_CODE if cell is None and field.type == "category" else cell
        for cell, field in zip(parsed.cells, version.source.fields, strict=True)
    ]
    cells[version.id_at], cells[version.time_at] = decision.event_id, decision.time
    with state.snapshot() as snapshot:
        row = version.row(cells, version.reads(snapshot, cells, decision.time))
        return _judged(version, decision, row, snapshot.applied_seq, sorted(wrong), experiment)


def _judged(
    version: Version, decision: Decision, row: list[float], read_seq: int, missing: list[str], experiment: int
) -> Shadow:
    score, probability = version.bundle.predict(row)
    threshold = version.bundle.threshold.value
    return Shadow(
        decision_seq=decision.seq,
        event_id=decision.event_id,
        read_seq=read_seq,
        contract=version.contract_hash,
        model=version.name,
        version=version.version,
        experiment=experiment,
        features=version.packed.pack(*row),
        score=score,
        probability=probability,
        threshold=threshold,
        decision=probability >= threshold,
        missing=missing,
        answered=decision.decision,
    )


def run(home: Path, out: IO[bytes]) -> None:
    """Score what was answered; for ever."""
    state = State.open(home / "state", readonly=True)
    shadows = ShadowLog(home / "shadows")
    shadower = Shadower(home, state, LedgerReader(home / "ledger"), shadows.done)
    told = 0.0
    while True:
        shadower.read()
        while part := shadower.shadows(PART):
            shadows.append(part)
            if shadower.waiting:
                shadower.read()  # so that what is left out is the oldest
        if time.monotonic() >= told + TOLD and (tally := shadower.left_out()) is not None:
            write_frame(out, [tally])
            told = time.monotonic()
        time.sleep(LOOK)


def main(words: Sequence[str]) -> None:
    begin_as_told()
    end_with_parent()
    run(Path(words[0]), sys.stdout.buffer)

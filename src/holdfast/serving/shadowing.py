"""The process that scores shadows: ``python -m holdfast.serving.beside shadowing HOME``.

It reads answered decisions from the ledger, writes their shadows beside it, and uses time that nobody else wants. Where
answers want its processor it works for a third of a hundredth of the time and catches up when they are fewer: even who
is preempted at once leaves cold caches behind. When it falls too far behind it leaves the oldest out, and says how
many. What a shadow knew is in its own `read_seq`, so that it can be replayed like a decision.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

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

LOOK = 1.0
"""Seconds until it is looked again, when all that was answered has its shadows."""
MOST, MOST_READ = 50_000_000, 10_000
"""Records it may be behind; then the older half of them is left out. Much fewer where shadows read state as it is now:
soon that is another than the decision's.
"""
PART = 256
"""Records that are read at a time, and their shadows scored and written."""
STRETCH = 0.02
"""Seconds it works at least before it asks how much of the processor it had."""
FREE = 0.65
"""Who had less than this share of it has met many answers."""
REST, LONGEST = 299.0, 5.0
"""How much longer it rests than it worked then, and for how many seconds at most: it is there for a third of a
hundredth of the time, and who looks at p99 does not see it.
"""
TOLD = 1.0
"""Seconds between two tellings of how many were left out."""


class Shadower:
    """Decisions in, shadows out, for the shadow experiment that is under way.

    `done` is the last decision that has its shadows.
    """

    def __init__(self, home: Path, state: State, reader: LedgerReader, done: int = 0) -> None:
        self._home = home
        self._state = state
        self._reader = reader
        self._course = Experiments()
        self._ahead: Iterator[Record] = iter(())
        self._seq = 0
        self._done = done
        self._record: Experiment | None = None
        self._router: Router | None = None
        self._versions: list[Version] = []
        self.behind = False
        """Whether there was anything to read: then more may follow."""
        self.dropped = 0

    def shadows(self, most: int) -> list[Shadow]:
        """The shadows of the decisions among the next records, of so many at most."""
        scored: list[Shadow] = []
        taken: list[Decision] = []
        self._keep_up(self._state.applied_seq)
        self.behind = False
        for record in islice(self._onward(), most):
            self._seq, self.behind = record.seq, True
            if isinstance(record, Decision):
                if record.seq > self._done and self._router is not None and self._router.takes_part(record):
                    taken.append(record)
            elif self._course.take(record):
                scored += self._scored(taken)
                taken = []
                self._follow(self._course.shadowing())
                self._keep_up(self._state.applied_seq)
        return scored + self._scored(taken)

    def _onward(self) -> Iterator[Record]:
        """The records of the ledger that come next, to its end."""
        while True:
            record = next(self._ahead, None)
            if record is None:
                self._ahead = self._reader.records(self._seq, self._state.applied_seq)
                record = next(self._ahead, None)
            if record is None:
                return
            yield record

    def _keep_up(self, until: int) -> None:
        if self._seq == 0:
            self._begin(until)
        arms = self._record.arms if self._record is not None else []
        most = MOST if len({arm.contract for arm in arms}) <= 1 else MOST_READ
        if until - self._seq > most:
            self._leave_out(until - most // 2)
            self._ahead = iter(())

    def _begin(self, until: int) -> None:
        past = list(self._reader.course(0, until))
        now = Experiments(past).shadowing()
        self._seq = until if now is None else max(origin(now) - 1, min(self._done, until))
        for step in past:
            if step.seq <= self._seq and self._course.take(step):
                self._follow(self._course.shadowing())

    def _leave_out(self, until: int) -> None:
        """Go on after the record `until`. What happened to experiments meanwhile is followed."""
        for step in self._reader.course(self._seq, until):
            if self._record is not None:
                self.dropped += self._reader.decisions(self._seq, step.seq)
            self._seq = step.seq
            if self._course.take(step):
                self._follow(self._course.shadowing())
        if self._record is not None:
            self.dropped += self._reader.decisions(self._seq, until)
        self._seq = until

    def _follow(self, record: Experiment | None) -> None:
        if record == self._record:
            return
        self._record, self._versions, self._router = record, [], None
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

    def _scored(self, decisions: Sequence[Decision]) -> list[Shadow]:
        """In the decisions' order."""
        if not decisions or self._record is None:
            return []
        self._done = decisions[-1].seq
        experiment = self._record.seq
        each = [shadows_of(version, decisions, self._state, experiment) for version in self._versions]
        return [shadow for beside in zip(*each, strict=True) for shadow in beside]

    def left_out(self) -> Tally | None:
        """How many were left out since this was asked, if any were."""
        if not self.dropped or self._record is None:
            return None
        name = f"{os.uname().nodename}:{os.getpid()}"
        dropped, self.dropped = self.dropped, 0
        return Tally(process=name, experiment=self._record.seq, counts=[], dropped=dropped)


def shadows_of(version: Version, decisions: Sequence[Decision], state: State, experiment: int) -> list[Shadow]:
    """What this version would have decided, each time.

    Where it has the contract that answered, it is given the features of the answer: what was known then, and most of
    the work spared. Otherwise state is read as it is now, and what its contract does not find in the request is null.
    """
    known = [_known(version, decision, state) for decision in decisions]
    rows = np.frombuffer(b"".join(item.features for item in known), "<f8").reshape(len(known), -1)
    scores, probabilities = version.bundle.predict_matrix(rows)
    threshold = version.bundle.threshold.value
    return [
        Shadow(
            decision_seq=decision.seq,
            event_id=decision.event_id,
            read_seq=item.read_seq,
            contract=version.contract_hash,
            model=version.name,
            version=version.version,
            experiment=experiment,
            features=item.features,
            score=score,
            probability=probability,
            threshold=threshold,
            decision=probability >= threshold,
            missing=item.missing,
            answered=decision.decision,
        )
        for decision, item, score, probability in zip(
            decisions, known, scores.tolist(), probabilities.tolist(), strict=True
        )
    ]


class Known(NamedTuple):
    """What a version would have answered from: packed features, what was known, the fields it did not find."""

    features: bytes
    read_seq: int
    missing: list[str]


def _known(version: Version, decision: Decision, state: State) -> Known:
    if version.contract_hash == decision.contract:
        return Known(decision.features, decision.read_seq, [])
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
        return Known(version.packed.pack(*row), snapshot.applied_seq, sorted(wrong))


def rest(worked: float, had: float) -> float:
    """Seconds to rest after so many seconds of work, in which it had the processor for `had` seconds."""
    return min(worked * REST, LONGEST) if had < FREE * worked else 0.0


def run(home: Path, out: IO[bytes]) -> None:
    """Score what was answered; for ever."""
    state = State.open(home / "state", readonly=True)
    shadows = ShadowLog(home / "shadows")
    shadower = Shadower(home, state, LedgerReader(home / "ledger"), shadows.done)
    told = 0.0
    while True:
        began, had = time.monotonic(), time.thread_time()
        worked, behind = 0.0, True
        while behind and worked < STRETCH:
            if part := shadower.shadows(PART):
                shadows.append(part)
            worked, behind = time.monotonic() - began, shadower.behind
        time.sleep(max(rest(worked, time.thread_time() - had), 0.0 if behind else LOOK))
        if time.monotonic() >= told + TOLD and (tally := shadower.left_out()) is not None:
            write_frame(out, [tally])
            told = time.monotonic()


def main(words: Sequence[str]) -> None:
    begin_as_told()
    end_with_parent()
    run(Path(words[0]), sys.stdout.buffer)

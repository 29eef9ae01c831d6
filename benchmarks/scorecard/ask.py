"""Asking the gate of a project with a fault in it: every check that can apply, as `holdfast check` does."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

import pytest
from benchmarks.scorecard import frames
from benchmarks.scorecard.fault import Ask, Fault, Frames, Named, Outcome, Room
from benchmarks.scorecard.stage import Stage, hurried

from holdfast.checks.catalog import CHECKS
from holdfast.checks.subject import Subject
from holdfast.checks.verdict import examine
from holdfast.errors import HoldfastError
from holdfast.project.project import Project

EVERYTHING = frozenset(item.category.key for item in CHECKS)
IN_PROCESS = frozenset({"K1", "K2", "K3", "K5", "K6", "K7"})
"""What can be asked of a model that is replaced in our own memory: no server has it."""
UNREADABLE = "exit 2"
"""`holdfast check` asks nothing: the data is not to be had, and it says which row."""
DUTIES = "GATE702"
"""It weighs what the others answered and fails with them, so it follows from everything."""
NOT_ASKED = frozenset({"GATE402"})
"""Advice about a peak: in a moment's load beside other programs it tells what else runs, and not how the server is."""
Put = Callable[[Stage], Subject]
"""Puts a fault and gives the version to ask about."""


def gate(put: Put, categories: Collection[str] = EVERYTHING) -> Ask:
    """Every check of these categories."""

    def ask(room: Room) -> Outcome:
        began = time.perf_counter()
        with pytest.MonkeyPatch.context() as patch:
            hurried(patch)
            stage = Stage(room, patch)
            try:
                subject = put(stage)
            except HoldfastError as fault:
                named = (Named(UNREADABLE, str(fault)),)
                return Outcome(named, frozenset({UNREADABLE}), _unread(stage), time.perf_counter() - began)
            return asked(stage, subject, categories, began)

    return ask


def asked(stage: Stage, subject: Subject, categories: Collection[str], began: float) -> Outcome:
    checks = [item for item in CHECKS if item.category.key in categories and item.code not in NOT_ASKED]
    try:
        verdict = examine(subject, checks, stage.limits, clock=time.time)
        made = _frames(stage, subject)
    finally:
        subject.close()
    named = tuple(
        Named(item.check.code, f"{item.status}: {item.answer.why}", item.stops)
        for item in verdict.asked
        if item.status != "passed"
    )
    return Outcome(named, frozenset(item.code for item in checks), made, time.perf_counter() - began)


def _frames(stage: Stage, subject: Subject) -> Frames:
    made = frames.of(subject) if stage.before is None else frames.since(stage.before, subject.place)
    return Frames(made.reference, stage.current(made.current))


def _unread(stage: Stage) -> Frames | None:
    return None if stage.before is None else frames.since(stage.before, Project.open(stage.folder))


def fault(
    name: str,
    what: str,
    expected: str | tuple[str, ...],
    put: Put,
    *,
    base: str,
    beside: str = "",
    columns: str = "",
    in_the_data: bool = True,
    categories: Collection[str] = EVERYTHING,
) -> Fault:
    """A fault of the pre-deployment list: its id names its bullet. `beside` and `columns` are words with spaces."""
    return Fault(
        id=name,
        bullet=name[1:].rstrip("abcdefghijklmnopqrstuvwxyz"),
        what=what,
        expected=(expected,) if isinstance(expected, str) else expected,
        base=base,
        ask=gate(put, categories),
        beside=frozenset(beside.split()) | {DUTIES},
        columns=tuple(columns.split()),
        in_the_data=in_the_data,
    )

"""Faults of approval (9.3): nobody answers for a version, and somebody makes it live all the same.

No check of the gate can see who will approve of what it says, so the door of `holdfast promote` is asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from benchmarks.scorecard.fault import Fault, Named, Outcome, Room
from benchmarks.scorecard.stage import LENDER, Stage
from tests.vouched import promote as vouched

from holdfast.access import keys
from holdfast.errors import HoldfastError
from holdfast.ledger.records import Approval, Examination
from holdfast.project.bundles import named
from holdfast.project.people import VARIABLE
from holdfast.project.project import Project
from holdfast.project.promote import promote

UNEXAMINED, FAILED, UNAPPROVED = "verdict.missing", "verdict.failed", "approval.missing"
OBJECTIONS = frozenset({UNEXAMINED, FAILED, UNAPPROVED})


def at_the_door(prepare: Callable[[Stage], Project]) -> Callable[[Room], Outcome]:
    """What `holdfast promote` objects to."""

    def ask(room: Room) -> Outcome:
        began = time.perf_counter()
        with pytest.MonkeyPatch.context() as patch:
            project = prepare(Stage(room, patch))
        objections: tuple[Named, ...] = ()
        try:
            promote(project, "1", why="it is wanted today")
        except HoldfastError as fault:
            objections = tuple(Named(f"{item.field}.{item.code}", item.what) for item in fault.problems)
        return Outcome(objections, OBJECTIONS, None, time.perf_counter() - began)

    return ask


def with_all(room: Room) -> tuple[Named, ...]:
    """What the door objects to where somebody else answers for the version: nothing."""
    with pytest.MonkeyPatch.context() as patch:
        project = Stage(room, patch).copied()
    try:
        vouched(project, "1", why="the clean one")
    except HoldfastError as fault:
        return tuple(Named(f"{item.field}.{item.code}", item.what) for item in fault.problems)
    return ()


def _examined(project: Project, approver: str | None, **told: Any) -> Project:
    """An examination by somebody with a key, and an approval by whom is said."""
    version, bundle = named(project, "1")
    of: dict[str, Any] = {"version": version, "bundle": bundle.hash, "verdict": "v" * 64}
    submitter, _ = keys.create(project.home, "submitter", ["operator"], by="keeper")
    records: list[Any] = [Examination(**of, **told, who=submitter.name, key=submitter.id)]
    if approver is not None:
        key, _ = keys.create(project.home, approver, ["approver"], by="keeper")
        records.append(Approval(**of, action="approve", who=key.name, key=key.id, why="it is mine"))
    with project.writing() as (_, writer):
        writer.commit(records)
    return project


def _stopped(stage: Stage) -> Project:
    return _examined(stage.copied(), "grace", ok=False, stopping=("GATE201",))


def _nobody(stage: Stage) -> Project:
    return _examined(stage.copied(), None, ok=True)


def _its_author(stage: Stage) -> Project:
    """Trained with a key, so that the version says by whom; approved with another key of the same person."""

    def at_work(folder: Path) -> None:
        _, text = keys.create(Project.open(folder).home, "ada", ["operator"], by="keeper")
        stage.patch.setenv(VARIABLE, text)

    project = stage.lender(meanwhile=at_work)
    stage.patch.delenv(VARIABLE)
    return _examined(project, "ada", ok=True)


def _fault(letter: str, what: str, expected: str, prepare: Callable[[Stage], Project]) -> Fault:
    return Fault(f"C9.3{letter}", "9.3", what, (expected,), LENDER, at_the_door(prepare), in_the_data=False)


FAULTS: tuple[Fault, ...] = (
    _fault("a", "made live without having been examined", UNEXAMINED, Stage.copied),
    _fault("b", "made live though the gate stopped it", FAILED, _stopped),
    _fault("c", "made live and approved by nobody", UNAPPROVED, _nobody),
    _fault("d", "approved by the one who trained it", UNAPPROVED, _its_author),
)

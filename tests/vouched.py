"""Versions that somebody answers for, where a test is about something else: by the ledger's own records."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from holdfast.access import keys
from holdfast.ledger.records import Approval, Examination
from holdfast.project.bundles import named
from holdfast.project.project import Project
from holdfast.project.promote import Moved
from holdfast.project.promote import promote as journey


@dataclass(frozen=True)
class People:
    """Texts of keys: one that scores, and one that sees."""

    scorer: str
    submitter: str


@contextmanager
def vouched(project: Project, *versions: str) -> Iterator[People]:
    """While the block lasts these versions may pass the gate; then the keys are gone, and the server stays open."""
    _, scorer = keys.create(project.home, "shop", ["scorer"], by="keeper")
    submitter, seeing = keys.create(project.home, "submitter", ["operator"], by="keeper")
    approver, _ = keys.create(project.home, "approver", ["approver"], by="keeper")
    try:
        for which in versions:
            version, bundle = named(project, which)
            told: dict[str, Any] = {"version": version, "bundle": bundle.hash, "verdict": "v" * 64}
            with project.writing() as (_, writer):
                writer.commit([Examination(**told, ok=True, who=submitter.name, key=submitter.id)])
                writer.commit([Approval(**told, action="approve", who=approver.name, key=approver.id, why="a test")])
        yield People(scorer, seeing)
    finally:
        (project.home / keys.FILE).unlink()


def promote(project: Project, version: str, **more: Any) -> Moved:
    """`holdfast promote` of a version that somebody answers for."""
    with vouched(project, version):
        return journey(project, version, **more)

"""The clean projects that faults are put into: loan applications with no model of persons, and a lender with groups.

Both are whole projects: real files under version control, trained and registered as a user does, so that every check of
the gate can be asked of them. Small, so that hundreds can be made.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from benchmarks.scorecard import frames
from benchmarks.scorecard.fault import Frames, Room
from tests.checks import applications, lender
from tests.checks.applications import Change

from holdfast.checks import load
from holdfast.checks.compliance_regulations import DOCUMENT
from holdfast.checks.journey import subject_of
from holdfast.checks.limits import Limits, limits_from
from holdfast.checks.regulations import packs
from holdfast.checks.subject import Subject
from holdfast.project.project import Project
from holdfast.project.train import train

APPLICATIONS, LENDER = "applications", "lender"
QUICK = ("params={ num_iterations = 40, num_leaves = 7 }", "folds=3", "bootstrap=50", 'calibration="sigmoid"')
"""Small models, few folds and resamplings."""
LOAD = {"STEADY": 1.5, "WARM": 0.3, "PEAK": 0.3, "BATCHES": 2, "OVER": 1.5, "QUIET": 1_000.0}
"""Load for moments, and on a machine that is not ours alone."""
LIMITS = """least_rate = 100.0
peak_rate = 100.0
most_milliseconds = 500.0
most_batch_seconds = 20.0
most_memory_mb = 512.0
"""
"""So much a busy machine gives in a moment; memory as of a small one."""
USE = "credit"
ALERTS = '[alerts]\nwebhook = "https://alerts.example.org/hook"\n'
PEOPLE = "Who does it, when, and where it is kept: the credit desk, each quarter, in its own book.\n" * 5
IGNORED = ".holdfast/\nmlflow.db\nmlruns/\n*.parquet\n*.version\n"


def papers() -> list[str]:
    """What only people can do, by the names under which the regulations ask for it."""
    named = (name for pack in packs(USE) for duty in pack.duties for name in duty.evidence)
    return sorted({name.removeprefix(DOCUMENT) for name in named if name.startswith(DOCUMENT)})


def settled(folder: Path, settings: str) -> None:
    """A project's settings with limits, alerts and the documents that people wrote."""
    for name in papers():
        (folder / f"{name}.md").write_text(PEOPLE)
    told = ", ".join(f'{name} = "{name}.md"' for name in papers())
    head = "" if "[checks]" in settings else f'[checks]\nuse_case = "{USE}"\n'
    (folder / "holdfast.toml").write_text(f"{settings}{head}{LIMITS}documents = {{ {told} }}\n{ALERTS}")


def hurried(patch: pytest.MonkeyPatch) -> None:
    for name, value in LOAD.items():
        patch.setattr(load, name, value)


def git(folder: Path, *words: str) -> None:
    person = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *person, "-C", str(folder), *words], capture_output=True, check=True)


def committed(folder: Path) -> None:
    (folder / ".gitignore").write_text(IGNORED)
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "the contract and its settings")


Edit = Callable[[str], str]


def same(text: str) -> str:
    return text


def edited(file: Path, edit: Edit) -> None:
    """Change a text; a change that changes nothing would be a fault that is not put in."""
    before = file.read_text()
    after = edit(before)
    if edit is not same and after == before:
        raise ValueError(f"{file.name} stayed as it was")
    file.write_text(after)


@dataclass
class Stage:
    """One fault's project on its way: made, changed, and how it looks as tables."""

    room: Room
    patch: pytest.MonkeyPatch
    changed: dict[str, Any] = field(default_factory=dict)
    """Limits other than the project's."""
    before: Frames | None = None
    """The tables of the data it was trained on, where its data is another now."""
    current: Callable[[pd.DataFrame], pd.DataFrame] = lambda frame: frame
    """What else came since, where it stands in no file of the history."""

    @property
    def folder(self) -> Path:
        return self.room.folder / "project"

    @property
    def limits(self) -> Limits:
        return replace(limits_from(Project.open(self.folder).settings.checks), **self.changed)

    def applications(
        self,
        change: Change | None = None,
        words: Sequence[str] = (),
        *,
        contract: Edit = same,
        under_git: bool = True,
        meanwhile: Callable[[Path], None] = lambda _: None,
    ) -> Project:
        """A project with version 1, trained on the history as it was changed; `meanwhile`: after the commit."""
        made = applications.columns(self.room.seed)
        if change is not None:
            change(made)
        applications.write(self.folder, made)
        edited(self.folder / "contract.py", contract)
        settled(self.folder, applications.SETTINGS)
        return self._trained(words, under_git, meanwhile)

    def lender(
        self,
        change: Callable[[pa.Table], pa.Table] = lambda table: table,
        words: Sequence[str] = (),
        *,
        contract: Edit = same,
        under_git: bool = True,
        meanwhile: Callable[[Path], None] = lambda _: None,
    ) -> Project:
        """The lender with version 1, likewise."""
        (self.folder / "data").mkdir(parents=True)
        (self.folder / "contract.py").write_text(lender.CONTRACT)
        edited(self.folder / "contract.py", contract)
        settled(self.folder, lender.SETTINGS)
        pq.write_table(change(lender.loans(seed=self.room.seed)), self.folder / "data" / "loans.parquet")
        return self._trained(words, under_git, meanwhile)

    def _trained(self, words: Sequence[str], under_git: bool, meanwhile: Callable[[Path], None]) -> Project:
        if under_git:
            committed(self.folder)
        meanwhile(self.folder)
        if self.room.registry is not None:
            shutil.copy(self.room.registry, self.folder / "mlflow.db")
        project = Project.open(self.folder)
        train(project, changes=[*QUICK, *words])
        return project

    def copied(self) -> Project:
        """The clean project of this base and seed, in the fault's own folder. Artifacts of its registry stay there."""
        shutil.copytree(self.room.clean, self.folder)
        return Project.open(self.folder)

    def version(self, number: str = "1") -> Subject:
        return subject_of(Project.open(self.folder), number)

    def later(self, change: Change) -> Subject:
        """The clean applications, and their history as it is now.

        Raises HoldfastError, as the gate would, where that cannot be read at all.
        """
        self.before = frames.of(subject_of(self.copied(), "1"))
        made = applications.columns(self.room.seed)
        change(made)
        settings, contract = ((self.folder / name).read_text() for name in ("holdfast.toml", "contract.py"))
        applications.write(self.folder, made)
        (self.folder / "holdfast.toml").write_text(settings)
        (self.folder / "contract.py").write_text(contract)
        return self.version()

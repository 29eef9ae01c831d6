"""The journey of `holdfast drill`: a sandbox of the project, or of templates made for it; every drill asked for."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from holdfast.contract.values import instant
from holdfast.drills.catalog import DRILLS, KNOWN, chosen
from holdfast.drills.command import command, done
from holdfast.drills.left import left
from holdfast.drills.run import Drills, Ran
from holdfast.drills.sandbox import Sandbox
from holdfast.project.project import Project
from holdfast.project.start import start
from holdfast.simulate.credit import applications

CREDIT_DAYS = 210
"""Of applications, closer together than the template's own two years, so that weeks of them are worth watching."""
ROWS = {"cards": 48_000, "fraud": 36_000, "credit": 36_000}
"""Of the simulated history of each template: two to five hundred a day, so that a watch has something to go by."""
END = "2026-11-22T12:00:00Z"
"""Where their history ends: on whatever day and hour a drill is run, it is the same traffic, and the same model."""
Say = Callable[[str], None]
Tell = Callable[[Ran], None]


def quiet(_: object) -> None:
    """Nobody wants to hear."""


def drill(project: Project, names: Sequence[str], *, say: Say = quiet, tell: Tell = quiet) -> list[Ran]:
    """Run these drills (none named: all, those that incidents left among them) on a copy of this project, beside its
    ledger on the same disk.
    """
    project.home.mkdir(parents=True, exist_ok=True)
    return _run(project, names, project.home, say, tell)


def drill_template(template: str, names: Sequence[str], *, say: Say = quiet, tell: Tell = quiet) -> list[Ran]:
    """The same on a fresh project of a template, which is thrown away. Raises HoldfastError for an unknown one."""
    home = Path(tempfile.mkdtemp(prefix=".drill-", dir=Path.cwd()))
    try:
        say(f"making a {template} project and training it")
        prepared(template, home / "project")
        return _run(Project.open(home / "project"), names, home, say, tell)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def prepared(template: str, folder: Path) -> None:
    """A project of a template with a simulated history, and a first version."""
    start(template, template, folder, rows=ROWS.get(template), end=END, data=template != "credit")
    if template == "credit":
        applications(ROWS[template], days=CREDIT_DAYS, end=instant(END)).write(folder / "data" / "applications.parquet")
    done(command(folder, "train"))


def _run(project: Project, names: Sequence[str], home: Path, say: Say, tell: Tell) -> list[Ran]:
    own = left(project.folder, KNOWN)
    drills = chosen(list(names), own) if names else (*DRILLS, *own)
    work = Path(tempfile.mkdtemp(prefix=".drill-", dir=home))
    try:
        sandbox = Sandbox(project, work, say=say)
        return Drills(sandbox, project.name, say=say).run(drills, tell)
    finally:
        shutil.rmtree(work, ignore_errors=True)

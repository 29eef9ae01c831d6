"""A small project with versions that the gate can look at on a real server, and servers that are not sound."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from holdfast.bundle.bundle import Bundle
from holdfast.checks import load
from holdfast.checks.check import Answer, Check
from holdfast.checks.limits import Limits
from holdfast.checks.rehearsal import promotion
from holdfast.checks.subject import Subject
from holdfast.checks.verdict import examine
from holdfast.project.build import features
from holdfast.project.bundles import history, opened
from holdfast.project.history import build_state
from holdfast.project.project import Project
from holdfast.project.start import start
from holdfast.project.train import told, train
from holdfast.training import train as training

QUICK = ("params={ num_iterations = 10 }", "folds=2", "bootstrap=0")


def project(
    folder: Path, *, versions: int = 1, registered: bool = False, template: str = "fraud", rows: int = 2_000
) -> Project:
    """A project of a template with trained versions, none of them live; one is in MLflow where told."""
    start("shop", template, folder, rows=rows)
    made = Project.open(folder)
    for number in range(1, versions + 1):
        words = (*QUICK, f"seed={number}")
        if registered and number == 1:
            bundle = train(made, changes=words).trained.bundle
        else:
            place = made.bundles_path / "made"
            done = training.train(made.contract, features(made), told(made, None, (), words), place, author="ada")
            bundle = place.rename(made.bundles_path / done.bundle).name
        (made.folder / f"{number}.version").write_text(bundle)
    return made


def version(made: Project, number: str) -> Bundle:
    return opened(made, (made.folder / f"{number}.version").read_text())


@contextmanager
def subject(made: Project, number: str = "1", **settings: Any) -> Iterator[Subject]:
    """A version before the gate, with settings of the project changed; what was started for it is ended."""
    bundle, live = version(made, number), history(made).live()
    champion = None if live is None or live.bundle == bundle.hash else opened(made, live.bundle)
    place = replace(made, settings=replace(made.settings, **settings))
    found = Subject(number, bundle, features(made), champion, place)
    try:
        yield found
    finally:
        found.close()


def asked(check: Check, what: Subject, **limits: Any) -> Answer:
    """The check's answer, as the gate would have it: a check that raises has crashed."""
    verdict = examine(what, [check], Limits(**limits), clock=lambda: 1_800_000_000.0)
    return verdict.asked[0].answer


def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Load for moments only."""
    for name, value in {"STEADY": 1.0, "WARM": 0.2, "PEAK": 0.3, "BATCHES": 2}.items():
        monkeypatch.setattr(load, name, value)


def spoilt_servers(monkeypatch: pytest.MonkeyPatch, folder: Path, code: str) -> None:
    """From now on every server of ours runs `code` before anything else."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(folder))


def live(made: Project, number: str) -> None:
    """Make a version champion in the ledger, past every door."""
    bundle = version(made, number)
    with made.writing() as (state, writer):
        build_state(made, state, [bundle.contract], writer)
        writer.commit([promotion(number, bundle)])


def copied(made: Project, folder: Path) -> Project:
    shutil.copytree(made.folder, folder)
    return Project.open(folder)

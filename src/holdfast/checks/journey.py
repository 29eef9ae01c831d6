"""The journey of `holdfast check`: open a version with its rows, ask everything, keep what was found."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from holdfast.checks.catalog import CHECKS
from holdfast.checks.check import Check
from holdfast.checks.limits import limits_from
from holdfast.checks.subject import Subject
from holdfast.checks.verdict import Verdict, examine
from holdfast.project.project import Project


def subject_of(project: Project, which: str) -> Subject:
    """A registered version (number or alias) with its features as the project's data gives them now.

    Raises HoldfastError when its data or contract is not to be had.
    """
    from holdfast.project.build import features
    from holdfast.project.bundles import history, named, opened
    from holdfast.training.train import trained_from

    version, bundle = named(project, which)
    table = features(project, contract=trained_from(bundle.manifest, bundle.contract))
    live = history(project).live()
    champion = None if live is None or live.bundle == bundle.hash else opened(project, live.bundle)
    return Subject(version, bundle, table, champion, project)


def check(
    project: Project,
    which: str,
    *,
    checks: Sequence[Check] = CHECKS,
    progress: Callable[[Check], None] = lambda _: None,
) -> Verdict:
    """Ask every check of a version. Raises HoldfastError only when there is nothing to ask about."""
    limits = limits_from(project.settings.checks)
    return examine(subject_of(project, which), checks, limits, clock=time.time, progress=progress)

"""The journey of `holdfast check`: open a version with its rows, ask everything, keep what was found, write it down."""

from __future__ import annotations

import difflib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from holdfast.checks.catalog import CHECKS
from holdfast.checks.check import CATEGORIES, Check
from holdfast.checks.limits import limits_from
from holdfast.checks.report.keep import Kept, describe, digest_of, keep, previous
from holdfast.checks.report.page import page
from holdfast.checks.report.words import sentence
from holdfast.checks.subject import Subject
from holdfast.checks.verdict import Verdict, Waiver, examine
from holdfast.errors import HoldfastError, Problem
from holdfast.project.project import Project

Progress = Callable[[Check], None]


@dataclass(frozen=True)
class Examined:
    """A verdict as it was told; `kept` is None where only a part was asked, which is no verdict."""

    verdict: Verdict
    told: dict[str, Any]
    page: str
    kept: Kept | None

    @property
    def ok(self) -> bool:
        return self.verdict.ok

    def summary(self) -> str:
        """The verdict in words."""
        return sentence(self.told)

    def as_dict(self) -> dict[str, Any]:
        return self.told if self.kept is None else {**self.told, "kept": self.kept.as_dict()}


def subject_of(project: Project, which: str) -> Subject:
    """A registered version (number or alias) with its features as the project's data gives them now.

    Raises HoldfastError when its data or contract is not to be had.
    """
    from holdfast.project.build import features
    from holdfast.project.bundles import history, named, opened
    from holdfast.project.fresh import grounds
    from holdfast.training.train import trained_from

    version, bundle = named(project, which)
    project = grounds(project, bundle.hash)
    table = features(project, contract=trained_from(bundle.manifest, bundle.contract))
    live = history(project).live()
    champion = None if live is None or live.bundle == bundle.hash else opened(project, live.bundle)
    return Subject(version, bundle, table, champion, project)


def check(
    project: Project,
    which: str,
    *,
    checks: Sequence[Check] = CHECKS,
    only: Sequence[str] = (),
    progress: Progress = lambda _: None,
) -> Verdict:
    """Ask checks of a version, with the waivers that hold now; fewer than there are give a part, which is no verdict.

    `only` says by what words they were chosen: then they are a part even if they are all. Raises HoldfastError only
    when there is nothing to ask about.
    """
    from holdfast.project.gate import waivers

    limits = limits_from(project.settings.checks)
    subject = subject_of(project, which)
    held = [
        Waiver(item.code, item.who, item.why, item.until, standing=bool(item.contract))
        for item in waivers(project, subject.bundle.hash)
    ]
    codes = [item.code for item in checks]
    part = only or (codes if any(item.code not in codes for item in CHECKS) else ())
    try:
        return examine(subject, checks, limits, waivers=held, only=part, clock=time.time, progress=progress)
    finally:
        subject.close()


def examined(
    project: Project, which: str, *, only: Sequence[str] = (), progress: Progress = lambda _: None
) -> Examined:
    """Ask every check and keep the verdict, in the project, in MLflow and as a record of the ledger.

    `only` asks a part (codes, or categories by key or name), and keeps nothing. Raises HoldfastError for a name that
    no check has, and when there is nothing to ask about.
    """
    verdict = check(project, which, checks=chosen(only), only=only, progress=progress)
    told = describe(project, verdict)
    if verdict.partial:
        return Examined(verdict, told, page(told), None)
    before = previous(project, told)
    kept = keep(project, verdict)
    _write_down(project, verdict, kept)
    return Examined(verdict, told, page(told, digest=digest_of(told), before=before), kept)


def chosen(only: Sequence[str]) -> Sequence[Check]:
    """The checks that are meant, in the order of the catalog; all of them where nothing is chosen."""
    if not only:
        return CHECKS
    names = {item.code.casefold(): {item.code} for item in CHECKS}
    for category in CATEGORIES:
        codes = {item.code for item in CHECKS if item.category == category}
        words = {category.key.casefold(), category.name, *category.name.split()} - {"and"}
        names |= dict.fromkeys(words, codes)
    problems, codes = [], set()
    for word in only:
        if word.casefold() in names:
            codes |= names[word.casefold()]
        else:
            near = difflib.get_close_matches(word.casefold(), names, 1)
            mend = f"did you mean {near[0].upper()}?" if near else "a code (GATE101) or a category (K1, data)"
            problems.append(Problem("only", "unknown_name", f"there is no check or category {word!r}", mend))
    if problems:
        raise HoldfastError("these checks cannot be chosen", problems=problems)
    if not codes:
        raise HoldfastError("nothing is asked in what was chosen yet", mend="holdfast check without --only")
    return [item for item in CHECKS if item.code in codes]


def _write_down(project: Project, verdict: Verdict, kept: Kept) -> None:
    from holdfast.project.gate import record, waivers

    counted = {item.check.code for item in verdict.asked if item.status == "waived"}
    record(
        project,
        version=verdict.version,
        bundle=verdict.bundle,
        verdict=kept.digest,
        ok=verdict.ok,
        stopping=[item.check.code for item in verdict.stopping],
        counted=[item.seq for item in waivers(project, verdict.bundle) if item.code in counted],
    )

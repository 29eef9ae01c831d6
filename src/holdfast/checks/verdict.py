"""All checks asked, and what follows: a version passes when every required check passed or was waived.

What did not run is no pass: a crash, a check that did not apply, a category in which nothing was asked.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from holdfast.checks.check import CATEGORIES, Answer, Check
from holdfast.checks.limits import Limits
from holdfast.checks.report.plain import plain, text
from holdfast.checks.subject import Subject

SCHEMA = 1


@dataclass(frozen=True)
class Waiver:
    """Somebody takes it upon themselves that a check need not pass: by whom, why, until when (µs UTC)."""

    code: str
    who: str
    why: str
    until: int
    standing: bool = False
    """Of every version of the contract: it answers for a check that does not apply, and for no failure."""

    def covers(self, status: str) -> bool:
        return status == "not_applicable" if self.standing else status != "passed"


@dataclass(frozen=True)
class Asked:
    """One check and its answer."""

    check: Check
    answer: Answer
    seconds: float
    waiver: Waiver | None = None

    @property
    def status(self) -> str:
        """A waiver shows, and does not hide that the check passed all the same."""
        status = self.answer.status
        return "waived" if self.waiver is not None and self.waiver.covers(status) else status

    @property
    def stops(self) -> bool:
        """Whether the version may not pass because of it."""
        return self.check.severity == "required" and self.status not in ("passed", "waived")

    def as_dict(self) -> dict[str, Any]:
        return {
            "code": self.check.code,
            "category": self.check.category.key,
            "title": self.check.title,
            "severity": self.check.severity,
            "status": self.status,
            "why": self.answer.why,
            "mend": self.answer.mend,
            "evidence": dict(self.answer.evidence),
            "seconds": round(self.seconds, 3),
            "waiver": None if self.waiver is None else asdict(self.waiver),
        }


@dataclass(frozen=True)
class Verdict:
    """What the gate says of one version, bound to its bundle's hash."""

    version: str
    bundle: str
    asked: tuple[Asked, ...]
    at: str
    """ISO 8601, UTC."""
    only: tuple[str, ...] = ()
    """What was chosen, where not everything was asked: then it is no verdict, whatever was found."""
    limits: Limits = field(default_factory=Limits)
    """By which it was judged."""

    @property
    def partial(self) -> bool:
        return bool(self.only)

    @property
    def stopping(self) -> tuple[Asked, ...]:
        return tuple(item for item in self.asked if item.stops)

    @property
    def unasked(self) -> tuple[str, ...]:
        """Categories in which no required check was asked."""
        asked = {item.check.category.key for item in self.asked if item.check.severity == "required"}
        return tuple(item.key for item in CATEGORIES if item.key not in asked)

    @property
    def ok(self) -> bool:
        return not self.stopping and not self.unasked and not self.partial

    @property
    def exit_code(self) -> int:
        """0 passed, 1 not, 3 when a required check crashed: then it is not known."""
        if any(item.status == "crashed" and item.stops for item in self.asked):
            return 3
        return 0 if self.ok else 1

    def as_dict(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "version": self.version,
            "bundle": self.bundle,
            "at": self.at,
            "ok": self.ok,
            "partial": self.partial,
            "unasked": list(self.unasked),
            "checks": [item.as_dict() for item in self.asked],
        }


def examine(
    subject: Subject,
    checks: Sequence[Check],
    limits: Limits = Limits(),  # noqa: B008 — frozen
    *,
    waivers: Iterable[Waiver] = (),
    only: Sequence[str] = (),
    clock: Callable[[], float],
    progress: Callable[[Check], None] = lambda _: None,
) -> Verdict:
    """Ask every check, whatever the others say; those that weigh the others' answers last. `clock`: Unix seconds.

    `only` says that `checks` are a part, and what they were chosen by.
    """
    now = clock()
    valid = {item.code: item for item in waivers if item.until > now * 1_000_000}
    asked: list[Asked] = []
    for item in sorted(checks, key=lambda item: item.weigh is not None):
        progress(item)
        began = clock()
        asked.append(Asked(item, _answer(item, subject, limits, asked), clock() - began, valid.get(item.code)))
    place = {item.code: at for at, item in enumerate(checks)}
    asked.sort(key=lambda item: place[item.check.code])
    at = datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds")
    return Verdict(subject.version, subject.bundle.hash, tuple(asked), at, tuple(only), limits)


def _answer(check: Check, subject: Subject, limits: Limits, asked: Sequence[Asked]) -> Answer:
    try:
        found = check.ask(subject, limits) if check.weigh is None else check.weigh(subject, limits, asked)
        # What has no JSON form is the check's own fault; a number that is none becomes null.
        return Answer(found.status, text(found.why), text(found.mend), plain(found.evidence))
    except Exception as error:  # noqa: BLE001 — whatever it is, the others are asked all the same
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{last.filename.rpartition('/')[2]}:{last.lineno}"
        what = text(f"the check itself failed: {type(error).__name__}: {error}")
        evidence = {"error": text(repr(error)), "where": where}
        return Answer("crashed", what, "this is a fault of the check; tell us", evidence)

"""The gate of a project: what was examined, who answers for it, and what may still pass."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from holdfast.contract.values import timestamp_text
from holdfast.errors import HoldfastError, Problem
from holdfast.project.keys import seconds
from holdfast.project.people import Person, person, proven
from holdfast.project.project import Project

if TYPE_CHECKING:
    from holdfast.ledger.read import LedgerReader
    from holdfast.ledger.records import Approval, ApprovalAction, Examination, Record, Waiver
    from holdfast.registry.gate import Found, Gate, People

T = TypeVar("T", bound="Examination | Approval | Waiver")
_CODE = re.compile(r"GATE\d{3,4}")


def gate(project: Project) -> Gate:
    """The door of this project: asked by every promotion, rollback and experiment."""
    from holdfast.access import keys
    from holdfast.ledger.read import LedgerReader
    from holdfast.ledger.writer import now_micros
    from holdfast.registry.gate import Gate

    return Gate(
        records=_ReadOn(LedgerReader(project.ledger_path)),
        author=lru_cache(maxsize=16)(lambda bundle: author(project, bundle)),
        keys=lambda: keys.read(project.home),
        clock=now_micros,
        wanted=max(1, project.settings.approvals_wanted),
    )


class _ReadOn:
    """The ledger's records about the gate, each time with what came since: when a promotion is asked about again nobody
    else can write, so a long ledger must not be read from its beginning.
    """

    def __init__(self, reader: LedgerReader) -> None:
        self._reader = reader
        self._held: list[Record] = []

    def __call__(self) -> Sequence[Record]:
        self._held += self._reader.gate(self._reader.walked)
        return self._held


def author(project: Project, bundle: str) -> str:
    """Who trained a bundle, by its own sealed record."""
    from holdfast.project.bundles import opened

    return str(opened(project, bundle).manifest.training.get("who", ""))


def _people(project: Project, bundle: str) -> People:
    from holdfast.access import keys
    from holdfast.ledger.writer import now_micros
    from holdfast.registry.gate import People

    return People(author(project, bundle), keys.read(project.home), now_micros())


def _found(project: Project, bundle: str) -> Found:
    from holdfast.registry.gate import Found

    return Found.of(project.reader.gate(), bundle)


def waivers(project: Project, bundle: str) -> list[Waiver]:
    """Those that hold now, one of each check: the version's own before its contract's, and the last one given."""
    from holdfast.project.bundles import opened

    people, contract = _people(project, bundle), opened(project, bundle).contract.hash
    held = [
        item
        for item in _found(project, bundle).waivers
        if (not item.contract or item.contract == contract) and not people.against_waiver(item)
    ]
    return list({item.code: item for item in sorted(held, key=lambda item: not item.contract)}.values())


def record(
    project: Project,
    *,
    version: str,
    bundle: str,
    verdict: str,
    ok: bool,
    stopping: Sequence[str],
    counted: Sequence[int],
) -> Examination:
    """Write down what the gate said of a version. `verdict` is its hash, `counted` the waivers that it counted on."""
    from holdfast.ledger.records import Examination

    who = person(project)
    return _write(
        project,
        Examination(
            version=version, bundle=bundle, verdict=verdict, ok=ok, stopping=list(stopping), waivers=list(counted),
            who=who.name, key=who.key if "submit" in who.held else "",
        ),
    )  # fmt: skip


@dataclass(frozen=True)
class Said:
    """Somebody's word that is on disk, and what is still lacking."""

    record: Approval | Waiver
    lacking: tuple[Problem, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        item = self.record
        shape = {name: getattr(item, name) for name in ("seq", "version", "bundle", "who", "why")}
        shape["until"] = timestamp_text(item.until) if item.until else None
        shape["did"] = getattr(item, "action", "waive")
        shape["lacking"] = [problem.as_dict() for problem in self.lacking]
        return shape

    def lines(self) -> list[str]:
        item = self.record
        word = _WORDS[getattr(item, "action", "waive")]
        if getattr(item, "contract", ""):
            word = "waived a check, where it does not apply, of every version with the contract of"
        until = f", until {timestamp_text(item.until)}" if item.until else ""
        head = f"{item.who} {word} version {item.version}{until}: {item.why} (record {item.seq})"
        if not self.lacking:
            return [head, f'  it may pass: holdfast promote {item.version} --why "…"']
        return [head, *(f"  still lacking: {problem}" for problem in self.lacking)]


_WORDS = {
    "approve": "approved", "withdraw": "withdrew the approval of", "break_glass": "LAID A HAND ON THE GLASS of",
    "waive": "waived a check of",
}  # fmt: skip


def approve(project: Project, which: str, *, because: str, expires: str | None = None) -> Said:
    """Answer for a version as the gate found it. Raises HoldfastError when this person, or this version, may not."""
    _reason(because)
    who = proven(project, "approve")
    version, bundle = _named(project, which)
    found, people = _found(project, bundle), _people(project, bundle)
    exam = found.examination
    if exam is None or not exam.ok:
        problems = people.objections(found, version, 0)
        raise HoldfastError(f"version {version} is not ready to be approved", where="the gate", problems=problems)
    made = _approval("approve", version, bundle, who, because, exam.verdict, expires)
    if against := people.against(made, exam):
        mend = "let somebody approve it who neither made nor submitted it, with a key that neither of them made"
        raise HoldfastError(f"{who.name} may not approve version {version}: {against}", where="the gate", mend=mend)
    return _said(project, made)


def withdraw(project: Project, which: str, *, because: str) -> Said:
    """Take an approval back: the version may no longer pass, and may not be gone back to. Whoever may approve may."""
    _reason(because)
    who = proven(project, "approve")
    version, bundle = _named(project, which)
    return _said(project, _approval("withdraw", version, bundle, who, because, "", None))


def break_glass(project: Project, which: str, *, because: str) -> Said:
    """One hand on the glass: two people within an hour, and the version may pass once, unexamined and unapproved."""
    _reason(because)
    who = person(project)
    if not who.key or not {"approve", "deploy"} & who.held:
        who = proven(project, "deploy")
    version, bundle = _named(project, which)
    return _said(project, _approval("break_glass", version, bundle, who, because, "", None))


def waive(project: Project, code: str, which: str, *, because: str, expires: str, contract: bool = False) -> Said:
    """Take it upon oneself that a version need not pass a check, for a time. Raises HoldfastError as `approve` does.

    `contract`: nor any other version of its contract, as long as the check does not apply to it. A failure is always
    answered for version by version.
    """
    from holdfast.ledger.records import Waiver
    from holdfast.project.bundles import opened

    _reason(because)
    if not _CODE.fullmatch(code):
        raise HoldfastError(f"{code!r} is no code of a check", mend="as `holdfast check` names it: GATE101")
    who = proven(project, "approve")
    version, bundle = _named(project, which)
    people = _people(project, bundle)
    until = people.now + seconds(expires) * 1_000_000
    made = Waiver(
        code=code, version=version, bundle=bundle, who=who.name, key=who.key, why=because, until=until,
        contract=opened(project, bundle).contract.hash if contract else "",
    )  # fmt: skip
    if against := people.against_waiver(made):
        mend = "let somebody waive it who did not make it, with a key that its author did not make"
        raise HoldfastError(f"{who.name} may not waive it: {against}", where="the gate", mend=mend)
    return _said(project, made)


def _said(project: Project, made: Approval | Waiver) -> Said:
    kept = _write(project, made)
    from holdfast.registry.door import Wish

    wish = Wish("promote", "champion", kept.version, kept.bundle, "", kept.who, kept.why)
    return Said(kept, tuple(gate(project).vetoes(wish)))


def _approval(
    action: ApprovalAction, version: str, bundle: str, who: Person, why: str, verdict: str, expires: str | None
) -> Approval:
    from holdfast.ledger.records import Approval
    from holdfast.ledger.writer import now_micros

    until = 0 if expires is None else now_micros() + seconds(expires) * 1_000_000
    return Approval(
        action=action, version=version, bundle=bundle, verdict=verdict, who=who.name, key=who.key, why=why, until=until
    )


def _named(project: Project, which: str) -> tuple[str, str]:
    from holdfast.project.bundles import named

    version, bundle = named(project, which)
    return version, bundle.hash


def _write(project: Project, made: T) -> T:
    with project.writing() as (_, writer):
        kept = writer.commit([made])[0]
    assert type(kept) is type(made)
    return kept


def _reason(why: str) -> None:
    if not why.strip():
        problem = Problem("because", "missing", "no reason is given", 'say why, in a few words: --because "…"')
        raise HoldfastError("this cannot be written down", problems=[problem])


def spoken(project: Project) -> Iterator[dict[str, Any]]:
    """Every examination, approval, withdrawal, hand on the glass and waiver, oldest first."""
    from holdfast.ledger.records import Approval, Examination, Waiver

    for item in project.reader.gate():
        row = {
            "when": timestamp_text(item.received_at),
            "version": getattr(item, "version", ""),
            "who": getattr(item, "who", ""),
        }
        if isinstance(item, Examination):
            said = "passed" if item.ok else f"stopped by {', '.join(item.stopping) or 'what was not asked'}"
            yield {**row, "what": "examined", "why": f"{said}, verdict {item.verdict[:12]}", "seq": item.seq}
        elif isinstance(item, Approval):
            yield {**row, "what": item.action.replace("_", " "), "why": item.why, "seq": item.seq}
        elif isinstance(item, Waiver):
            of = ", every version of its contract" if item.contract else ""
            yield {**row, "what": f"waived {item.code}{of}", "why": item.why, "seq": item.seq}

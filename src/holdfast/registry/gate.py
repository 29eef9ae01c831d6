"""The gate as a door: no version answers that was not examined, and approved by somebody who did not make it.

It decides from what the ledger holds. An approval holds for one bundle and one verdict: when either is another, so is
what was approved. A bundle that changed is refused before the door is asked, because its bytes are its name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from holdfast.access.keys import Key, Keys
from holdfast.access.roles import permissions
from holdfast.errors import Problem
from holdfast.ledger.records import Approval, Examination, Promotion, Record, Waiver
from holdfast.registry.door import Wish

GLASS_HOURS = 1
"""How long a broken glass lies open, and the time in which two people must break it."""
_HOUR = 3_600_000_000
OPEN = ("shadow", "archive", "alias")
"""What makes nothing answer: a shadow, an archived version, an alias that no server follows."""


@dataclass(frozen=True)
class Gate:
    """Asked before a version may answer. `records` reads the ledger anew, `author` is who made a bundle by its hash.

    `clock` answers µs UTC.
    """

    records: Callable[[], Iterable[Record]]
    author: Callable[[str], str]
    keys: Callable[[], Keys]
    clock: Callable[[], int]
    wanted: int = 1
    """Approvals by different people."""

    def vetoes(self, wish: Wish) -> Sequence[Problem]:
        return self._look(wish)[0]

    def passed(self, wish: Wish) -> str:
        """What it may pass on, in words for the history; empty where nothing was needed."""
        return self._look(wish)[1]

    def _look(self, wish: Wish) -> tuple[list[Problem], str]:
        if wish.action in OPEN:
            return [], ""
        found = Found.of(self.records(), wish.bundle)
        # Keys and author are read only when they matter: a rollback at night must not fail for want of them.
        if wish.action == "rollback":
            return self._withdrawn(found), ""
        people = People(self.author(wish.bundle), self.keys(), self.clock())
        broken = people.glass(found)
        if len(broken) > 1:
            return [], "BROKEN GLASS by " + " and ".join(broken)
        problems = people.objections(found, wish.version, self.wanted)
        if problems:
            return problems, ""
        exam = found.examination
        assert exam is not None
        names = " and ".join(item.who for item in people.approvals(found))
        waived = f", {len(exam.waivers)} waived" if exam.waivers else ""
        return [], f"verdict {exam.verdict[:12]}{waived}, approved by {names}"

    def _withdrawn(self, found: Found) -> list[Problem]:
        """Going back is for emergencies, and to what was live once: only a withdrawal stands against it."""
        last = found.approvals[-1] if found.approvals else None
        if last is None or last.action != "withdraw":
            return []
        what = f"{last.who} withdrew the approval: {last.why}"
        return [Problem("approval", "withdrawn", what, "promote another version, or have this one approved again")]


@dataclass(frozen=True)
class Found:
    """What the ledger holds about one bundle."""

    examination: Examination | None
    """The last one."""
    approvals: tuple[Approval, ...]
    """Approvals and withdrawals, in order."""
    glass: tuple[Approval, ...]
    """Hands on the glass since it was last used."""
    waivers: tuple[Waiver, ...]
    """Its own, and those of contracts: what the examination counted on is among them."""

    @classmethod
    def of(cls, records: Iterable[Record], bundle: str) -> Found:
        examination: Examination | None = None
        approvals: list[Approval] = []
        glass: list[Approval] = []
        waivers: list[Waiver] = []
        for record in records:
            if isinstance(record, Promotion) and record.bundle == bundle and record.passed.startswith("BROKEN"):
                glass.clear()
            elif isinstance(record, Examination) and record.bundle == bundle:
                examination = record
            elif isinstance(record, Waiver) and (record.bundle == bundle or record.contract):
                waivers.append(record)
            elif isinstance(record, Approval) and record.bundle == bundle:
                (glass if record.action == "break_glass" else approvals).append(record)
        return cls(examination, tuple(approvals), tuple(glass), tuple(waivers))


@dataclass(frozen=True)
class People:
    """Who may answer for a version: holders of keys that are valid now (µs UTC), other than who made it."""

    author: str
    keys: Keys
    now: int

    def objections(self, found: Found, version: str, wanted: int) -> list[Problem]:
        """Why it may not pass; none when it may."""
        exam = found.examination
        again = f"holdfast check {version}"
        if exam is None:
            return [Problem("verdict", "missing", "the gate never examined this version", again)]
        if not exam.ok:
            what = f"the gate stopped it: {', '.join(exam.stopping) or 'not everything was asked'}"
            return [Problem("verdict", "failed", what, f"mend what it names, or have it waived; then {again}")]
        submitted = self._key(exam.key)
        if submitted is None or not same(submitted.name, exam.who) or "submit" not in permissions(submitted.roles):
            what = f"nobody proved who asked for the verdict ({exam.who} is only what the machine says)"
            return [Problem("verdict", "unproved", what, f"HOLDFAST_KEY=… {again}, with an operator's key")]
        problems = self._waivers(found, exam, again)
        given = self.approvals(found)
        if len(given) < wanted:
            told = [self.against(item, exam) for item in _last(found.approvals)]
            what = f"{len(given)} of {wanted} approvals hold" + "".join(f"; {item}" for item in told if item)
            mend = f'somebody else: HOLDFAST_KEY=… holdfast approve {version} --because "…", with an approver\'s key'
            problems.append(Problem("approval", "missing", what, mend))
        return problems

    def _waivers(self, found: Found, exam: Examination, again: str) -> list[Problem]:
        """A verdict falls with a waiver that it counted on."""
        return [
            Problem("verdict", "waiver", f"the waiver of {item.code} no longer holds: {why}", again)
            for item in found.waivers
            if item.seq in exam.waivers and (why := self.against_waiver(item))
        ]

    def against_waiver(self, item: Waiver) -> str:
        """Why a waiver does not hold; empty when it does."""
        if item.until <= self.now:
            return f"{item.who} gave it until then only"
        return self._why_not_this_person(item.who, item.key, "approve", ())

    def against_second(self, who: str, key: str, first: str) -> str:
        """Why somebody is no second person to what `first` asked for; empty when they are."""
        return self._why_not_this_person(who, key, "approve", (first,))

    def approvals(self, found: Found) -> list[Approval]:
        """Those that hold, one for each person."""
        exam = found.examination
        if exam is None:
            return []
        return [item for item in _last(found.approvals) if not self.against(item, exam)]

    def against(self, item: Approval, exam: Examination) -> str:
        """Why an approval does not hold; empty when it does."""
        if item.action == "withdraw":
            return f"{item.who} withdrew it: {item.why}"
        if item.verdict != exam.verdict:
            return f"{item.who} approved another verdict"
        if item.until and item.until <= self.now:
            return f"{item.who}'s has expired"
        return self._why_not_this_person(item.who, item.key, "approve", (exam.who,))

    def _why_not_this_person(self, who: str, key: str, permission: str, apart: Sequence[str]) -> str:
        """Whether who holds a valid key with the permission and is neither the author nor one of `apart`, nor has the
        key from one of them: to make oneself a second key is no second person.
        """
        found = self._key(key)
        if found is None or not same(found.name, who):
            return f"{who}'s key is not known here"
        state = found.state(self.now / 1e6)
        if state != "valid":
            return f"{who}'s key is {state}"
        if permission not in permissions(found.roles):
            return f"{who} may not {permission}"
        for other in (self.author, *apart):
            if same(who, other):
                return f"{who} made or submitted it"
            if same(found.created_by, other):
                return f"{who}'s key was made by {found.created_by}, who made or submitted it"
        return ""

    def glass(self, found: Found) -> list[str]:
        """The different people whose hands are on the glass now; two open it. One may be the author."""
        hands: list[tuple[str, Key]] = []
        for item in found.glass:
            key = self._key(item.key)
            if (
                item.received_at <= self.now - GLASS_HOURS * _HOUR
                or key is None
                or key.state(self.now / 1e6) != "valid"
            ):
                continue
            if not {"approve", "deploy"} & permissions(key.roles) or not same(key.name, item.who):
                continue
            if same(key.created_by, self.author):
                continue
            if any(_one(item.who, key, who, other) for who, other in hands):
                continue
            hands.append((item.who, key))
        return [who for who, _ in hands]

    def _key(self, name: str) -> Key | None:
        return next((item for item in self.keys.all if item.id == name), None)


def same(one: str, other: str) -> bool:
    """Whether two names mean one person: `ada`, `Ada` and `ada@laptop` do."""
    return _plain(one) == _plain(other)


def _plain(name: str) -> str:
    return name.removeprefix("jwt:").partition("@")[0].strip().casefold()


def _one(who: str, key: Key, other: str, others: Key) -> bool:
    """Whether two hands are one person's: by name, or because one made the other's key."""
    return same(who, other) or same(key.created_by, other) or same(others.created_by, who)


def _last(approvals: Iterable[Approval]) -> list[Approval]:
    """The last word of each person."""
    return list({_plain(item.who): item for item in approvals}.values())

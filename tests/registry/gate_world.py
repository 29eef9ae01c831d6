"""A small world of people, keys and versions for the gate, and an oracle that remembers all of it for itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from holdfast.access.keys import Key, Keys
from holdfast.ledger.records import Approval, Examination, Promotion, Record, Waiver
from holdfast.registry.door import Wish
from holdfast.registry.gate import Gate

HOUR = 3_600_000_000
AUTHOR = "ada"
ROLES = {
    "ada": ("operator",),
    "Ada": ("approver",),  # the author again, as another writes the name
    "bob": ("operator",),
    "eve": ("approver",),
    "kim": ("approver",),
    "mallory": ("approver",),  # whose key the author made
    "trudy": ("approver",),  # whose key bob made
    "shop": ("scorer",),
}
MADE_BY = {"mallory": "ada", "trudy": "bob"}
PEOPLE = tuple(ROLES)


def key(name: str, **more: Any) -> Key:
    told: dict[str, Any] = {"id": f"k-{name}", "name": name, "roles": ROLES[name], "digest": "0" * 64, "created": 0}
    return Key(**{**told, "created_by": MADE_BY.get(name, "keeper"), **more})


@dataclass
class Verdict:
    number: int
    ok: bool
    who: str
    proved: bool
    waivers: list[tuple[str, int]]
    """(who, until) of each that it counted on."""


@dataclass
class Version:
    name: str
    verdict: Verdict | None = None
    approved: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Person, as one person: number of the verdict, until when (0: for good)."""
    withdrawn: bool = False
    """Whether the last word said of it took an approval back."""
    hands: list[tuple[str, int]] = field(default_factory=list)
    waived: list[tuple[str, int]] = field(default_factory=list)


@dataclass
class World:
    """What happened, twice: as records for the gate, and as the oracle understands it."""

    wanted: int = 1
    gate: type[Gate] = Gate
    now: int = 1_000 * HOUR
    records: list[Record] = field(default_factory=list)
    revoked: set[str] = field(default_factory=set)
    versions: dict[str, Version] = field(default_factory=lambda: {"1": Version("1"), "2": Version("2")})
    champions: list[str] = field(default_factory=list)

    def door(self) -> Gate:
        return self.gate(
            records=lambda: iter(self.records),
            author=lambda bundle: f"{AUTHOR}@laptop",
            keys=self.keys,
            clock=lambda: self.now,
            wanted=self.wanted,
        )

    def keys(self) -> Keys:
        return Keys(key(name, revoked=0 if name in self.revoked else None) for name in PEOPLE)

    def write(self, record: Record) -> Record:
        record.seq, record.received_at = len(self.records) + 1, self.now
        self.records.append(record)
        return record

    # What people do. Each writes a record as the journeys do, also where they would refuse it: the door must not need
    # their help.

    def check(self, number: str, who: str, ok: bool, proved: bool) -> None:
        version = self.versions[number]
        counted = self.waivers_of(number)[-1:]
        made = len(self.records) + 1
        self.write(
            Examination(
                version=number, bundle=f"b{number}", verdict=f"verdict {made}", ok=ok, stopping=["GATE101"][ok:],
                waivers=[item.seq for item in counted], who=who, key=f"k-{who}" if proved else "",
            )
        )  # fmt: skip
        version.verdict = Verdict(made, ok, who, proved, [(item.who, item.until) for item in counted])

    def waivers_of(self, number: str) -> list[Waiver]:
        return [item for item in self.records if isinstance(item, Waiver) and item.version == number]

    def waive(self, number: str, who: str, hours: int) -> None:
        until = self.now + hours * HOUR
        told: dict[str, Any] = {"code": "GATE101", "version": number, "bundle": f"b{number}", "why": "it will do"}
        self.write(Waiver(**told, who=who, key=f"k-{who}", until=until))

    def approve(self, number: str, who: str, hours: int, action: Any = "approve") -> None:
        version = self.versions[number]
        verdict = version.verdict
        until = self.now + hours * HOUR if hours else 0
        name = "" if verdict is None or action == "withdraw" else f"verdict {verdict.number}"
        told: dict[str, Any] = {"version": number, "bundle": f"b{number}", "why": "I looked"}
        self.write(Approval(**told, action=action, verdict=name, who=who, key=f"k-{who}", until=until))
        version.withdrawn = action == "withdraw"
        if action == "withdraw":
            version.approved.pop(who.casefold(), None)
        else:
            version.approved[who.casefold()] = (verdict.number if verdict else 0, until)

    def lay_hand(self, number: str, who: str) -> None:
        told: dict[str, Any] = {"version": number, "bundle": f"b{number}", "why": "it burns"}
        self.write(Approval(**told, action="break_glass", who=who, key=f"k-{who}"))
        self.versions[number].hands.append((who, self.now))

    def wish(self, number: str, action: str = "promote") -> Wish:
        return Wish(action, "champion", number, f"b{number}", "c", "whoever", "because")

    def promote(self, number: str, action: Any = "promote") -> bool:
        """Whether the door let it pass; then it is champion."""
        door, wish = self.door(), self.wish(number, action)
        if door.vetoes(wish):
            return False
        passed = door.passed(wish)
        told: dict[str, Any] = {"alias": "champion", "version": number, "bundle": f"b{number}", "contract": "c"}
        self.write(Promotion(**told, action=action, who="whoever", why="because", passed=passed))
        self.champions.append(number)
        return True

    # What the oracle thinks of it.

    def may_pass(self, number: str) -> bool:
        return self.glass_is_broken(number) or self.is_approved(number)

    def is_approved(self, number: str) -> bool:
        version = self.versions[number]
        verdict = version.verdict
        if verdict is None or not verdict.ok or not verdict.proved or "operator" not in ROLES[verdict.who]:
            return False
        if not all(self._waiver_holds(who, until) for who, until in verdict.waivers):
            return False
        good = [
            who
            for who, (of, until) in version.approved.items()
            if of == verdict.number and (until == 0 or until > self.now) and self._stands_apart(who, verdict.who)
        ]
        return len(good) >= self.wanted

    def _stands_apart(self, person: str, submitter: str) -> bool:
        """Of the people: eve, kim, and trudy where bob did not submit."""
        if person in self.revoked:
            return False
        return person in {"eve", "kim"} or (person == "trudy" and submitter != "bob")

    def _waiver_holds(self, who: str, until: int) -> bool:
        return until > self.now and who in {"eve", "kim", "trudy"} and who not in self.revoked

    def glass_is_broken(self, number: str) -> bool:
        fresh = {
            who
            for who, at in self.versions[number].hands
            if at > self.now - HOUR and who not in self.revoked and who not in ("shop", "mallory")
        }
        persons = {"ada" if who == "Ada" else who for who in fresh}
        return len(persons) > 1 and persons != {"bob", "trudy"}

    def used(self, number: str) -> None:
        self.versions[number].hands.clear()

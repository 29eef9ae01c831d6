"""No path leads to a champion that was not examined, and approved by somebody who neither made nor submitted it."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from tests.registry.gate_world import HOUR, PEOPLE, ROLES, World

from holdfast.registry import gate as source
from holdfast.registry.gate import Gate

APPROVER = st.sampled_from(("eve", "kim", "trudy"))
PERSON = st.one_of(APPROVER, st.sampled_from(PEOPLE))
NUMBER = st.sampled_from(("1", "2"))
SUBMITTER = st.sampled_from(("bob", "bob", "bob", "ada", "eve", "shop"))
MOSTLY = st.sampled_from((True, True, True, False))
HOURS = st.sampled_from((0, 1, 5))


def machine(gate: type[Gate] = Gate) -> type[RuleBasedStateMachine]:
    """Anybody does anything in any order; after each step the door and the oracle agree about every version."""

    class Anything(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.world = World(gate=gate)

        @rule(wanted=st.sampled_from((1, 2)))
        def want(self, wanted: int) -> None:
            self.world.wanted = wanted

        @rule(
            number=NUMBER,
            who=PERSON,
            ok=st.sampled_from((True, True, False)),
            proved=st.sampled_from((True, True, False)),
        )
        def check(self, number: str, who: str, ok: bool, proved: bool) -> None:
            self.world.check(number, who, ok, proved)

        @rule(number=NUMBER, who=PERSON, hours=HOURS)
        def approve(self, number: str, who: str, hours: int) -> None:
            self.world.approve(number, who, hours)

        @rule(
            number=NUMBER, by=SUBMITTER, ok=MOSTLY, proved=MOSTLY, who=PERSON, hours=HOURS, waiver=st.none() | PERSON,
            again=st.sampled_from((False, False, True)),
        )  # fmt: skip
        def ask_for_a_verdict_and_have_it_approved(
            self, number: str, by: str, ok: bool, proved: bool, who: str, hours: int, waiver: str | None, again: bool
        ) -> None:
            if waiver is not None:
                self.world.waive(number, waiver, 5)
            self.world.check(number, by, ok, proved)
            self.world.approve(number, who, hours)
            if again:
                self.world.check(number, by, ok, proved)

        @rule(number=NUMBER, one=PERSON, other=PERSON)
        def lay_two_hands(self, number: str, one: str, other: str) -> None:
            self.world.lay_hand(number, one)
            self.world.lay_hand(number, other)

        @rule(number=NUMBER, who=APPROVER)
        def withdraw(self, number: str, who: str) -> None:
            self.world.approve(number, who, 0, "withdraw")

        @rule(number=NUMBER, who=PERSON, hours=st.sampled_from((1, 5)))
        def waive(self, number: str, who: str, hours: int) -> None:
            self.world.waive(number, who, hours)

        @rule(number=NUMBER, who=PERSON)
        def lay_hand(self, number: str, who: str) -> None:
            self.world.lay_hand(number, who)

        @rule(who=st.sampled_from(("eve", "kim", "bob")))
        def revoke(self, who: str) -> None:
            self.world.revoked.add(who)

        @rule()
        def give_back_all_keys(self) -> None:
            self.world.revoked.clear()

        @rule(minutes=st.sampled_from((1, 61, 61, 400)))
        def wait(self, minutes: int) -> None:
            self.world.now += minutes * HOUR // 60

        @rule(number=NUMBER)
        def promote(self, number: str) -> None:
            glass = self.world.glass_is_broken(number)
            passed = self.world.promote(number)
            assert passed == self.world.may_pass(number)
            if passed and glass:
                assert self.world.records[-1].passed.startswith("BROKEN GLASS by ")  # type: ignore[union-attr]
                self.world.used(number)

        @invariant()
        def the_door_and_the_oracle_agree(self) -> None:
            world = self.world
            for number in ("1", "2"):
                assert (not world.door().vetoes(world.wish(number))) == world.may_pass(number)
                assert (not world.door().vetoes(world.wish(number, "experiment"))) == world.may_pass(number)
                assert not world.door().vetoes(world.wish(number, "shadow"))
                if number in world.champions:
                    vetoed = bool(world.door().vetoes(world.wish(number, "rollback")))
                    assert vetoed == world.versions[number].withdrawn

    return Anything


def ask(gate: type[Gate] = Gate, examples: int = 150) -> None:
    run_state_machine_as_test(
        machine(gate),
        settings=settings(
            max_examples=examples, stateful_step_count=30, deadline=None, derandomize=True, database=None,
            phases=[Phase.generate], report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip


def test_no_path_leads_past_the_gate_and_none_is_shut_that_should_be_open() -> None:
    ask()


MUTANTS = {
    "an examination that failed": ("if not exam.ok:", "if False:"),
    "no examination": ("if exam is None:\n            return [Problem", "if False:\n            return [Problem"),
    "an unproved submitter": ('or "submit" not in permissions(submitted.roles):', "and False:"),
    "anybody submits": ('or "submit" not in permissions(submitted.roles):', ":"),
    "the approval of another verdict": ("if item.verdict != exam.verdict:", "if False:"),
    "an approval for ever": ("if item.until and item.until <= self.now:", "if False:"),
    "the author's approval": ("if same(who, other):", "if False:"),
    "a key that the author made": ("if same(found.created_by, other):", "if False:"),
    "who submitted it approves": ("(exam.who,))", "())"),
    "a revoked key": ('if state != "valid":', "if False:"),
    "any role approves": ("if permission not in permissions(found.roles):", "if False:"),
    "the author by another spelling": (".strip().casefold()", ".strip()"),
    "the author on a laptop": ('.partition("@")[0]', ""),
    "one approval too few": ("if len(given) < wanted:", "if len(given) < 1:"),
    "a waiver that ended": ("if item.until <= self.now:", "if False:"),
    "a waiver nobody asks about": ("if item.seq in exam.waivers and (why", "if False and (why"),
    "a waiver of the author": ('return self._why_not_this_person(item.who, item.key, "approve", ())', 'return ""'),
    "one hand breaks the glass": ("if len(broken) > 1:", "if broken:"),
    "the glass stays broken": ("glass.clear()", "pass"),
    "a broken glass for ever": ("item.received_at <= self.now - GLASS_HOURS * _HOUR", "False"),
    "the glass opens to a revoked key": ('or key.state(self.now / 1e6) != "valid"', ""),
    "the glass opens to a scorer": ('if not {"approve", "deploy"} & permissions(key.roles) or', "if False or"),
    "one person lays both hands": ("if any(_one(item.who, key, who, other) for who, other in hands):", "if False:"),
    "a hand with a key of the author's": ("if same(key.created_by, self.author):", "if False:"),
    "hands that gave each other keys": (
        "return same(who, other) or same(key.created_by, other) or same(others.created_by, who)",
        "return same(who, other)",
    ),
    "an experiment needs nothing": ('OPEN = ("shadow",', 'OPEN = ("experiment", "shadow",'),
    "back to what was withdrawn": ('if last is None or last.action != "withdraw":', "if True:"),
    "another bundle's approval": (
        "elif isinstance(record, Approval) and record.bundle == bundle:",
        "elif isinstance(record, Approval):",
    ),
    "another bundle's verdict": (
        "elif isinstance(record, Examination) and record.bundle == bundle:",
        "elif isinstance(record, Examination):",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", MUTANTS)
def test_a_gate_with_a_hole_is_found_out(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = MUTANTS[what]
    text = Path(source.__file__).read_text()
    assert text.count(old) == 1, what
    changed = ModuleType("a_gate_with_a_hole")
    monkeypatch.setitem(sys.modules, changed.__name__, changed)
    exec(compile(text.replace(old, new), changed.__name__, "exec"), changed.__dict__)
    with pytest.raises((AssertionError, AttributeError)):
        ask(changed.Gate, examples=2_000)


def test_the_history_says_whose_approval_or_whose_hands() -> None:
    world = World()
    world.waive("1", "kim", 5)
    world.check("1", "bob", ok=True, proved=True)
    world.approve("1", "eve", 0)
    assert world.promote("1")
    assert world.door().passed(world.wish("1")) == "verdict verdict 2, 1 waived, approved by eve"
    world.lay_hand("2", "bob")
    world.lay_hand("2", "kim")
    assert world.door().passed(world.wish("2")) == "BROKEN GLASS by bob and kim"


@pytest.mark.parametrize("who", PEOPLE)
def test_a_refusal_says_why_this_approval_does_not_hold(who: str) -> None:
    world = World()
    world.check("1", "bob", ok=True, proved=True)
    world.approve("1", who, 0)
    told = " ".join(str(problem) for problem in world.door().vetoes(world.wish("1")))
    expected = {
        "ada": "ada may not approve", "Ada": "made or submitted it", "bob": "bob may not approve",
        "mallory": "made by ada", "trudy": "made by bob", "shop": "may not approve", "eve": "", "kim": "",
    }  # fmt: skip
    assert set(expected) == set(ROLES)
    assert expected[who] in told
    assert bool(told) == bool(expected[who])

"""Starting, stopping and ending experiments: everything is checked and made ready before the ledger says it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from holdfast.errors import HoldfastError, Problem
from holdfast.project.bundles import history, named, opened
from holdfast.project.history import Tick
from holdfast.project.people import signer
from holdfast.project.project import Project
from holdfast.project.promote import desk

if TYPE_CHECKING:
    from holdfast.bundle.bundle import Bundle
    from holdfast.contract.model import Contract
    from holdfast.ledger.records import Arm, Experiment, ExperimentKind
    from holdfast.traffic.plan import Plan

VETOED = "a version may not pass"
"""What is said where the door lets a version not answer."""
KINDS = ("ab", "canary", "bandit", "shadow", "rule")
_NAME = re.compile(r"^[a-z0-9][a-z0-9_-]{0,39}$")


@dataclass(frozen=True)
class Done:
    """A record of an experiment that is on disk."""

    record: Experiment
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        step = self.record
        return {
            "action": step.action,
            "name": step.name,
            "kind": step.kind,
            "variants": [
                {"variant": arm.name, "version": arm.version, "share": arm.weight / 10_000, "rule": arm.rule or None}
                for arm in step.arms
            ],
            "entity": step.entity,
            "rule": step.rule or None,
            "plan": step.plan,
            "who": step.who,
            "why": step.why,
            "seq": step.seq,
            "notes": list(self.notes),
        }

    def lines(self) -> list[str]:
        step = self.record
        told = ", ".join(
            f"{arm.name} (version {arm.version}) {arm.rule or f'{arm.weight / 100:g} %'}"
            for arm in step.arms
            if step.kind != "rule" or arm.rule
        )
        return [f"{step.action} {step.kind} {step.name}, record {step.seq}: {told}", *(f"  {n}" for n in self.notes)]


def start(
    project: Project,
    kind: str,
    versions: Sequence[str],
    *,
    name: str | None = None,
    entity: Sequence[str] = (),
    rules: Sequence[str] = (),
    told: Mapping[str, Any] | None = None,
    why: str = "",
    who: str | None = None,
    progress: Tick | None = None,
) -> Done:
    """Begin an experiment of these versions beside the champion; a running server follows within a second.

    `told` are parts of the plan (see `holdfast.traffic.plan`) and ``shares``. Bundles are fetched and verified, state
    is built and the door asked before anything is recorded. Raises HoldfastError with all that speaks against it.
    """
    from holdfast.registry.door import Wish

    champion = history(project).live()
    if champion is None:
        raise HoldfastError("there is no champion yet", where="experiment", mend="holdfast promote VERSION")
    control = opened(project, champion.bundle)
    asked = dict(told or {})
    shares = asked.pop("shares", None)
    _check_words(kind, versions, name, why)
    _none_in_the_way(project, kind)
    challengers = [named(project, which) for which in versions]
    arms = _arms(champion.version, control, challengers)
    _check_arms(kind, arms, control.contract, [bundle for _, bundle in challengers])
    plan = _plan(project, asked, control.contract, champion.version)
    record = _record(kind, name or f"{kind}-{project.reader.last_seq() + 1}", arms, control.contract, entity, rules)
    record = _weighted(record, plan, shares)
    record.plan, record.who, record.why = plan.as_dict(), signer(project, who), why
    with desk(project, progress) as (table, commit):

        def ask() -> None:
            action = "shadow" if kind == "shadow" else "experiment"
            wishes = (
                Wish(action, arm.name, arm.version, arm.bundle, arm.contract, record.who, why)
                for arm in record.arms[1:]
            )
            vetoes = [problem for wish in wishes for problem in table.door.vetoes(wish)]
            if vetoes:
                raise HoldfastError(VETOED, where=record.name, problems=vetoes)

        ask()
        for _, bundle in challengers:
            table.prepare(bundle)
        kept = commit([record], still=ask)[0]
    return Done(_counted(project, kept))


def parts(words: Sequence[str]) -> dict[str, Any]:
    """``key=value`` words as parts of a plan; values are written as in TOML. Raises HoldfastError."""
    import tomllib

    told: dict[str, Any] = {}
    problems = []
    for word in words:
        key, sign, text = word.partition("=")
        try:
            told[key.strip()] = tomllib.loads(f"value = {text}")["value"]
            good = bool(sign)
        except tomllib.TOMLDecodeError:
            good = False
        if not good:
            problems.append(Problem("--set", "text", f"{word!r} is no key=value", "for example --set level=0.01"))
    if problems:
        raise HoldfastError("the plan cannot be read", where="experiment", problems=problems)
    return told


def stop(project: Project, name: str | None = None, *, why: str, who: str | None = None) -> Done:
    """End an experiment: the champion answers alone again within a second."""
    from holdfast.traffic.conduct import following

    _need_reason(why)
    latest = running(project, name)
    with project.writing() as (_, writer):
        kept = writer.commit([following(latest, "stop", why, who=signer(project, who))])[0]
    return Done(_counted(project, kept))


def promote(
    project: Project,
    name: str | None = None,
    *,
    variant: str | None = None,
    why: str,
    who: str | None = None,
    progress: Tick | None = None,
) -> Done:
    """Make a variant champion, through the same desk and door as any promotion; that ends the experiment."""
    from holdfast.registry.promote import promote as decide
    from holdfast.traffic.conduct import following

    _need_reason(why)
    latest = running(project, name)
    arm = _chosen(latest, variant)
    ended = following(latest, "promote", f"{arm.name}: {why}", who=signer(project, who))
    with desk(project, progress, beside=[ended]) as (table, _):
        done = decide(table, arm.version, who=signer(project, who), why=f"experiment {latest.name}: {why}")
    return Done(_counted(project, ended), done.notes)


def running(project: Project, name: str | None = None) -> Experiment:
    """The last record of the experiment under way. Raises HoldfastError when there is none, or more than one."""
    from holdfast.traffic.course import Experiments

    found = Experiments(project.reader.course()).running()
    chosen = [item for item in found if name in (None, item.name)]
    if len(chosen) == 1:
        return chosen[0]
    names = ", ".join(item.name for item in found)
    if not found:
        raise HoldfastError("no experiment is under way", where="experiment", mend="holdfast experiment start")
    what = f"there is no experiment {name!r} under way" if name else "several experiments are under way"
    raise HoldfastError(what, where="experiment", mend=f"name one of: {names}")


def _check_words(kind: str, versions: Sequence[str], name: str | None, why: str) -> None:
    problems = []
    if kind not in KINDS:
        problems.append(Problem("kind", "unknown_value", f"{kind!r} is no kind", "one of: " + ", ".join(KINDS)))
    if name is not None and not _NAME.match(name):
        problems.append(
            Problem("name", "text", f"{name!r} is no name", "lower-case letters, digits, - and _, up to 40")
        )
    if not why.strip():
        problems.append(Problem("why", "missing", "no reason is given", 'say why, in a few words: --why "…"'))
    if not versions:
        problems.append(Problem("versions", "missing", "no version is named", "name the challengers"))
    if kind == "canary" and len(versions) > 1:
        problems.append(
            Problem("versions", "too_many", "a canary is one version", "start an ab or a bandit of several")
        )
    if problems:
        raise HoldfastError("this experiment cannot be started", where="experiment", problems=problems)


def _need_reason(why: str) -> None:
    if not why.strip():
        problem = Problem("why", "missing", "no reason is given", 'say why, in a few words: --why "…"')
        raise HoldfastError("this decision cannot be written down", problems=[problem])


def _none_in_the_way(project: Project, kind: str) -> None:
    from holdfast.traffic.course import Experiments

    for item in Experiments(project.reader.course()).running():
        if (item.kind == "shadow") == (kind == "shadow"):
            raise HoldfastError(
                f"the experiment {item.name} is under way", where="experiment",
                mend=f'holdfast experiment stop {item.name} --why "…"; a shadow may run beside one that answers',
            )  # fmt: skip


def _arms(champion: str, control: Bundle, challengers: Sequence[tuple[str, Bundle]]) -> list[Arm]:
    from holdfast.ledger.records import Arm

    arms = [Arm(name="champion", version=champion, bundle=control.hash, contract=control.contract.hash)]
    for version, bundle in challengers:
        name = "challenger" if len(challengers) == 1 else f"challenger-{version}"
        arms.append(Arm(name=name, version=version, bundle=bundle.hash, contract=bundle.contract.hash))
    return arms


def _check_arms(kind: str, arms: Sequence[Arm], control: Contract, challengers: Sequence[Bundle]) -> None:
    """Each version once, about the same events and label; no field required that the champion does not have."""
    problems = []
    if len({(arm.version, arm.bundle) for arm in arms}) < len(arms):
        problems.append(Problem("versions", "duplicate", "a version is named twice, or is champion", "name others"))
    for arm, bundle in zip(arms[1:], challengers, strict=True):
        problems += [
            Problem(f"version {arm.version}", code, what, mend)
            for code, what, mend in misfits(control, bundle.contract, strict=kind != "shadow")
        ]
    if problems:
        raise HoldfastError("these versions cannot stand beside the champion", where="experiment", problems=problems)


def misfits(control: Contract, other: Contract, *, strict: bool) -> Iterable[tuple[str, str, str]]:
    """Why a contract cannot decide on the champion's events: (code, what, mend). A shadow reads nulls (not strict)."""
    here, there = control.deciding, other.deciding
    if (here.name, here.id, here.time) != (there.name, there.id, there.time):
        yield "source", f"it decides on {there.name}, the champion on {here.name}", "train it on the same events"
        return
    if control.label != other.label:
        yield "label", f"it learns {other.label}, the champion {control.label}", "compare versions of one label"
    if not strict:
        return
    known = {name: item for item in here.fields for name in (item.name, *item.former)}
    for item in there.fields:
        same = next((known[name] for name in (item.name, *item.former) if name in known), None)
        optional = item.nullable or item.generated or (item.on_null == "impute" and item.impute is not None)
        if same is None and not optional:
            yield (
                "missing",
                f"it requires {item.name}, which the champion lacks",
                "run it as a shadow, or let it be null",
            )
        elif same is not None and same.type != item.type:
            yield "type", f"its {item.name} is {item.type}, the champion's {same.type}", "run it as a shadow"


def _plan(project: Project, told: Mapping[str, Any], contract: Contract, champion: str) -> Plan:
    from holdfast.project.experiment_status import expected
    from holdfast.traffic.plan import plan_from

    plan = plan_from(told)
    rate, loss = expected(project, contract, champion, plan)
    return plan_from({"rate": rate, "centre": loss, **told})


def _record(
    kind: str, name: str, arms: list[Arm], control: Contract, entity: Sequence[str], rules: Sequence[str]
) -> Experiment:
    """The start without weights. Raises HoldfastError for an entity or a rule that cannot be used."""
    from holdfast.ledger.records import Experiment
    from holdfast.traffic.entity import check_entity
    from holdfast.traffic.rules import read_rule

    fields = list(entity) or [control.deciding.id]
    check_entity(control, fields)
    for rule in rules:
        read_rule(rule, control)
    wanted = len(arms) - 1 if kind == "rule" else min(len(rules), 1)
    if len(rules) != wanted:
        what = f"{len(rules)} rules are given"
        mend = "give one --rule for each version" if kind == "rule" else "give one: it says which events take part"
        problem = Problem("rule", "number", what, mend)
        raise HoldfastError("this experiment cannot be started", where="experiment", problems=[problem])
    if kind == "rule":
        for arm, rule in zip(arms[1:], rules, strict=True):
            arm.rule = rule
    chosen: ExperimentKind = kind  # type: ignore[assignment]  # checked by `_check_words`
    return Experiment(
        action="start", name=name, kind=chosen, arms=arms, entity=fields, salt=os.urandom(16),
        rule=rules[0] if rules and kind != "rule" else "", who="", why="",
    )  # fmt: skip


def _weighted(record: Experiment, plan: Plan, shares: Any) -> Experiment:
    """The start with its first weights: as told, else the first step of a canary, else even."""
    from holdfast.traffic import assign
    from holdfast.traffic.conduct import weighted

    count = len(record.arms)
    if record.kind in ("shadow", "rule"):
        return record
    if shares is not None:
        whole = isinstance(shares, list | tuple) and all(type(item) is int and item >= 0 for item in shares)
        if not whole or len(shares) != count or sum(shares) != assign.SLOTS or record.kind == "canary":
            what = f"{shares!r} does not share out 10,000 slots among {count} variants, the champion first"
            mend = "for example --set shares=[9000,1000]; a canary's shares are its steps"
            raise HoldfastError("the plan cannot be followed", problems=[Problem("shares", "range", what, mend)])
        weights = list(shares)
    elif record.kind == "canary":
        weights = [assign.SLOTS - plan.steps[0], plan.steps[0]]
    else:
        weights = assign.shares([1.0] * count)
    record.slots = [(0, 0)]
    return weighted(record, weights)


def _chosen(latest: Experiment, variant: str | None) -> Arm:
    challengers = latest.arms[1:]
    found = [arm for arm in challengers if variant in (None, arm.name, arm.version)]
    if len(found) == 1:
        return found[0]
    names = ", ".join(arm.name for arm in challengers)
    what = f"{variant!r} is no challenger of {latest.name}" if variant else f"{latest.name} has several challengers"
    raise HoldfastError(what, where="experiment", mend=f"--variant one of: {names}")


def _counted(project: Project, kept: Any) -> Experiment:
    """The record, if it counts: another may have come between. Raises HoldfastError when it does not."""
    from holdfast.traffic.course import Experiments

    found: Experiment = kept
    if found.seq not in Experiments(project.reader.course()).records:
        raise HoldfastError(
            "another decision about an experiment came first", where=found.name, mend="holdfast experiment status"
        )
    return found

"""Measures: asked by one person with a key, put by another, lifted by either; a running server follows at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from holdfast.contract.values import timestamp_text
from holdfast.errors import HoldfastError
from holdfast.project.incidents.case import reasoned, words
from holdfast.project.keys import seconds
from holdfast.project.people import proven
from holdfast.project.project import Project

if TYPE_CHECKING:
    from holdfast.ledger.records import Incident, Measure, MeasureKind
    from holdfast.traffic.measures import Measures

LONGEST = "7d"
"""A measure lasts at most so long: what is to stay is a new version."""
WHO = "let somebody with an approver's key do it who neither asked for it nor made the version"


@dataclass(frozen=True)
class Taken:
    """A record about a measure that is on disk."""

    record: Measure

    def as_dict(self) -> dict[str, Any]:
        item = self.record
        return {
            "action": item.action,
            "kind": item.kind,
            "version": item.version,
            "value": item.value,
            "names": dict(item.names),
            "until": timestamp_text(item.until),
            "who": item.who,
            "why": item.why,
            "incident": item.opened,
            "seq": item.seq,
        }

    def lines(self) -> list[str]:
        item = self.record
        if item.action == "ask":
            put = f'HOLDFAST_KEY=… holdfast incident put {item.seq} --because "…"'
            return [f"asked (record {item.seq}): {words(item)}, until {timestamp_text(item.until)}", f"  {WHO}: {put}"]
        if item.action == "lift":
            return [f"lifted by {item.who}: {words(item)}"]
        return [
            f"in force until {timestamp_text(item.until)} (record {item.seq}): {words(item)}",
            f'  end it before: holdfast incident lift {item.seq} --because "…"',
        ]


def known(project: Project) -> Measures:
    """Every measure of the ledger, folded."""
    from holdfast.traffic.measures import Measures

    return Measures(project.reader.incidents())


def ask(
    project: Project,
    kind: MeasureKind,
    *,
    value: float = 0.0,
    names: tuple[tuple[str, str], ...] = (),
    source: str = "",
    expires: str,
    because: str,
    opened: int = 0,
) -> Taken:
    """Ask for a measure on the version that is live. Raises HoldfastError where it cannot be meant."""
    from holdfast.ledger.records import Measure
    from holdfast.ledger.writer import now_micros
    from holdfast.project.bundles import named

    reasoned(because)
    who = proven(project, "deploy")
    if not 0 < seconds(expires) <= seconds(LONGEST):
        raise HoldfastError(f"a measure does not last {expires}", mend=f"at most {LONGEST}; then a new version stands")
    version, bundle = named(project, "champion")
    if kind == "names":
        source = source or bundle.contract.decide_on
        _names(bundle.contract.source(source), names)
    elif not 0.0 < value <= 1.0:
        raise HoldfastError(f"{value:g} is no probability to decide by", mend="give one between 0 and 1: --to 0.8")
    elif kind == "review" and value <= bundle.threshold.value:
        what = f"no positive decision lies below {value:g}: the threshold is {bundle.threshold.value:g}"
        raise HoldfastError(what, mend="give the probability from which on nobody need look")
    made = Measure(
        action="ask", kind=kind, version=version, bundle=bundle.hash, value=value, source=source, names=list(names),
        opened=opened, who=who.name, key=who.key, why=because, until=now_micros() + seconds(expires) * 1_000_000,
    )  # fmt: skip
    return _write(project, made)


def _names(source: Any, names: tuple[tuple[str, str], ...]) -> None:
    fields = {item.name for item in source.fields}
    taken = fields | {old for item in source.fields for old in item.former}
    for came, meant in names:
        if meant not in fields:
            raise HoldfastError(f"{meant!r} is no field of {source.name}", mend="one of: " + ", ".join(sorted(fields)))
        if came in taken:
            raise HoldfastError(f"{came!r} is a field of {source.name} already", mend="nothing needs reading otherwise")
    if not names or len({meant for _, meant in names}) < len(names):
        raise HoldfastError("each field is given one other name", mend="--name came=field, once for each")


def put(project: Project, seq: int, *, because: str) -> Taken:
    """Put what was asked into force, as another person. Raises HoldfastError where it is not for them, or too late."""
    from holdfast.access import keys
    from holdfast.ledger.records import Incident
    from holdfast.ledger.writer import now_micros
    from holdfast.project.gate import author
    from holdfast.registry.gate import People

    reasoned(because)
    who = proven(project, "approve")
    asked = _asked(project, seq)
    people = People(author(project, asked.bundle), keys.read(project.home), now_micros())
    if against := people.against_second(who.name, who.key, asked.who):
        raise HoldfastError(f"{who.name} may not put it into force: {against}", where="the measure", mend=WHO)
    made = msgspec.structs.replace(
        asked, action="put", answers=asked.seq, who=who.name, key=who.key, why=f"{asked.why} (asked by {asked.who}); "
        f"{because}", seq=0, received_at=0,
    )  # fmt: skip
    line = None
    if asked.opened:
        told = {"measure": words(made), "asked": asked.seq, "until": made.until}
        what = f"{words(made)}, until {timestamp_text(made.until)}: {because}"
        line = Incident(action="mitigate", opened=asked.opened, what=what, who=who.name, key=who.key, figures=told)
    return _write(project, made, line, still=lambda: _asked(project, seq))


def _asked(project: Project, seq: int) -> Measure:
    from holdfast.ledger.writer import now_micros

    waiting = {item.seq: item for item in known(project).asked(now_micros())}
    if seq not in waiting:
        names = ", ".join(map(str, waiting)) or "none"
        raise HoldfastError(f"no measure waits under record {seq}", mend=f"waiting: {names}")
    return waiting[seq]


def lift(project: Project, seq: int, *, because: str) -> Taken:
    """End a measure that is in force, or take back the asking for one. Whoever may deploy or approve may."""
    from holdfast.ledger.writer import now_micros
    from holdfast.project.people import person

    reasoned(because)
    who = person(project)
    if not who.key or not {"approve", "deploy"} & who.held:
        who = proven(project, "deploy")
    now, all_of = now_micros(), known(project)
    held = {item.seq: item for item in (*all_of.holding(now), *all_of.asked(now))}
    if seq not in held:
        names = ", ".join(map(str, held)) or "none"
        raise HoldfastError(f"no measure stands under record {seq}", mend=f"those that stand: {names}")
    made = msgspec.structs.replace(
        held[seq], action="lift", answers=seq, who=who.name, key=who.key, why=because, seq=0, received_at=0
    )
    return _write(project, made)


def _write(project: Project, made: Measure, line: Incident | None = None, still: Any = None) -> Taken:
    """The measure, and the line of its incident's timeline with it: both or neither."""
    from holdfast.ledger.records import Measure

    with project.writing() as (_, writer):
        kept = writer.commit([made] if line is None else [made, line], still=still)[0]
    assert isinstance(kept, Measure)
    return Taken(kept)

"""Incidents as the ledger tells them: who opened one, every line since, and what else was decided meanwhile."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from holdfast.contract.values import timestamp_text
from holdfast.errors import HoldfastError, Problem
from holdfast.project.people import Person, person, proven
from holdfast.project.project import Project

if TYPE_CHECKING:
    from pathlib import Path

    from holdfast.ledger.records import Incident, IncidentAction, Measure, Promotion, Record

BROKEN = "BROKEN GLASS"


@dataclass
class Case:
    """One incident. `opened` is the record that opened it; its seq is the incident's name."""

    opened: Incident
    lines: list[Incident] = field(default_factory=list)
    measures: list[Measure] = field(default_factory=list)
    promotions: list[Promotion] = field(default_factory=list)
    """Decisions about versions from when it began until it was closed."""

    @property
    def name(self) -> int:
        return self.opened.seq

    @property
    def playbook(self) -> str:
        """By the last line that names one: the first guess may have been wrong."""
        return next((item.playbook for item in reversed(self.lines) if item.playbook), self.opened.playbook)

    @property
    def since(self) -> int:
        """When what is wrong began, as far as was known; µs UTC of event time."""
        return int(self.opened.figures.get("since", self.opened.received_at))

    @property
    def promoted(self) -> int:
        """Seq of the promotion that it began with; 0 where it began otherwise."""
        return int(self.opened.figures.get("promoted", 0))

    @property
    def alerted(self) -> int:
        """When somebody was first alerted, µs UTC; when it was opened, where nobody was before."""
        return int(self.opened.figures.get("alerted") or self.opened.received_at)

    def last(self, action: IncidentAction) -> Incident | None:
        return next((item for item in reversed(self.lines) if item.action == action), None)

    @property
    def closed(self) -> Incident | None:
        return self.last("close")

    @property
    def status(self) -> str:
        """``open``, ``acknowledged``, ``mitigated``, ``verified``, ``closed``."""
        words = {"close": "closed", "verify": "verified", "mitigate": "mitigated", "acknowledge": "acknowledged"}
        done = [item.action for item in self.lines if item.action != "verify" or item.figures.get("gone")]
        return next((word for action, word in words.items() if action in done), "open")

    @property
    def broken(self) -> list[Promotion]:
        """Versions that went live through a broken glass meanwhile."""
        return [item for item in self.promotions if item.passed.startswith("BROKEN")]

    def timeline(self) -> list[dict[str, Any]]:
        """Every line in order: when, who, what; decisions about versions and measures among them."""
        from holdfast.ledger.records import Incident, Promotion

        everything: list[Incident | Measure | Promotion] = [self.opened, *self.lines, *self.measures, *self.promotions]
        found = []
        for item in sorted(everything, key=lambda each: each.seq):
            row: dict[str, Any] = {
                "seq": item.seq,
                "when": timestamp_text(item.received_at),
                "who": item.who,
                "key": "",
            }
            if isinstance(item, Incident):
                row |= {"did": item.action, "what": item.what, "key": item.key}
            elif isinstance(item, Promotion):
                shout = f"{BROKEN}! " if item.passed.startswith("BROKEN") else ""
                row |= {"did": item.action, "what": f"{shout}version {item.version} is {item.alias}: {item.why}"}
            else:
                until = f", until {timestamp_text(item.until)}" if item.action != "lift" else ""
                row |= {"did": f"measure: {item.action}", "what": f"{words(item)}{until}: {item.why}", "key": item.key}
            found.append(row)
        return found

    def as_dict(self) -> dict[str, Any]:
        return {
            "incident": self.name,
            "playbook": self.playbook,
            "status": self.status,
            "because": self.opened.what,
            "who": self.opened.who,
            "opened": timestamp_text(self.opened.received_at),
            "since": timestamp_text(self.since),
            "alerted": timestamp_text(self.alerted),
            "seconds_to_mitigation": seconds_to(self, "mitigate"),
            "broken_glass": [f"version {item.version}: {item.passed}" for item in self.broken],
            "timeline": self.timeline(),
        }


def words(item: Measure) -> str:
    """What a measure changes."""
    if item.kind == "threshold":
        return f"version {item.version} decides positively from {item.value:.6g} on"
    if item.kind == "review":
        return f"a person looks at positive decisions of version {item.version} below {item.value:.6g}"
    return ", ".join(f"{came!r} is read as {meant!r}" for came, meant in item.names) + f" in {item.source}"


def seconds_to(case: Case, action: IncidentAction) -> float | None:
    """Seconds by the ledger's clock from the first alert to the first such line; None where there is none."""
    first = next((item for item in case.lines if item.action == action), None)
    return None if first is None else round((first.received_at - case.alerted) / 1e6, 1)


def cases(project: Project) -> list[Case]:
    """Every incident there ever was, the oldest first."""
    found = fold(project.reader.incidents())
    if found:
        from holdfast.project.bundles import history

        steps = history(project).records
        for item in found.values():
            end = item.closed.seq if item.closed is not None else 1 << 62
            item.promotions = [
                step
                for step in steps
                if step.received_at >= min(item.since, item.opened.received_at) and step.seq < end
            ]
    return list(found.values())


def fold(records: Iterable[Record]) -> dict[int, Case]:
    """The incidents among records, by their names, without the decisions about versions."""
    from holdfast.ledger.records import Incident, Measure

    found: dict[int, Case] = {}
    for item in records:
        if isinstance(item, Incident) and item.action == "open":
            found[item.seq] = Case(item)
        elif isinstance(item, Incident) and item.opened in found:
            found[item.opened].lines.append(item)
        elif isinstance(item, Measure) and item.opened in found:
            found[item.opened].measures.append(item)
    return found


def case(project: Project, name: int | None = None, *, closed: bool = False) -> Case:
    """An incident by its name; without one the last that is open (or, with `closed`, the last).

    Raises HoldfastError where there is none.
    """
    found = cases(project)
    if name is not None:
        one = next((item for item in found if item.name == name), None)
        if one is None:
            raise HoldfastError(f"there is no incident {name}", mend="holdfast incident list")
        return one
    fit = [item for item in found if closed or item.closed is None]
    if not fit:
        raise HoldfastError("no incident is open", mend='holdfast incident open --because "…"')
    return fit[-1]


def still_open(project: Project, name: int | None) -> Case:
    """Raises HoldfastError for one that was closed: what happens then is another incident."""
    found = case(project, name)
    if found.closed is not None:
        raise HoldfastError(f"incident {found.name} is closed", mend='holdfast incident open --because "…"')
    return found


def write(
    project: Project,
    action: IncidentAction,
    what: str,
    *,
    opened: int = 0,
    playbook: str = "",
    figures: Mapping[str, Any] | None = None,
    file: str = "",
    digest: str = "",
    permission: str = "",
) -> Incident:
    """A line of the timeline, by whoever is at the keyboard. Raises HoldfastError where the ledger does not take it."""
    from holdfast.ledger.records import Incident

    reasoned(what)
    who = may(project, permission)
    made = Incident(
        action=action, opened=opened, playbook=playbook, what=what, who=who.name, key=who.key,
        figures=dict(figures or {}), file=file, digest=digest,
    )  # fmt: skip
    with project.writing() as (_, writer):
        kept = writer.commit([made])[0]
    assert isinstance(kept, Incident)
    return kept


def may(project: Project, permission: str) -> Person:
    """Who acts now, and may: by a key with the permission, as soon as the project has keys at all."""
    from holdfast.access import keys

    return proven(project, permission) if permission and keys.read(project.home).all else person(project)


def reasoned(what: str) -> None:
    """Raises HoldfastError where no words are given."""
    if not what.strip():
        problem = Problem("because", "missing", "no reason is given", 'say it in a few words: --because "…"')
        raise HoldfastError("this cannot be written down", problems=[problem])


def keep(project: Project, opened: int | str, name: str, document: Mapping[str, Any] | Sequence[Any] | str) -> Path:
    """A file of an incident beside the ledger: JSON, or text as it is."""
    place = project.home / "incidents" / str(opened)
    place.mkdir(parents=True, exist_ok=True)
    text = document if isinstance(document, str) else json.dumps(document, indent=2, ensure_ascii=False, default=str)
    (place / name).write_text(text.rstrip("\n") + "\n", encoding="utf-8")
    return place / name


def digest_of(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()

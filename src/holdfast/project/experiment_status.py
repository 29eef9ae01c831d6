"""What an experiment has shown so far, from the ledger alone: counts, effect, interval, verdict, what is missing."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from holdfast.contract.values import timestamp_text
from holdfast.errors import HoldfastError
from holdfast.project.bundles import opened
from holdfast.project.project import Project

if TYPE_CHECKING:
    from holdfast.contract.model import Contract
    from holdfast.ledger.records import Experiment
    from holdfast.traffic.count import Counts
    from holdfast.traffic.plan import Plan

RECENT = 200_000
"""Records at the end of the ledger that tell what to expect of the champion."""
ENOUGH = 100
"""Decisions below which nothing is expected of it."""


@dataclass(frozen=True)
class Status:
    """Experiments under way, or the ones asked for."""

    experiments: list[dict[str, Any]]

    def as_dict(self) -> dict[str, Any]:
        return {"experiments": self.experiments}

    def lines(self) -> list[str]:
        if not self.experiments:
            return ["no experiment is under way"]
        return [line for item in self.experiments for line in _lines(item)]


def status(project: Project, name: str | None = None) -> Status:
    """Of the experiments under way; with a name, of the last one so called, also when it is over."""
    from holdfast.ledger.records import Shadow
    from holdfast.traffic.conductor import Conductor
    from holdfast.traffic.course import LIVE, Experiments, origin

    course = Experiments(project.reader.course())
    chosen = course.running() if name is None else [item for item in course.latest() if item.name == name][-1:]
    if name is not None and not chosen:
        known = ", ".join(item.name for item in course.latest())
        raise HoldfastError(f"there never was an experiment {name!r}", where="experiment", mend=f"known: {known}")
    if not chosen:
        return Status([])
    conductor = Conductor(
        project.reader,
        lambda bundle: opened(project, bundle).contract,
        only=frozenset(origin(item) for item in chosen),
    )
    until = project.reader.last_seq()
    conductor.read(until)
    beside = project.shadows.records() if any(item.kind == "shadow" for item in chosen) else ()
    for record in beside:
        for each in conductor.counts.values():
            if isinstance(record, Shadow):
                each.shadow(record)
    now = time.time_ns() // 1_000
    told = []
    for latest in chosen:
        counts = conductor.counts.get(origin(latest))
        if counts is None:
            raise HoldfastError(f"the champion's bundle of {latest.name} is not here", where=str(project.bundles_path))
        counts.mature(now)
        steps = conductor.course.course_of(origin(latest))
        if latest.kind == "shadow":
            last = until if latest.action in LIVE else latest.seq
            # With a rule, those that take no part are not told apart from those that wait.
            waiting = None if latest.rule else project.reader.decisions(counts.scored_until, last)
            told.append(_shadowed(latest, counts, steps, waiting))
        else:
            told.append(_told(latest, counts, steps, now))
    return Status(told)


def _head(latest: Experiment, steps: list[Experiment]) -> dict[str, Any]:
    from holdfast.traffic.course import LIVE

    first = steps[0]
    under_way = latest.action in LIVE
    return {
        "name": latest.name,
        "kind": latest.kind,
        "state": "under way" if under_way else {"halt": "halted", "stop": "stopped"}.get(latest.action, "promoted"),
        "since": timestamp_text(first.received_at),
        "step": latest.step,
        "entity": latest.entity,
        "rule": latest.rule or None,
        "plan": latest.plan,
        "course": [
            {
                "when": timestamp_text(item.received_at),
                "action": item.action,
                "shares": [arm.weight / 10_000 for arm in item.arms],
                "who": item.who,
                "why": item.why,
                "seq": item.seq,
            }
            for item in steps
        ],
    }


def _told(latest: Experiment, counts: Counts, steps: list[Experiment], now: int) -> dict[str, Any]:
    from holdfast.traffic.canary import judge, told
    from holdfast.traffic.verdict import compare

    spans = list(counts.spans.values())
    variants = []
    for place, arm in enumerate(latest.arms):
        tallied = counts.of(place)
        shape: dict[str, Any] = {
            "variant": arm.name,
            "version": arm.version,
            "share": arm.weight / 10_000,
            "rule": arm.rule or None,
            **told(tallied),
            "decision_rate": tallied.yes / tallied.answered if tallied.answered else None,
        }
        if place and latest.kind != "rule":
            shape["against_champion"] = compare(spans, place, counts.plan, len(latest.arms) - 1).as_dict()
        variants.append(shape)
    head = {**_head(latest, steps), "variants": variants}
    if latest.kind == "canary" and head["state"] == "under way":
        advice = judge(counts.plan, spans, latest.step, (now - latest.received_at) / 1e6)
        head["next"] = {"action": advice.action, "why": advice.why}
    if latest.kind == "rule":
        head["note"] = "a rule chooses its events, so its variants meet different ones: no verdict is drawn"
    return head


def _shadowed(latest: Experiment, counts: Counts, steps: list[Experiment], waiting: int | None) -> dict[str, Any]:
    variants = []
    for arm in latest.arms[1:]:
        tallied = counts.shadows.get(arm.version)
        scored = tallied.answered if tallied else 0
        variants.append(
            {
                "variant": arm.name,
                "version": arm.version,
                "scored": scored,
                "yes": tallied.yes if tallied else 0,
                "decision_rate": tallied.yes / scored if tallied and scored else None,
                "agrees": counts.agreed[arm.version] / scored if scored else None,
            }
        )
    return {**_head(latest, steps), "variants": variants, "dropped": counts.dropped, "waiting": waiting}


def _lines(item: Mapping[str, Any]) -> list[str]:
    head = f"{item['kind']} {item['name']}: {item['state']} since {item['since']}"
    if item["kind"] == "shadow":
        rows = [
            f"  version {row['version']}: {row['scored']} scored, yes {_share(row['decision_rate'])}, "
            f"agrees {_share(row['agrees'])}"
            for row in item["variants"]
        ]
        rows.append(f"  {item['dropped']} left out because it was too far behind")
        if item["waiting"] is not None:
            state = "not scored yet" if item["state"] == "under way" else "not scored when it ended"
            rows.append(f"  {item['waiting']} {state}")
        return [head, *rows]
    lines = [head]
    for row in item["variants"]:
        lines.append(
            f"  {row['variant']} (version {row['version']}, {row['rule'] or _share(row['share'])}): "
            f"{row['answered']} answered, yes {_share(row['decision_rate'])}, {row['matured']} matured, "
            f"{row['failed']} failed, {row['refused']} refused, {row['slow']} slow"
        )
        against = row.get("against_champion")
        if against and against["interval"]:
            low, high = against["interval"]
            lines.append(
                f"    {against['verdict']}: loss {against['effect']:+.4f} [{low:+.4f}, {high:+.4f}] beside the "
                f"champion, level {against['level']:g}, however often you look"
            )
        elif against:
            lines.append(f"    {against['verdict']}")
    if "next" in item:
        lines.append(f"  {item['next']['action']}: {item['next']['why']}")
    if "note" in item:
        lines.append(f"  {item['note']}")
    last = item["course"][-1]
    return [*lines, f"  last: {last['action']} by {last['who']}: {last['why']}"]


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2%}"


def expected(project: Project, contract: Contract, champion: str, plan: Plan) -> tuple[float, float]:
    """The champion's recent share of yes and mean loss on final outcomes; 0 where there is too little to tell."""
    from holdfast.ledger.records import Decision, Outcome

    label = contract.target
    decided: dict[str, tuple[int, bool]] = {}
    labels: dict[str, tuple[int, bool]] = {}
    for record in project.reader.records(max(project.reader.last_seq() - RECENT, 0)):
        if isinstance(record, Decision) and record.version == champion and record.source == contract.decide_on:
            decided[record.event_id] = (record.time, record.decision)
        elif isinstance(record, Outcome) and (record.source, record.label) == (label.source, label.name):
            before = labels.get(record.event_id, (0, False))
            labels[record.event_id] = max(before, (record.version, bool(record.value)), key=lambda item: item[0])
    if len(decided) < ENOUGH:
        return 0.0, 0.0
    rate = sum(yes for _, yes in decided.values()) / len(decided)
    now = time.time_ns() // 1_000
    losses = []
    for event_id, (t, yes) in decided.items():
        final = label.absent is not None and t + (label.final_after or 0) <= now
        known = event_id in labels and t + label.known_after <= now
        if final or (label.absent is None and known):
            losses.append(plan.loss(yes, labels[event_id][1] if event_id in labels else bool(label.absent)))
    centre = sum(losses) / len(losses) if len(losses) >= ENOUGH else 0.0
    return round(rate, 6), round(centre, 6)

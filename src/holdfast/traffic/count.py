"""What the ledger says of one experiment: who answered what, and what became of it.

An observation is an entity's first decision in the experiment: later ones of the same entity come from the same variant
and are seldom independent of it (a stolen card is used often), so they are answered and shown, but prove nothing more.
An outcome counts when it is final: at the event's time + `final_after` (without an outcome the label is then its absent
value), or for a label that has no absent value when it is there and `known_after` has passed. Early outcomes alone
would be those of one kind.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from heapq import heappop, heappush

from holdfast.contract.model import Contract
from holdfast.ledger.records import Decision, Experiment, Outcome, Record, Shadow, Tally
from holdfast.traffic.assign import hashed
from holdfast.traffic.course import origin
from holdfast.traffic.entity import Entity
from holdfast.traffic.plan import Plan, plan_from
from holdfast.traffic.route import FALLBACK, OUTSIDE


@dataclass
class Tallied:
    """One variant under one record of an experiment."""

    answered: int = 0
    yes: int = 0
    units: int = 0
    """Entities that met the experiment here first."""
    unit_yes: int = 0
    losses: Counter[float] = field(default_factory=Counter)
    """Matured units by what their decision cost."""
    label_yes: int = 0
    failed: int = 0
    refused: int = 0
    slow: int = 0
    tried: int = 0
    """Requests that its process counted: answered, failed or refused."""

    def add(self, other: Tallied) -> None:
        for name in ("answered", "yes", "units", "unit_yes", "label_yes", "failed", "refused", "slow", "tried"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.losses.update(other.losses)

    @property
    def matured(self) -> int:
        return sum(self.losses.values())


@dataclass
class Span:
    """What was counted while one record of the experiment held: its probabilities did not change."""

    seq: int
    step: int
    weights: tuple[int, ...]
    arms: list[Tallied]

    def share(self, place: int) -> float:
        """The probability that a unit of the champion and this challenger is the challenger's."""
        both = self.weights[0] + self.weights[place]
        return self.weights[place] / both if both else 0.0


@dataclass(slots=True)
class _Unit:
    span: Span
    place: int
    decided: bool
    time: int
    label: int | None = None
    version: int = -1
    received: int = 0
    loss: float | None = None
    """Set when it matured."""


class Counts:
    """Counts of one experiment, from its records and those after its start, taken in order of seq.

    `contract` is the champion's of the start. Holds one small object for each unit whose label may still change.
    """

    def __init__(self, start: Experiment, contract: Contract) -> None:
        self.start = origin(start)
        self.plan: Plan = plan_from(start.plan)
        self.names = [arm.name for arm in start.arms]
        self.spans: dict[int, Span] = {}
        self.shadows: dict[str, Tallied] = {}
        """Of a shadow experiment, by version: what it would have decided."""
        self.agreed: Counter[str] = Counter()
        self.scored_until = self.start
        """The last decision that has its shadows."""
        self.dropped = 0
        self.seq = 0
        self._label = contract.target
        self._source = contract.decide_on
        self._entity = Entity(contract, start.entity) if start.kind != "shadow" else None
        self._salt = start.salt
        self._met: set[int] = set()
        self._units: dict[str, _Unit] = {}
        self._due: list[tuple[int, str]] = []

    def take(self, record: Record) -> None:
        """One record of the ledger."""
        self.seq = record.seq
        if isinstance(record, Decision):
            if record.experiment in self.spans:
                self._decision(record, self.spans[record.experiment])
        elif isinstance(record, Outcome):
            if record.label == self._label.name and record.source == self._source:
                self._outcome(record)
        elif isinstance(record, Tally):
            self._tally(record)

    def step(self, record: Experiment) -> None:
        """A record of this experiment that counts (see `course`)."""
        weights = tuple(arm.weight for arm in record.arms)
        self.spans[record.seq] = Span(record.seq, record.step, weights, [Tallied() for _ in record.arms])

    def _decision(self, decision: Decision, span: Span) -> None:
        place = self.place(decision)
        if place is None:
            return
        tallied = span.arms[place]
        tallied.answered += 1
        tallied.yes += decision.decision
        assert self._entity is not None
        if not self._entity.alone:
            key = hashed(self._salt, self._entity.of_decision(decision))
            if key in self._met:
                return
            self._met.add(key)
        tallied.units += 1
        tallied.unit_yes += decision.decision
        self._units[decision.event_id] = _Unit(span, place, decision.decision, decision.time)
        if self._label.absent is not None:
            heappush(self._due, (decision.time + (self._label.final_after or 0), decision.event_id))

    def place(self, decision: Decision) -> int | None:
        """Which variant the decision's entity was given; None for an event that takes no part."""
        if decision.assigned.endswith(f":{OUTSIDE}"):
            return None
        given = decision.variant
        if decision.assigned.startswith(f"{FALLBACK}:"):
            given = decision.assigned.rpartition(":")[2]
        return self.names.index(given) if given in self.names else None

    def _outcome(self, outcome: Outcome) -> None:
        unit = self._units.get(outcome.event_id)
        if unit is None or outcome.version <= unit.version:
            return
        unit.label, unit.version, unit.received = outcome.value, outcome.version, outcome.received_at
        if unit.loss is not None:
            self._unsettle(unit)
            self._settle(unit)
        elif self._label.absent is None:
            due = max(outcome.received_at, unit.time + self._label.known_after)
            heappush(self._due, (due, outcome.event_id))

    def mature(self, now: int) -> None:
        """Count the outcomes that are final at `now` (µs UTC)."""
        while self._due and self._due[0][0] <= now:
            _, event_id = heappop(self._due)
            unit = self._units[event_id]
            if unit.loss is None:
                self._settle(unit)

    def _settle(self, unit: _Unit) -> None:
        label = bool(self._label.absent) if unit.label is None else bool(unit.label)
        unit.loss = self.plan.loss(unit.decided, label)
        tallied = unit.span.arms[unit.place]
        tallied.losses[unit.loss] += 1
        tallied.label_yes += label

    def _unsettle(self, unit: _Unit) -> None:
        assert unit.loss is not None
        tallied = unit.span.arms[unit.place]
        tallied.losses[unit.loss] -= 1
        before = unit.decided != (unit.loss > 0)
        tallied.label_yes -= before

    def _tally(self, tally: Tally) -> None:
        self.dropped += tally.dropped if tally.experiment in self.spans else 0
        span = self.spans.get(tally.experiment)
        if span is None:
            return
        for name, answered, failed, refused, slow in tally.counts:
            if name in self.names:
                tallied = span.arms[self.names.index(name)]
                tallied.failed += failed
                tallied.refused += refused
                tallied.slow += slow
                tallied.tried += answered + failed + refused

    def shadow(self, shadow: Shadow) -> None:
        """One of those beside the ledger."""
        if shadow.experiment not in self.spans:
            return
        self.scored_until = shadow.decision_seq
        tallied = self.shadows.setdefault(shadow.version, Tallied())
        tallied.answered += 1
        tallied.yes += shadow.decision
        self.agreed[shadow.version] += shadow.decision == shadow.answered

    def of(self, place: int) -> Tallied:
        """One variant over the whole experiment."""
        total = Tallied()
        for span in self.spans.values():
            total.add(span.arms[place])
        return total

"""Which variant an event goes to by one record of an experiment: one function for the server and for replay."""

from __future__ import annotations

from collections.abc import Sequence

from holdfast.contract.model import Cell, Contract
from holdfast.contract.values import compile_reader, read_strict
from holdfast.features.kernel.scalar import Predicate
from holdfast.features.state.points import under_todays_names
from holdfast.ledger.records import Decision, Experiment
from holdfast.traffic.assign import compile_assignment
from holdfast.traffic.entity import Entity
from holdfast.traffic.rules import compile_rule

FALLBACK = "fallback"
"""First word of the reason when the variant failed and the champion answered."""
OUTSIDE = "outside"
"""Last word of the reason when the rule leaves the event out of the experiment."""


class Router:
    """One record of an experiment as a function of cells: the place of the variant, and why."""

    def __init__(self, record: Experiment, contract: Contract) -> None:
        self.record = record
        self.entity = Entity(contract, record.entity or [contract.deciding.id])
        self._rule = compile_rule(record.rule, contract) if record.rule else None
        self._rules: list[Predicate] = []
        if record.kind == "rule":
            self._rules = [compile_rule(arm.rule, contract) for arm in record.arms[1:]]
        self._assign = compile_assignment(record.salt, record.slots) if record.slots else None
        self.why = [reason(record, place) for place in range(len(record.arms))]
        self.outside = f"{record.kind}:{record.name}:{OUTSIDE}"
        self._source = contract.deciding
        self._names = [(item.name, item.former) for item in self._source.fields]
        self._read = compile_reader(self._source, self._source.fields)

    def __call__(self, cells: Sequence[Cell]) -> tuple[int, str]:
        """The place in `record.arms` (0 is the champion), and the reason as it is recorded."""
        if self._rule is not None and not self._rule(cells):
            return 0, self.outside
        if self._assign is not None:
            place = self._assign(self.entity.of(cells))
            return place, self.why[place]
        for place, matches in enumerate(self._rules, 1):
            if matches(cells):
                return place, self.why[place]
        return 0, self.outside

    def takes_part(self, decision: Decision) -> bool:
        """Whether the event of a recorded decision meets the experiment's rule."""
        return self._rule is None or self._rule(self.cells_of(decision))

    def cells_of(self, decision: Decision) -> tuple[Cell, ...]:
        """The deciding event's cells of a recorded decision, also the id and time that the server filled in."""
        source = self._source
        cells = list(self._read(under_todays_names(read_strict(decision.body), self._names)).cells)
        for name, filled in ((source.id, decision.event_id), (source.time, decision.time)):
            at = source.position(name)
            if cells[at] is None:
                cells[at] = filled
        return tuple(cells)


def reason(record: Experiment, place: int) -> str:
    """Why a variant answers, in few words."""
    head = f"{record.kind}:{record.name}"
    match record.kind:
        case "canary":
            return f"{head}:{record.arms[-1].weight / 100:g}%"
        case "bandit":
            return f"{head}:period {record.step}"
        case "rule":
            return f"{head}:{record.arms[place].rule[:120] or OUTSIDE}"
        case _:
            return f"{head}:hash"


def fallback(record: Experiment, place: int) -> str:
    """Why the champion answers in the place of a variant that failed."""
    return f"{FALLBACK}:{record.name}:{record.arms[place].name}"

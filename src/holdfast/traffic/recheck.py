"""The assignment of recorded decisions, computed again from the experiments' own records.

A decision names the experiment's record it was assigned by. Its variant must be the one that record's salt, slots and
rules give to its entity, its version the variant's, and the record must have held when the decision was made. A worker
follows the ledger within a second or two; a decision that goes by a record which ended a minute before is named too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from holdfast.contract.model import Cell, Contract
from holdfast.contract.values import compile_reader, read_strict
from holdfast.errors import HoldfastError
from holdfast.features.kernel.scalar import Predicate
from holdfast.features.state.points import under_todays_names
from holdfast.ledger.records import Decision, Experiment, Record
from holdfast.ledger.replay import Difference
from holdfast.traffic.assign import compile_assignment
from holdfast.traffic.count import FALLBACK, OUTSIDE
from holdfast.traffic.course import Experiments, origin
from holdfast.traffic.entity import Entity
from holdfast.traffic.rules import compile_rule

LEVEL = "assignment"
LAG = 60_000_000
"""µs a worker may be behind; it polls four times a second."""


class Router:
    """One record of an experiment as a function of cells: the place of the variant, and why. Shared with serving."""

    def __init__(self, record: Experiment, contract: Contract) -> None:
        self.record = record
        self.entity = Entity(contract, record.entity)
        self._rule = compile_rule(record.rule, contract) if record.rule else None
        self._rules: list[Predicate] = []
        if record.kind == "rule":
            self._rules = [compile_rule(arm.rule, contract) for arm in record.arms[1:]]
        self._assign = compile_assignment(record.salt, record.slots) if record.slots else None
        self.why = [reason(record, place) for place in range(len(record.arms))]
        self.outside = f"{record.kind}:{record.name}:{OUTSIDE}"

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


def reason(record: Experiment, place: int) -> str:
    """Why a variant answers, in few words."""
    head = f"{record.kind}:{record.name}"
    match record.kind:
        case "canary":
            return f"{head}:{record.arms[-1].weight / 100:g}%"
        case "bandit":
            return f"{head}:period {record.step}"
        case "rule":
            return f"{head}:{record.arms[place].rule or OUTSIDE}"
        case _:
            return f"{head}:hash"


def assignments(
    decisions: Iterable[Decision], records: Iterable[Record], contract_of: Callable[[str], Contract]
) -> list[Difference]:
    """Every decision whose variant is not the one its experiment gives it.

    `contract_of` answers the contract of a bundle; `records` are the whole ledger's, in order.
    """
    course = Experiments(records)
    routers: dict[int, Router | str] = {}
    found: list[Difference] = []
    for decision in decisions:
        found += _check(decision, course, routers, contract_of)
    return found


def _check(
    decision: Decision,
    course: Experiments,
    routers: dict[int, Router | str],
    contract_of: Callable[[str], Contract],
) -> list[Difference]:
    def differs(what: str, stored: object, computed: object, cause: str) -> list[Difference]:
        return [Difference(decision.prediction_id, LEVEL, what, stored, computed, cause)]

    if not decision.experiment:
        if decision.assigned or decision.variant != "champion":
            return differs("variant", decision.variant, "champion", "no experiment's record is named")
        return []
    record = course.records.get(decision.experiment)
    if record is None or record.kind == "shadow":
        return differs("experiment", decision.experiment, None, "the ledger holds no such experiment's record")
    if record.seq > decision.seq:
        return differs("experiment", decision.experiment, None, "the record came after the decision")
    ended = next((item for item in course.course_of(origin(record)) if item.after == record.seq), None)
    if ended is not None and decision.received_at > ended.received_at + LAG:
        return differs("experiment", decision.experiment, ended.seq, "that record had ended long before")
    router = _router(record, routers, contract_of)
    if isinstance(router, str):
        return differs("variant", decision.variant, None, router)
    place, why = router(cells_of(decision, contract_of(record.arms[0].bundle)))
    arm = record.arms[place]
    if decision.assigned.startswith(f"{FALLBACK}:"):
        why, arm = f"{FALLBACK}:{record.name}:{arm.name}", record.arms[0]
    found = []
    if decision.assigned != why:
        found += differs("assigned", decision.assigned, why, "the reason was edited, or the experiment's record")
    if decision.variant != arm.name:
        found += differs("variant", decision.variant, arm.name, "the variant was edited, or the experiment's record")
    if (decision.version, decision.contract) != (arm.version, arm.contract):
        found += differs("version", decision.version, arm.version, "another version than its variant's")
    return found


def _router(
    record: Experiment, routers: dict[int, Router | str], contract_of: Callable[[str], Contract]
) -> Router | str:
    if record.seq not in routers:
        try:
            routers[record.seq] = Router(record, contract_of(record.arms[0].bundle))
        except HoldfastError as error:
            routers[record.seq] = str(error)
    return routers[record.seq]


def cells_of(decision: Decision, contract: Contract) -> tuple[Cell, ...]:
    """The deciding event's cells as the champion of the experiment read them."""
    source = contract.deciding
    names = [(item.name, item.former) for item in source.fields]
    read = compile_reader(source, source.fields)
    cells = list(read(under_todays_names(read_strict(decision.body), names)).cells)
    id_at, time_at = source.position(source.id), source.position(source.time)
    if cells[id_at] is None:
        cells[id_at] = decision.event_id
    if cells[time_at] is None:
        cells[time_at] = decision.time
    return tuple(cells)

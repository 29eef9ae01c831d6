"""The assignment of recorded decisions, computed again from the experiments' own records.

A decision names the experiment's record it was assigned by. Its variant must be the one that record's salt, slots and
rules give to its entity, its version the variant's, and the record must have held when the decision was made. A worker
follows the ledger within a second or two; a decision that goes by a record which ended a minute before is named too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from holdfast.contract.model import Contract
from holdfast.errors import HoldfastError
from holdfast.ledger.records import Decision, Experiment, Record
from holdfast.ledger.replay import Difference
from holdfast.traffic.course import Experiments, origin
from holdfast.traffic.route import FALLBACK, Router, fallback

LEVEL = "assignment"
LAG = 60_000_000
"""µs a worker may be behind; it polls four times a second."""


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
    place, why = router(router.cells_of(decision))
    arm = record.arms[place]
    if decision.assigned.startswith(f"{FALLBACK}:"):
        why, arm = fallback(record, place), record.arms[0]
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

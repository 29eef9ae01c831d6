"""What would have had to be otherwise: a decision's counterfactual, asked of the version that decided, in words.

It is scored at the state as it is now, with windows that end where the decision's did; `state` says whether they still
hold what the decision saw. What is claimed was scored by the very steps of a decision, from values as they would be
sent.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Sequence
from typing import Any

from holdfast.contract.model import Cell, Contract, Field
from holdfast.contract.values import parse_json, read_strict, to_json
from holdfast.explain.counterfactual import Found, search
from holdfast.explain.steps import moves_of
from holdfast.explain.words import MASK, shown
from holdfast.features.state.snapshot import Snapshot
from holdfast.features.state.state import State
from holdfast.ledger.records import Decision
from holdfast.serving.live import Version


def counterfactual(version: Version, decision: Decision, state: State, snapshot: Snapshot) -> dict[str, Any]:
    """The smallest change of changeable fields that turns a positive decision, or why there is none to tell."""
    if not decision.decision:
        return _none(f"the decision is {version.names.negative} already: nothing needs to change")
    marked = [field for field in version.source.fields if field.changeable]
    if not marked:
        return _none("the contract marks no field as changeable")
    if not all(state.ready(series) for series in version.plan.series):
        return _none(f"the state no longer keeps what version {version.version} looks at")
    cells = cells_of(version, decision)
    if cells is None:
        return _none("the request cannot be read by the contract that decided it any more")
    scored = scorer(version, snapshot, decision.time)
    now = scored(cells)
    row = version.row(cells, version.reads(snapshot, cells, decision.time))
    shape: dict[str, Any] = {
        "state": "as decided" if struct.pack(f"<{len(row)}d", *row) == decision.features else "as it is now",
        "threshold": decision.threshold,
    }
    if now < decision.threshold:
        says = f"by what is known now it would be {version.names.negative}: nothing needs to change"
        return _none(says) | shape | {"probability": now}
    moves = moves_of(version.contract, version.bundle.profile.get("features", {}))
    found = search(cells, version.source.fields, scored, decision.threshold, moves)
    return _told(version, cells, found) | shape


def cells_of(version: Version, decision: Decision) -> tuple[Cell, ...] | None:
    """The decision's request as cells, with the id and the time it was decided under; None if it cannot be read."""
    raw = read_strict(decision.body)
    parsed = version.read({name: value for name, value in raw.items() if name in version.accepted})
    if parsed.problems:
        return None
    cells = list(parsed.cells)
    cells[version.id_at], cells[version.time_at] = decision.event_id, decision.time
    return tuple(cells)


def scorer(version: Version, snapshot: Snapshot, time: int) -> Callable[[Sequence[Cell]], float]:
    """The probability of cells at this snapshot, by the steps of a decision; windows are read again only if need be."""
    touching = [version.source.position(name) for name in sorted(_seen_by_windows(version.contract))]
    read: dict[tuple[Cell, ...], list[float]] = {}

    def probability(cells: Sequence[Cell]) -> float:
        key = tuple([cells[at] for at in touching])
        windows = read.get(key)
        if windows is None:
            windows = read[key] = version.reads(snapshot, cells, time)
        return version.bundle.predict(version.row(cells, windows))[1]

    return probability


def _seen_by_windows(contract: Contract) -> set[str]:
    """Fields of the deciding event that any aggregate depends on: its keys, and all where it includes the event."""
    seen: set[str] = set()
    for aggregate in contract.aggregates:
        seen |= set(aggregate.on)
        if aggregate.including_current:
            seen |= {field.name for field in contract.deciding.fields}
    return seen


def _none(says: str) -> dict[str, Any]:
    return {"found": False, "says": says, "changes": []}


def _told(version: Version, cells: Sequence[Cell], found: Found) -> dict[str, Any]:
    fields = version.source.fields
    tried: dict[str, Any] = {"probability": found.probability, "tried": found.tried}
    made = found.cells
    if made is None or not all(_can_be_sent(fields[at], made[at]) for at in found.changed):
        names = " or ".join(field.name for field in fields if field.changeable)
        if found.complete:
            says = f"there is no change of {names} within bounds that turns it: all were tried"
        else:
            says = f"no change of {names} within bounds was found that turns it ({found.tried:,} tried)"
        return _none(says) | tried | {"proved": found.complete}
    changes = [_change(fields[at], cells[at], made[at]) for at in found.changed]
    told = " and ".join(item["in_words"] for item in changes)
    says = f"{told}: then it would have been {version.names.negative}"
    return {"found": True, "says": says, "changes": changes, **tried, "distance": found.distance}


def _can_be_sent(field: Field, cell: Cell) -> bool:
    """Whether the value, sent as JSON, is read as this cell: not as a placeholder for null."""
    raw = read_strict(json.dumps({"value": to_json(field, cell)}).encode())["value"]
    return parse_json(field, raw) == (cell, None)


def _change(field: Field, before: Cell, after: Cell) -> dict[str, Any]:
    """One field's change; of a personal field only by how much."""
    was, now = to_json(field, before), to_json(field, after)
    name = field.description or field.name.replace("_", " ")
    if not field.personal:
        words = f"{name} {_said(field, now)} instead of {_said(field, was)}"
        return {"field": field.name, "from": was, "to": now, "in_words": words}
    change: dict[str, Any] = {"field": field.name, "from": MASK, "to": MASK, "in_words": f"another {name}"}
    if isinstance(before, int | float) and isinstance(after, int | float) and field.type != "category":
        by = (after - before) / 10**field.scale
        change |= {"by": by, "in_words": f"{name} {'higher' if by > 0 else 'lower'} by {shown(abs(by), field.unit)}"}
    return change


def _said(field: Field, value: object) -> str:
    """A field's value with every digit it has: it is what would be sent."""
    if isinstance(value, float):
        text = f"{value:,.{field.scale}f}" if field.type == "decimal" else f"{value:.10g}"
        return f"{text} {field.unit}" if field.unit else text
    return shown(value if isinstance(value, bool | str) or value is None else float(str(value)), field.unit)

"""What is kept together in an experiment: one or several fields of the deciding event, as the champion reads it."""

from __future__ import annotations

from collections.abc import Sequence

from holdfast.contract.faults import suggest
from holdfast.contract.model import Cell, Contract
from holdfast.contract.values import compile_reader, read_strict
from holdfast.errors import HoldfastError, Problem
from holdfast.features.state.points import under_todays_names
from holdfast.ledger.records import Decision

TYPES = ("text", "integer", "category", "boolean")


class Entity:
    """Reads an entity's cells from the deciding event's cells, or from a recorded decision."""

    def __init__(self, contract: Contract, names: Sequence[str]) -> None:
        source = contract.deciding
        check_entity(contract, names)
        self.positions = tuple(source.position(name) for name in names)
        self.alone = tuple(names) == (source.id,)
        """Every event is an entity of its own."""
        fields = [source.field(name) for name in names]
        self._names = [(item.name, item.former) for item in fields]
        self._id = [name == source.id for name in names]
        self._read = compile_reader(source, fields)

    def of(self, cells: Sequence[Cell]) -> tuple[Cell, ...]:
        return tuple(cells[at] for at in self.positions)

    def of_decision(self, decision: Decision) -> tuple[Cell, ...]:
        """The same cells from the ledger; an id that the server made up is the recorded one."""
        if self.alone:
            return (decision.event_id,)
        cells = self._read(under_todays_names(read_strict(decision.body), self._names)).cells
        return tuple(decision.event_id if own else cell for cell, own in zip(cells, self._id, strict=True))


def check_entity(contract: Contract, names: Sequence[str]) -> None:
    """Raises HoldfastError when a field is unknown, or of a type that names nothing."""
    source = contract.deciding
    types = {item.name: item.type for item in source.fields}
    usable = [name for name, kind in types.items() if kind in TYPES]
    problems = [
        Problem(name, "unknown_name", f"{source.name} has no field {name!r}", suggest(name, usable))
        if name not in types
        else Problem(name, "kind", f"{name} is a {types[name]}", "use text, integer, category or boolean fields")
        for name in names
        if types.get(name) not in TYPES
    ]
    if problems or not names:
        problems = problems or [Problem("entity", "missing", "no field is named", f"for example {source.id}")]
        raise HoldfastError("this names no entity", where="entity", problems=problems)

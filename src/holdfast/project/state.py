"""The state that live features are read from: what it keeps, and making it again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holdfast.errors import HoldfastError
from holdfast.project.history import Tick, counted, live_contracts, need_history, pin, pin_file, pinned
from holdfast.project.project import Project

if TYPE_CHECKING:
    from holdfast.ledger.rebuild import Rebuilt


@dataclass(frozen=True)
class Done:
    rebuilt: Rebuilt

    def as_dict(self) -> dict[str, Any]:
        found = self.rebuilt
        return {
            "series": found.series,
            "events": found.events,
            "points": found.points,
            "records": found.records,
            "refused": dict(found.refused),
        }

    def lines(self) -> list[str]:
        found = self.rebuilt
        words = (
            f"{found.events:,} events and {found.points:,} points of history, {found.records:,} records of the ledger"
        )
        return [f"{found.series} series built from {words}"]


def shown(project: Project) -> dict[str, Any]:
    """Every series with what it keeps, and how far the ledger is applied."""
    if not project.state_path.is_dir():
        raise HoldfastError("there is no state yet", where=str(project.state_path), mend="holdfast promote VERSION")
    with project.reading() as state:
        rows = [
            {
                "series": item.series.key.hex(),
                "structure": item.series.structure,
                "source": item.series.source,
                "entity": ", ".join(item.series.keys),
                "value": item.series.value,
                "ready": item.ready,
            }
            for item in state.registered()
        ]
        applied = state.applied_seq
    size = sum(file.stat().st_blocks * 512 for file in project.state_path.iterdir() if file.is_file())
    return {"applied_seq": applied, "last_seq": project.reader.last_seq(), "bytes": size, "series": rows}


def rebuilt(project: Project, *, again: bool = False, progress: Tick | None = None) -> Done:
    """Make the state anew from pinned history and the ledger; `again` pins the history as it is configured now.

    Raises HoldfastError while a server has the state open.
    """
    from holdfast.ledger.rebuild import rebuild

    contracts = live_contracts(project)
    need_history(contracts, project)
    inputs: dict[str, Path] = {}
    if again:
        pin_file(project).unlink(missing_ok=True)
    for contract in contracts:
        if again:
            pin(project, contract, project.inputs(contract))
        inputs |= pinned(project, contract)
    return Done(rebuild(project.state_path, contracts, inputs, project.ledger_path, counted(progress)))

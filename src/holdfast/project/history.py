"""History from before the ledger, as the project pins it, and the state that is built from it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.contract.model import Contract, contract_from
from holdfast.errors import HoldfastError
from holdfast.project.bundles import history
from holdfast.project.project import Project

if TYPE_CHECKING:
    from holdfast.features.state.state import State
    from holdfast.ledger.rebuild import Rebuilt
    from holdfast.ledger.writer import LedgerWriter

Tick = Callable[[int, int | None], None]


def pin_file(project: Project) -> Path:
    return project.home / "history.json"


def pinned(project: Project, contract: Contract, writer: LedgerWriter | None = None) -> dict[str, Path]:
    """The inputs that the project's state is built from, verified; pinned now if that was not done yet.

    A source, or outcomes apart, that a later contract adds are pinned beside the others. Raises HoldfastError when a
    pinned file has changed, or when the ledger begins long after history ends.
    """
    from holdfast.ledger.history import pinned_inputs

    inputs = pinned_inputs(pin_file(project))
    wanted = {source.name for source in contract.sources}
    wanted |= {f"{label.source}.{label.name}" for label in contract.labels} & set(project.settings.inputs)
    if wanted - set(inputs):
        known = {name: path for name, path in inputs.items() if name in wanted}
        pin(project, contract, {**project.inputs(contract), **known}, writer)
        inputs = pinned_inputs(pin_file(project))
    return inputs


def pin(project: Project, contract: Contract, inputs: dict[str, Path], writer: LedgerWriter | None = None) -> None:
    """Pin these inputs, and say so in the ledger."""
    from holdfast.ledger import history as pins
    from holdfast.ledger.records import History

    made = pins.pin(pin_file(project), contract, inputs, project.ledger_path)
    if writer is not None:
        writer.commit(
            [
                History(
                    source=item.source,
                    path=item.path,
                    fingerprint=item.fingerprint,
                    rows=item.rows,
                    known_until=item.known_until,
                )
                for item in made
            ]
        )


def live_contracts(project: Project) -> list[Contract]:
    """The contracts whose series are kept alive, the champion's first: of every alias, of the champion that a rollback
    returns to, of the one left last, whose fields are still sent, and of every experiment under way.
    """
    from holdfast.traffic.course import Experiments

    decided = history(project)
    now = decided.live()
    left = [step for step in decided.records if step.alias == "champion" and now and step.bundle != now.bundle]
    steps = [now, decided.before(), *left[-1:], *decided.aliases().values()]
    bundles = dict.fromkeys(step.bundle for step in steps if step is not None)
    bundles |= dict.fromkeys(arm.bundle for item in Experiments(project.reader.course()).running() for arm in item.arms)
    contracts = [_contract(project.bundles_path / bundle) for bundle in bundles]
    return [contract for contract in contracts if contract is not None]


def build_state(
    project: Project, state: State, contracts: Sequence[Contract], writer: LedgerWriter, progress: Tick | None = None
) -> Rebuilt:
    """Make every series of these contracts ready, while others read and write."""
    from holdfast.ledger.rebuild import build_missing

    inputs: dict[str, Path] = {}
    for contract in contracts:
        inputs |= pinned(project, contract, writer)
    return build_missing(state, contracts, inputs, project.ledger_path, counted(progress))


def ensure_state(project: Project) -> Rebuilt | None:
    """Before serving: build what the live contracts need and the state has not (after a power cut, all of it).

    None when nothing was missing.
    """
    from holdfast.features.plan import plan

    contracts = live_contracts(project)
    if not contracts:
        return None
    with project.writing() as (state, writer):
        if all(state.ready(series) for contract in contracts for series in plan(contract).series):
            return None
        return build_state(project, state, contracts, writer)


def counted(progress: Tick | None) -> Callable[[str, int], None] | None:
    """Progress that hears how many more there are, as progress that hears how many there are."""
    if progress is None:
        return None
    done = 0

    def hear(what: str, more: int) -> None:
        nonlocal done
        done += more
        progress(done, None)

    return hear


def _contract(bundle: Path) -> Contract | None:
    """The contract in a bundle's folder; None where the bundle is away. Loading it for serving verifies it."""
    try:
        return contract_from(json.loads((bundle / "contract.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def need_history(contracts: Sequence[Contract], project: Project) -> None:
    """Raise HoldfastError when nothing was ever promoted: then no state is needed yet."""
    if not contracts:
        raise HoldfastError(
            "nothing was promoted yet, so there is no state to keep",
            where=str(project.state_path),
            mend="holdfast promote VERSION builds what the version needs",
        )

"""What the ledger holds after an experiment, against what clients were told: the one judge of all experiments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from tests.serving.shop import first

from holdfast.bundle.bundle import Bundle
from holdfast.bundle.load import load
from holdfast.contract.model import Contract
from holdfast.errors import HoldfastError
from holdfast.features.history import Records
from holdfast.features.state.rows import rows
from holdfast.features.state.state import State
from holdfast.ledger.attach import attach
from holdfast.ledger.read import LedgerReader, verify
from holdfast.ledger.rebuild import rebuild
from holdfast.ledger.recompute import Recomputer
from holdfast.ledger.records import Decision, Promotion, Record
from holdfast.ledger.replay import ReplayReport, replay


@dataclass
class Audit:
    """Counts of what must all be none, but for the records themselves."""

    records: int
    decisions: int
    lost: list[str]
    """Acknowledged, and not in the ledger."""
    duplicates: list[str]
    """Decided more than once."""
    breaks: list[str]
    """Places where the order has a gap or a batch is damaged."""
    state_differs: bool = False
    """Whether state is not what the ledger makes of nothing."""

    @property
    def sound(self) -> bool:
        return not (self.lost or self.duplicates or self.breaks or self.state_differs)

    @property
    def wrong(self) -> list[str]:
        told = [f"lost: {item}" for item in self.lost] + [f"twice: {item}" for item in self.duplicates]
        return told + self.breaks + ["state is not what a rebuild makes"] * self.state_differs


def audit(home: Path, acknowledged: Iterable[str], *, rebuilt_at: Path | None = None) -> Audit:
    """Read the whole ledger of a shop that no server runs on; with `rebuilt_at` compare state with a rebuild there."""
    breaks = []
    try:
        verify(home / "ledger")
    except HoldfastError as error:
        breaks.append(str(error))
    found = list(LedgerReader(home / "ledger").records()) if not breaks else []
    if [item.seq for item in found] != list(range(1, len(found) + 1)):
        breaks.append("the records are not numbered without a gap")
    received = [item.received_at for item in found]
    breaks += [
        f"record {at + 2} was not received after the one before it"
        for at, (one, other) in enumerate(pairwise(received))
        if other <= one
    ]
    decided = Counter(item.event_id for item in found if isinstance(item, Decision))
    judged = Audit(
        records=len(found),
        decisions=sum(decided.values()),
        lost=sorted(set(acknowledged) - set(decided)),
        duplicates=sorted(event for event, times in decided.items() if times > 1),
        breaks=breaks,
    )
    if rebuilt_at is not None and not breaks:
        judged.state_differs = state_differs(home, rebuilt_at)
    return judged


def state_differs(home: Path, rebuilt_at: Path) -> bool:
    """Whether the state of a shop's first contract is other than what a rebuild makes of the ledger."""
    rebuild(rebuilt_at / "state", [first()], {}, home / "ledger")
    state = State.open(home / "state")
    try:
        attach(home / "ledger", state).close()
        again = State.open(rebuilt_at / "state", readonly=True)
        try:
            return list(rows(again)) != list(rows(state))
        finally:
            again.close()
    finally:
        state.close()


def recomputed(home: Path, decisions: list[Decision] | None = None) -> ReplayReport:
    """Every decision of a shop again by the version its row names: answer from features, features from the records."""
    everything = list(LedgerReader(home / "ledger").records())
    chosen = [item for item in everything if isinstance(item, Decision)] if decisions is None else decisions
    return replay(chosen, bundle_of=bundles(home, everything), recompute=Recomputer(no_history, lambda: everything))


def no_history(contract: Contract) -> Records:
    """A shop has only what its ledger holds."""
    return Records({}, {})


def bundles(home: Path, everything: Iterable[Record]) -> Callable[[Decision], Bundle]:
    """Finds the bundle of a decision, as the promotions say."""
    named = {(item.version, item.contract): item.bundle for item in everything if isinstance(item, Promotion)}
    opened: dict[str, Bundle] = {}

    def bundle_of(decision: Decision) -> Bundle:
        name = named[decision.version, decision.contract]
        if name not in opened:
            opened[name] = load(home / "bundles" / name, expect=name)
        return opened[name]

    return bundle_of

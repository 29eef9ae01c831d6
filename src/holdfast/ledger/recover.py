"""Starting: the ledger verified, a state worth trusting, and every record of the ledger in it, before anyone is told.

A process that died leaves state behind the ledger at most; opening a `LedgerWriter` applies the rest. A machine that
lost power leaves state of unknown worth: it is replaced by its checkpoint, or built anew (`State.found` says which).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from holdfast.contract.model import Contract
from holdfast.features.sources import Input
from holdfast.features.state.durability import Found
from holdfast.features.state.state import State
from holdfast.ledger.attach import attach
from holdfast.ledger.rebuild import Progress, Rebuilt, build_missing
from holdfast.ledger.writer import LedgerWriter


@dataclass(frozen=True)
class Recovered:
    """State and ledger, open and even; `found` is what the start found, `applied` how many records it applied."""

    state: State
    writer: LedgerWriter
    found: Found
    applied: int
    built: Rebuilt


def recover(
    state: Path,
    ledger: Path,
    contracts: Sequence[Contract],
    inputs: Mapping[str, Input],
    progress: Progress | None = None,
) -> Recovered:
    """Open state and ledger for these contracts, mending what a crash or a power cut left.

    Raises HoldfastError naming file and offset when the ledger is damaged other than by an unfinished last batch.
    """
    opened = State.open(state)
    try:
        before = opened.applied_seq
        writer = attach(ledger, opened)
        built = build_missing(opened, contracts, inputs, ledger, progress)
    except BaseException:
        opened.close()
        raise
    return Recovered(opened, writer, opened.found, opened.applied_seq - before, built)

"""The first thing a server does with its ledger: see that all of it is sound, and that state holds all of it."""

from __future__ import annotations

from pathlib import Path

from holdfast.errors import HoldfastError
from holdfast.features.state.state import State
from holdfast.ledger.log import Log
from holdfast.ledger.read import verify
from holdfast.ledger.writer import LedgerWriter


def attach(ledger: Path, state: State) -> LedgerWriter:
    """A writer for a start: the whole ledger verified, then applied to state as far as state lacks it.

    Raises HoldfastError naming file and offset when the ledger is damaged other than by an unfinished last batch.
    """
    applied = state.applied_seq
    recorded = verify(ledger)
    if applied > recorded:
        # The end of the ledger looks torn, but it was acknowledged: state was only ever told of synced batches.
        raise HoldfastError(
            f"the ledger is sound up to record {recorded} only, but state holds record {applied}",
            where=str(ledger),
            mend="restore the ledger's last segment from a backup",
        )
    return LedgerWriter(Log(ledger), state)

"""What stands how, now: read when Prometheus asks, and once a second for the other workers.

Each name is one of `metrics.FAMILIES`. A value that is not known is left out.
"""

from __future__ import annotations

from collections.abc import Callable
from time import time

from holdfast.errors import HoldfastError
from holdfast.features.state.state import State
from holdfast.ledger.read import LedgerReader
from holdfast.serving.durable import Durable
from holdfast.serving.live import Live
from holdfast.serving.metrics import Samples, build_info


class Gauges:
    """Reads the parts of one worker; changes nothing. `sync` answers how long the last sync of the ledger took."""

    def __init__(
        self, live: Live, state: State, durable: Durable, reader: LedgerReader, sync: Callable[[], float] = lambda: 0.0
    ) -> None:
        self._live = live
        self._state = state
        self._durable = durable
        self._reader = reader
        self._sync = sync
        self._began = time()
        self._promoted = (0, 0.0)
        """Seq and time of the promotion that holds."""
        self.door: Callable[[], dict[str, float]] = dict
        """Connections and requests of this worker, once it listens."""

    def of_worker(self) -> dict[str, float]:
        """What every worker tells of itself."""
        durable, live = self._durable, self._live
        found = {
            "holdfast_workers": 1.0,
            "holdfast_ledger_waiting_requests": float(durable.waiting),
            "holdfast_ledger_oldest_waiting_seconds": durable.oldest,
            "holdfast_ledger_last_sync_seconds": self._sync(),
            "holdfast_ledger_writable": float(not durable.trouble),
            "holdfast_promotion_followed": float(not live.trouble),
        }
        registry = live.registry
        if registry:
            reached = registry.get("last_reached")
            since = reached if isinstance(reached, int | float) else self._began
            found["holdfast_registry_reachable"] = float(bool(registry.get("reachable")))
            found["holdfast_registry_staleness_seconds"] = max(time() - since, 0.0)
        return found | self.door()

    def of_all(self) -> dict[str, float]:
        """What the worker that is asked reads for all: ledger, state, promotion."""
        # State first: what comes in between is then a record that state does not hold yet, and not one too many.
        try:
            applied = self._state.applied
            beyond = self._reader.beyond(applied.first_seq, applied.offset)
        except HoldfastError:
            return {}  # /health says what is wrong
        return {
            "holdfast_state_seq": float(applied.seq),
            "holdfast_ledger_seq": float(applied.seq + beyond),
            "holdfast_state_lag_records": float(beyond),
            **self._since(),
        }

    def labelled(self) -> Samples:
        """Those whose value is 1 and whose labels tell."""
        champion = self._live.now.champion
        model = (champion.name, champion.version, champion.bundle.hash, champion.contract_hash)
        return {"holdfast_model_info": [(model, 1)], "holdfast_build_info": [build_info()]}

    def _since(self) -> dict[str, float]:
        seq = self._live.now.seq
        if self._promoted[0] != seq:
            record = self._reader.record(seq)
            if record is None:
                return {}
            self._promoted = (seq, record.received_at / 1_000_000)
        return {"holdfast_model_promoted_timestamp_seconds": self._promoted[1]}

"""What the server says about itself: alive, ready, healthy, which model answers. Each word is checked when asked."""

from __future__ import annotations

from collections.abc import Mapping
from time import time
from typing import Any

from holdfast import __version__
from holdfast.contract.values import timestamp_text
from holdfast.errors import HoldfastError
from holdfast.features.state.state import State
from holdfast.serving.durable import Durable
from holdfast.serving.live import Live, LiveSet, Version
from holdfast.traffic.assign import SLOTS


class Health:
    """Reads the live set, the state and the ledger's side; changes nothing."""

    def __init__(self, live: Live, state: State, durable: Durable) -> None:
        self._live = live
        self._state = state
        self._durable = durable
        self._began = time()

    def checks(self) -> dict[str, str]:
        """Each condition of readiness, and what is wrong with it (empty: nothing)."""
        live = self._live.now
        found = {"model": "", "state": "", "ledger": self._durable.trouble}
        try:
            if not all(map(self._state.ready, live.champion.plan.series)):
                found["state"] = "a series of the champion's contract is not built"
            elif self.applied_seq() < self._durable.seq:
                found["state"] = f"it stands at record {self.applied_seq()} of {self._durable.seq}"
        except HoldfastError as error:
            found["state"] = str(error)
        return found

    def applied_seq(self) -> int:
        with self._state.snapshot() as snapshot:
            return snapshot.applied_seq

    def ready(self) -> tuple[int, dict[str, Any]]:
        """200 when a request would be answered now, else 503; a promotion that was not followed is told."""
        checks = self.checks()
        wrong = {name: what for name, what in checks.items() if what}
        shape: dict[str, Any] = {"ready": not wrong, "checks": {name: what or "ok" for name, what in checks.items()}}
        if self._live.trouble:
            shape["problems"] = [self._live.trouble]
        return (503 if wrong else 200), shape

    def health(self) -> tuple[int, dict[str, Any]]:
        """The whole picture in one answer: ready or not, the model, state, ledger and registry."""
        status, shape = self.ready()
        live = self._live.now
        return status, {
            "status": "healthy" if status == 200 else "unhealthy",
            "checks": shape["checks"],
            "problems": shape.get("problems", []),
            "model": identity(live.champion),
            "previous": identity(live.previous) if live.previous is not None else None,
            "experiment": under_way(live),
            "measures": in_force(live),
            "beside": [identity(version) for version in live.beside],
            "state": {"applied_seq": self.applied_seq()},
            "registry": staleness(self._live.registry, live.champion),
            "uptime_seconds": round(time() - self._began, 1),
            "holdfast": __version__,
        }

    def model_info(self) -> dict[str, Any]:
        """The champion: where it comes from and what it knows."""
        live = self._live.now
        version, contract = live.champion, live.champion.contract
        manifest = version.bundle.manifest
        return {
            **identity(version),
            "previous": identity(live.previous) if live.previous is not None else None,
            "created_at": manifest.created_at,
            "training": manifest.training,
            "threshold": version.bundle.threshold.as_json(),
            "explained_by": version.bundle.explained_by,
            "description": contract.description,
            "decides_on": contract.decide_on,
            "label": contract.label,
            "features": [
                {"name": item.name, "description": item.description, "unit": item.unit, "owner": item.owner}
                for item in contract.features
            ],
            "fields": [
                {"name": item.name, "type": item.type, "unit": item.unit, "personal": item.personal}
                for item in version.source.fields
            ],
        }


def identity(version: Version) -> dict[str, str]:
    return {
        "name": version.name,
        "version": version.version,
        "variant": version.variant,
        "bundle": version.bundle.hash,
        "contract": version.contract_hash,
    }


def in_force(live: LiveSet) -> list[dict[str, Any]]:
    """What is decided or read otherwise for a while, and until when."""
    held = () if live.measures is None else live.measures.measures
    return [
        {
            "record": item.seq,
            "kind": item.kind,
            "version": item.version,
            "value": item.value,
            "names": dict(item.names),
            "until": timestamp_text(item.until),
        }
        for item in held
    ]


def under_way(live: LiveSet) -> dict[str, Any] | None:
    """The experiment that shares out the answers: whose part is how large."""
    if live.split is None:
        return None
    record = live.split.record
    variants = [{"variant": arm.name, "version": arm.version, "share": arm.weight / SLOTS} for arm in record.arms]
    return {"name": record.name, "kind": record.kind, "step": record.step, "seq": record.seq, "variants": variants}


def staleness(seen: Mapping[str, object], champion: Version) -> dict[str, Any]:
    """How old our knowledge of the registry is, and whether its alias says the same as Holdfast's own history."""
    if not seen:
        return {"reachable": None}
    reached = seen.get("last_reached")
    shape: dict[str, Any] = {name: value for name, value in seen.items() if name != "last_reached"}
    if isinstance(reached, int | float):
        shape["last_reached"] = timestamp_text(int(reached * 1_000_000))
        shape["stale_seconds"] = round(max(time() - reached, 0.0), 1)
    aliases = seen.get("aliases")
    alias = aliases.get("champion") if isinstance(aliases, Mapping) else None
    if alias is not None and str(alias) != champion.version:
        shape["note"] = (
            f"the registry's champion alias says version {alias}; "
            f"version {champion.version} was promoted by Holdfast and goes on answering"
        )
    return shape
